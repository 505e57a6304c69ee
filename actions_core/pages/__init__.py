"""A destination's page, as a catalogue has it, in Markdown."""

from __future__ import annotations

from actions_core.pages.destination import destination_page
from actions_core.pages.words import default_text, required_text

__all__ = ["default_text", "destination_page", "required_text"]
