"""What a folder of code holds: found by one walk, hashed once per change, told apart by content and mode alone."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

# Neither belongs to the code: version control, our own state, what building and running leaves behind.
IGNORED = frozenset({".git", ".hg", ".svn", ".runner", ".aws-sam", "__pycache__", ".DS_Store"})
CHUNK = 1024 * 1024
TICK_NS = 20_000_000  # file systems stamp in ticks of up to 10 ms: a younger stamp may hide another write

Stamp = tuple[int, int, int, int]
"""mtime and ctime in nanoseconds, size, inode: a file whose stamp is the same is the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a source folder. `path` is relative, with slashes; `link` is the target of a link kept as a link."""

    path: str
    source: str
    mode: int
    stamp: Stamp
    link: str = ""

    @property
    def size(self) -> int:
        return self.stamp[2]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an artifact: its content's hash, or where the link leads."""

    path: str
    mode: int
    size: int
    content: str = ""
    link: str = ""


def walk(root: Path) -> list[Found]:
    """Every file below `root` (or `root` itself, if it is a file), sorted by path.

    Links that stay within `root` are kept as links, as package managers make them; others are followed, as a
    deployment package would hold what they lead to. Broken links and files that vanish meanwhile are no code.
    """
    if root.is_file():
        status = root.stat()
        return [Found(root.name, str(root), _mode(status), _stamp(status))]
    found = list(_walk(str(root), "", os.path.realpath(root), frozenset()))
    found.sort(key=lambda item: item.path)
    return found


def _walk(folder: str, prefix: str, root: str, above: frozenset[str]) -> Iterator[Found]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
        return  # a virtual environment is bound to this machine and is no part of a function
    for entry in entries:
        if entry.name in IGNORED:
            continue
        path = prefix + entry.name
        try:
            if entry.is_symlink():
                yield from _linked(entry, path, root, above)
            elif entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, path + "/", root, above)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                yield Found(path, entry.path, _mode(status), _stamp(status))
        except FileNotFoundError:
            continue


def _linked(entry: os.DirEntry[str], path: str, root: str, above: frozenset[str]) -> Iterator[Found]:
    target = os.readlink(entry.path)
    real = os.path.realpath(entry.path)
    status = os.stat(real)  # raises FileNotFoundError for a broken link
    if not os.path.isabs(target) and stays_inside(path, target) and real.startswith(root + os.sep):
        yield Found(path, entry.path, 0o777, (0, 0, 0, 0), link=target)
    elif stat.S_ISDIR(status.st_mode):
        if real not in above and not f"{root}{os.sep}".startswith(f"{real}{os.sep}"):
            yield from _walk(real, path + "/", root, above | {real})
    elif stat.S_ISREG(status.st_mode):
        yield Found(path, real, _mode(status), _stamp(status))


def stays_inside(path: str, target: str) -> bool:
    """Whether a relative link at `path` leads to something in the same tree."""
    depth = len(PurePosixPath(path).parts) - 1
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 0 if part == "." else 1
        if depth < 0:
            return False
    return not target.startswith("/")


def _mode(status: os.stat_result) -> int:
    """Permissions of a file that nobody writes to any more."""
    return stat.S_IMODE(status.st_mode) & 0o555 | 0o400


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


@dataclass(slots=True)
class Hashes:
    """Content hashes by file and stamp: what did not change is not read again."""

    known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)

    def get(self, found: Found) -> str | None:
        entry = self.known.get(found.source)
        return entry[1] if entry is not None and entry[0] == found.stamp else None

    def note(self, found: Found, content: str, read_at_ns: int) -> None:
        """Remember a hash, unless the file is so young that another write might carry the same stamp."""
        if max(found.stamp[0], found.stamp[1]) < read_at_ns - TICK_NS:
            self.known[found.source] = (found.stamp, content)
        else:
            self.known.pop(found.source, None)

    def dump(self) -> Mapping[str, list[int | str]]:
        return {source: [*stamp, content] for source, (stamp, content) in self.known.items()}

    @classmethod
    def load(cls, document: Mapping[str, list[int | str]]) -> Hashes:
        known: dict[str, tuple[Stamp, str]] = {}
        for source, (mtime, ctime, size, inode, content) in document.items():
            known[source] = ((int(mtime), int(ctime), int(size), int(inode)), str(content))
        return cls(known)


def hash_file(path: str) -> tuple[str, int]:
    """SHA-256 in hex, and the number of bytes read."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def tree_digest(parts: Iterable[Part]) -> str:
    """The digest of a tree: paths, modes and contents, in order of path. When a file was written does not matter."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.path}\0{part.mode:o}\0{part.content or '->' + part.link}\n".encode())
    return digest.hexdigest()


def archive_size(parts: Iterable[Part]) -> int:
    """Bytes of a zip archive that stores these files uncompressed: what `CodeSize` says of a folder."""
    return 22 + sum(part.size + len(part.link) + 76 + 2 * len(part.path.encode()) for part in parts)
