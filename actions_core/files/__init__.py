"""JSON that people write: read from files with every fault named, or checked where Python made it."""

from __future__ import annotations

from actions_core.files.reading import parse_json, read_json
from actions_core.files.values import MAX_DEPTH, json_problems

__all__ = ["MAX_DEPTH", "json_problems", "parse_json", "read_json"]
