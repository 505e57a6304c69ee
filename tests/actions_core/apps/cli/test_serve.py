"""`actions serve` as a process: it announces itself, refuses what cannot work, and ends well."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

    from actions_fullstory.sandbox import FullStorySandbox

HEADERS = {"Content-Type": "application/json"}


def fetch(url: str, body: Any = None) -> Any:
    """Send a request to the server on this machine, and return the JSON of its response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, HEADERS)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
        return json.load(response)


def announced(process: subprocess.Popen[str]) -> Any:
    """Wait until the server listens, and return what it says."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_events_in_and_out(shell: Any, workspace: dict[str, Any], stand_in: FullStorySandbox) -> None:
    """An event is taken and delivered; after SIGTERM the command ends with 0, and nothing waits."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    shell.write("workspace.json", {**workspace, "outbox": "events.db"})
    process = shell.start_anew("serve", "workspace.json", "--port", "0", "--json")
    said = announced(process)
    assert said["outbox"] == "events.db"
    event = {"event": "Order Completed", "userId": "u-1", "writeKey": "any"}
    assert fetch(f"{said['url']}/v1/track", event) == {"success": True}
    while not stand_in.events:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (0, False)
    (told,) = [line for line in map(json.loads, err.splitlines()[:1]) if line["message"] == "delivered"]
    assert (told["instance"], told["status"], told["try"]) == ("fs", "sent", 1)
    assert [event["name"] for event in stand_in.events] == ["Order Completed"]


def test_only_storing(shell: Any, workspace: dict[str, Any], stand_in: FullStorySandbox) -> None:
    """With `--store-only` nothing is delivered; `--outbox` names the file. Ctrl-C ends it well too."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    shell.write("workspace.json", workspace)
    options = ("--outbox", "other.db", "--store-only", "--port", "0", "--json")
    process = shell.start("serve", "workspace.json", *options)
    said = announced(process)
    fetch(f"{said['url']}/v1/track", {"event": "E", "userId": "u-1", "writeKey": "any"})
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (shell.folder / "other.db").exists()
    assert not stand_in.requests


def test_what_cannot_be_served(shell: Any, workspace: dict[str, Any]) -> None:
    """A workspace is refused with all that is wrong with it, and so are addresses that cannot be used."""
    sources = [{"writeKey": {"$env": "NO_SUCH_KEY"}}]
    shell.write("faulty.json", {**workspace, "sources": sources})
    run = shell.run("serve", "faulty.json")
    assert run.code == 2
    assert "$.outbox" in run.err
    assert "$.sources[0].writeKey: the environment variable NO_SUCH_KEY is not set" in run.err
    shell.write("workspace.json", {**workspace, "outbox": "events.db"})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = shell.run("serve", "workspace.json", "--port", port)
    assert (run.code, f"cannot listen at 127.0.0.1:{port}" in run.err) == (2, True)


def test_a_destination(shell: Any) -> None:
    """With `--destination`, the tester's protocol is served."""
    process = shell.start("serve", "--destination", "fullstory", "--port", "0", "--json")
    said = announced(process)
    assert said["destination"] == "actions-fullstory-cloud"
    assert fetch(f"{said['url']}/manifest")["directoryName"] == "actions_fullstory"
    assert fetch(f"{said['url']}/authenticate", {})["ok"] is False
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
