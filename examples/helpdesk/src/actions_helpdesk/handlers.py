"""One function for each action, and what all requests share."""

from __future__ import annotations

from urllib.parse import quote

from actions_core import Context, Destination, Request, present

destination = Destination.from_package(__package__)


@destination.prepare
def prepare(request: Request, context: Context) -> Request:
    """Send every request to the base URL, with the key."""
    return request.with_base(context.settings["baseUrl"]).with_bearer(context.settings["apiKey"])


@destination.test_authentication
def check_key() -> Request:
    """Ask whose key it is: any response but 2xx says that it is not good."""
    return Request("GET", "/me")


@destination.action("saveContact")
def save_contact(*, contact_id: str, email: str | None = None, name: str | None = None) -> Request:
    """Add or change a contact."""
    body = {"email": email, "name": name}
    return Request("PUT", f"/contacts/{quote(contact_id, safe='')}", json=present(body))


@destination.action("addNote")
def add_note(*, contact_id: str, text: str, at: str | None = None) -> Request:
    """Add a note to the history of a contact."""
    return Request("POST", "/notes", json=present({"contact": contact_id, "text": text, "at": at}))
