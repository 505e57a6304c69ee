"""A destination's page, as a catalogue has it, in Markdown."""

from __future__ import annotations

from actions_core.authoring.docs_page.destination import destination_page
from actions_core.authoring.docs_page.markdown import default_text, required_text

__all__ = ["default_text", "destination_page", "required_text"]
