"""HubSpot: contacts, companies, records of any object, lists and custom events."""

from __future__ import annotations

from actions_hubspot import (  # noqa: F401 - register their functions
    choices,
    companies,
    contacts,
    events,
    objects,
    records,
)
from actions_hubspot.definition import destination

__all__ = ["destination"]
