"""`actions console` as a process: it announces itself, lets in who has the address, and ends well."""

from __future__ import annotations

import gc
import http.cookiejar
import json
import signal
import socket
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from actions_core.apps.cli.app import app

if TYPE_CHECKING:
    import subprocess

    from actions_fullstory.sandbox import FullStorySandbox


def announced(process: subprocess.Popen[str]) -> Any:
    """Wait until the console listens, and return what it says."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def browser() -> urllib.request.OpenerDirector:
    """Make something that keeps cookies, as a browser does."""
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    """Send a signal; return the exit code and standard error."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_only_looking(shell: Any, workspace: dict[str, Any]) -> None:
    """It opens to the printed address alone, delivers nothing, shows no token in its log, and ends well."""
    shell.write("workspace.json", workspace)
    process = shell.start_anew("console", "workspace.json", "--port", "0", "--json")
    said = announced(process)
    assert said["events"] is None
    with browser().open(said["url"]) as found:
        assert found.status == 200
        assert b"Destinations" in found.read()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        browser().open(said["url"].partition("?")[0])
    code, err = ended(process, signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert "refused with 401" in err
    assert said["url"].partition("token=")[2] not in err


def test_delivering_too(shell: Any, workspace: dict[str, Any], stand_in: FullStorySandbox) -> None:
    """With `--serve` it takes events and delivers them, through the same outbox that its pages show."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    shell.write("workspace.json", {**workspace, "outbox": "events.db"})
    ports = ("--port", "0", "--events-port", "0")
    token = {"ACTIONS_CONSOLE_TOKEN": "given-by-us"}
    process = shell.start("console", "workspace.json", "--serve", *ports, "--json", **token)
    said = announced(process)
    assert said["url"].endswith("?token=given-by-us")
    event = json.dumps({"event": "Order Completed", "userId": "u-1", "writeKey": "any"}).encode()
    sent = urllib.request.Request(  # noqa: S310 - our own server
        f"{said['events']}/v1/track", event, {"Content-Type": "application/json"}
    )
    assert browser().open(sent).status == 200
    while not stand_in.events:
        time.sleep(0.02)
    opened = browser()
    opened.open(said["url"])
    page = b""
    while b"Order Completed" not in page:  # outcomes are written once a second
        page = opened.open(said["url"].replace("/?", "/deliveries?")).read()
    code, err = ended(process)
    assert (code, "Traceback" in err) == (0, False)


def test_a_faulty_workspace_opens(shell: Any, workspace: dict[str, Any]) -> None:
    """A workspace with errors can be looked at and mended; what delivers refuses it."""
    workspace["destinations"][0]["settings"]["apiKey"] = {"$env": "NO_SUCH_KEY"}
    shell.write("faulty.json", {**workspace, "outbox": "events.db"})
    process = shell.start("console", "faulty.json", "--port", "0", "--json")
    with browser().open(announced(process)["url"]) as found:
        assert b"NO_SUCH_KEY is not set" in found.read()
    assert ended(process)[0] == 0
    run = shell.run("console", "faulty.json", "--deliver", "--port", "0")
    assert (run.code, "NO_SUCH_KEY is not set" in run.err) == (2, True)


def test_what_cannot_be_opened(shell: Any, workspace: dict[str, Any]) -> None:
    """A port that is taken, a file that is none and an outbox that is not named are errors in words."""
    file = shell.write("workspace.json", workspace)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = shell.run("console", file, "--port", port)
    assert (run.code, f"cannot listen at 127.0.0.1:{port}" in run.err) == (2, True)
    run = shell.run("console", "gone.json")
    assert (run.code, "does not exist" in run.err) == (2, True)
    run = shell.run("console", file, "--deliver")
    assert (run.code, '"outbox": "events.db"' in run.err) == (2, True)


def test_garbage_is_looked_for_again(shell: Any, workspace: dict[str, Any]) -> None:
    """A console that cannot be opened leaves the collection of garbage as it was."""
    file = shell.write("workspace.json", workspace)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert CliRunner().invoke(app, ["console", str(file), "--port", port]).exit_code == 2
    assert gc.isenabled()


def test_where_it_is_not_installed(shell: Any, workspace: dict[str, Any]) -> None:
    """Without NiceGUI the command says what to install."""
    file = shell.write("workspace.json", workspace)
    shell.write("nicegui.py", "raise ModuleNotFoundError(name='nicegui')\n")
    process = shell.start_anew("console", file, PYTHONPATH=str(shell.folder))
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "pip install 'actions-core[cli,console]'" in err) == (2, True)
