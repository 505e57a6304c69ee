"""The outbox as a file: SQLite of the standard library, and locks of the kernel beside it.

Only this package imports sqlite3 and fcntl.
"""

from __future__ import annotations

from actions_core.delivery.file.looking import FileLook
from actions_core.delivery.file.store import FileLetters, FileOptions, FileStore
from actions_core.delivery.file.writer import Writer
from actions_core.delivery.file.writer_letters import WriterLetters

__all__ = ["FileLetters", "FileLook", "FileOptions", "FileStore", "Writer", "WriterLetters"]
