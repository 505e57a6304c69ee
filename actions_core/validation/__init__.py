"""Payloads and documents against what is said of them."""

from __future__ import annotations

from actions_core.validation.payloads import PayloadValidator

__all__ = ["PayloadValidator"]
