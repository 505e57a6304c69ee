"""Validation of payloads against fields, and of documents against schemas."""

from __future__ import annotations

from actions_core.validation.payloads import PayloadValidator

__all__ = ["PayloadValidator"]
