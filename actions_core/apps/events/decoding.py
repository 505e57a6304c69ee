"""The bytes of a file as UTF-8: unpacked where they are gzip or zstd, converted where they are UTF-16.

What a file is, its first bytes say, not its name. Memory stays flat, whatever a few compressed bytes may
unpack to.
"""

from __future__ import annotations

import codecs
import importlib
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: The most that is unpacked at once.
_PIECE: Final = 256 * 1024
_MAGIC_BYTES: Final = 6
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
#: zlib's number for "gzip, with its header and its checksum".
_GZIP_WINDOW: Final = 31
_UNREADABLE: Final = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"SQLite": "an SQLite database",
}
_UTF_16_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ZSTD_MISSING: Final = (
    "it is compressed with zstd, for which the package backports.zstd is missing: "
    "pip install 'actions-core[cli]'"
)


class DecodingError(ActionsError):
    """The bytes of a file cannot be unpacked or converted from here on."""

    default_code = "FILE_UNREADABLE"


class _Decompressor(Protocol):
    """A decompressor of one gzip member, or of one zstd frame."""

    @property
    def eof(self) -> bool:
        """Whether its end has been reached."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The bytes behind its end."""
        ...


def why_unreadable(first: bytes) -> str:
    """Return why a file that begins with these bytes cannot be read; nothing where it can."""
    for magic, kind in _UNREADABLE.items():
        if first.startswith(magic):
            return f"it is {kind}; unpack it to NDJSON first"
    return _ZSTD_MISSING if first.startswith(_ZSTD) and _zstd() is None else ""


def decode(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of a file in pieces of UTF-8. Raises `DecodingError` where its bytes make no sense."""
    chunks, first = _peek(iter(chunks), _MAGIC_BYTES)
    if why := why_unreadable(first):
        raise DecodingError(why)
    if first.startswith(_GZIP):
        chunks = _unpack(chunks, _gzip_member, "gzip")
    elif first.startswith(_ZSTD):
        chunks = _unpack(chunks, _zstd_frame, "zstd")
    chunks, first = _peek(chunks, 4)
    encoding = _utf_16(first)
    return chunks if encoding is None else _convert(chunks, encoding)


def _peek(chunks: Iterator[bytes], size: int) -> tuple[Iterator[bytes], bytes]:
    """Return the chunks, and the first bytes of them."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= size:
            break

    def all_of_them() -> Iterator[bytes]:
        yield first
        yield from chunks

    return all_of_them(), first


def _utf_16(first: bytes) -> str | None:
    """Return the encoding of a file in UTF-16, by its mark or by the zero byte of an ASCII character."""
    if (found := _UTF_16_MARKS.get(first[:2])) is not None:
        return found
    zeros = [byte == 0 for byte in first[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else None


def _convert(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    is_first = True
    for chunk in chunks:
        text = decoder.decode(chunk)
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        # Half a pair stays what it is: the reader of the event says so, with its place.
        yield text.encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        raise DecodingError("the file ends in the middle of a UTF-16 character")


def _unpack(
    chunks: Iterator[bytes], member: Callable[[], tuple[_Decompressor, Callable[[bytes], bytes]]], kind: str
) -> Iterator[bytes]:
    """Unpack the members of a file, of which there may be many, as `cat` puts them together."""
    read = 0
    current: tuple[_Decompressor, Callable[[bytes], bytes]] | None = None
    for chunk in chunks:
        read += len(chunk)
        rest = chunk
        while rest or (current is not None and _has_more(current[0])):
            if current is None:
                rest = rest.lstrip(b"\0")  # a tape or a block device fills up with zeros
                if not rest:
                    break
                current = member()
            try:
                text = current[1](rest)
            except Exception:  # noqa: BLE001 - zlib and zstd have errors of their own
                place = f"near byte {read - len(rest) + 1:,}"
                raise DecodingError(f"the {kind} data is damaged {place}") from None
            if text:
                yield text
            decompressor = current[0]
            rest = decompressor.unused_data if decompressor.eof else _unconsumed(decompressor)
            if decompressor.eof:
                current = None
    if current is not None:
        raise DecodingError(f"the {kind} data ends in the middle, after {read:,} bytes: the file is cut off")


def _has_more(decompressor: Any) -> bool:
    """Return whether zstd keeps text back that was more than a piece."""
    return not getattr(decompressor, "needs_input", True) and not decompressor.eof


def _unconsumed(decompressor: Any) -> bytes:
    """Return what zlib gives back of its input; zstd keeps it."""
    return bytes(getattr(decompressor, "unconsumed_tail", b""))


def _gzip_member() -> tuple[_Decompressor, Callable[[bytes], bytes]]:
    member = zlib.decompressobj(_GZIP_WINDOW)
    return member, lambda data: member.decompress(data, _PIECE)


def _zstd_frame() -> tuple[_Decompressor, Callable[[bytes], bytes]]:
    module = _zstd()
    frame = module.ZstdDecompressor()
    return frame, lambda data: frame.decompress(data, _PIECE)


def _zstd() -> Any:
    """Return the module for zstd, in Python since 3.14; None where it is not installed."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return None
