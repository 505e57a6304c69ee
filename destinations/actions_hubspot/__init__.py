"""HubSpot: contacts, companies, records of any object, lists and custom events."""

from __future__ import annotations

from actions_hubspot import companies, contacts, events, objects, records  # noqa: F401 - register their functions
from actions_hubspot.definition import destination

__all__ = ["destination"]
