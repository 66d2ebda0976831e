"""Unpacks a deployment package without trusting it: no path leaves its folder, no archive grows past the limit."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from runner.runtime.functions.code_tree import CHUNK, stays_inside

UNZIPPED_LIMIT = 262_144_000  # bytes, function or layer
FILES_LIMIT = 200_000


class BadArchive(Exception):
    """The archive cannot be used; the message says why."""


class TooLarge(BadArchive):
    """Unpacked, it would exceed the limit."""


def unpack(archive: Path | bytes, into: Path) -> None:
    """Write the files of a zip archive below `into`, which exists and is empty. Raises BadArchive."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive) if isinstance(archive, bytes) else archive) as opened:
            entries = list(_checked(opened))
            room = UNZIPPED_LIMIT
            for path, info in entries:
                room -= _write(opened, info, into / path, path, room)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise BadArchive(f"It is not a readable zip archive: {error}") from error


def _checked(opened: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """The files among the entries with their safe path, after the declared sizes were looked at."""
    infos = opened.infolist()
    if len(infos) > FILES_LIMIT or sum(info.file_size for info in infos) >= UNZIPPED_LIMIT:
        raise TooLarge(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
    for info in infos:
        if info.flag_bits & 0x1:
            raise BadArchive(f"{info.filename!r} is encrypted.")
        parts = [part for part in PurePosixPath(info.filename.replace("\\", "/")).parts if part != "."]
        if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0]:
            raise BadArchive(f"{info.filename!r} would be written outside of its folder.")
        if not info.is_dir():
            yield "/".join(parts), info


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, path: str, room: int) -> int:
    """Write one file; returns its size. What an archive declares is not what it holds, so bytes are counted."""
    mode = info.external_attr >> 16
    _make_parents(target)
    if stat.S_ISLNK(mode):
        link = opened.read(info).decode("utf-8", "surrogateescape")
        if not stays_inside(path, link):
            raise BadArchive(f"The link {path!r} leads out of its folder.")
        os.symlink(link, target)
        return len(link)
    with opened.open(info) as source, open(target, "wb") as file:
        size = _copy(source, file, room)
    os.chmod(target, stat.S_IMODE(mode) or 0o644)
    return size


def _make_parents(target: Path) -> None:
    """Nothing is written through a link that the archive itself brought; of equal names the last one stands."""
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        raise BadArchive(f"{target.name!r} is both a file and a folder.")
    for parent in target.parents:
        if parent.is_symlink():
            raise BadArchive(f"{target.name!r} would be written through a link.")
        if parent.is_dir():
            break
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadArchive(f"{target.name!r} is both a file and a folder.") from error


def _copy(source: IO[bytes], file: IO[bytes], room: int) -> int:
    size = 0
    while chunk := source.read(CHUNK):
        size += len(chunk)
        if size > room:
            raise TooLarge(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
        file.write(chunk)
    return size
