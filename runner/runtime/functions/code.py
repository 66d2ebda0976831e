"""Immutable snapshots of code: one folder for each content, under its digest. Whatever runs, runs from one of them.

A file's content is kept once and linked into every artifact that holds it, so that a snapshot after one save costs
one copy and as many links as there are files. Nothing in an artifact is writable, as nothing in `/var/task` is.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from runner.model.errors import ApiError, InputError
from runner.model.function import Function, FunctionVersion, LayerCode
from runner.model.stack import Resource
from runner.model.state import State
from runner.planner import CodeDigest
from runner.runtime.functions.build import Builds, Built
from runner.runtime.functions.code_tree import (
    CHUNK,
    TICK_NS,
    Found,
    Hashes,
    Part,
    archive_size,
    hash_file,
    tree_digest,
    walk,
)
from runner.runtime.functions.code_zip import UNZIPPED_LIMIT, BadArchive, TooLarge, unpack

log = logging.getLogger(__name__)

ZIPPED_LIMIT = 52_428_800  # bytes of an archive that is uploaded through the API
WORTH_SAVING = 500  # newly hashed files after which the table of hashes is written for the next start
GRACE_S = 600.0  # an artifact is kept at least so long after it was asked for
ATTEMPTS = 5  # a folder that changes under the walk is walked again
Trees = tuple[tuple[str, Path], ...]
"""Folders, each under a prefix; of equal paths the last one stands."""

Wanted = tuple[Path, Trees]
"""A source, and the trees that its artifact is made of."""

ARCHIVES = (".zip", ".jar")


def artifacts_of(state: State) -> frozenset[str]:
    """Every artifact that something deployed refers to."""
    versions = [deployed.noun for deployed in state.of(FunctionVersion).values()]
    layers = [deployed.noun.artifact for deployed in state.of(LayerCode).values()]
    return frozenset([*layers, *(artifact for noun in versions for artifact in (noun.artifact, *noun.layers))])


class CodeStore:
    """Artifacts under one folder. `snapshot` and `upload` make them, `path` finds them, `collect` drops the unused."""

    def __init__(self, folder: Path, builds: Builds | None = None) -> None:
        self._folder = folder
        self._files = folder / "files"
        self._table = folder / "hashes.json"
        self._builds = builds
        self._hashes: Hashes | None = None
        self._fresh = 0
        self._present: set[tuple[str, int]] = set()  # contents known to be in the pool
        self._last: dict[Wanted, tuple[object, CodeDigest]] = {}
        self._asked_for: dict[Wanted, asyncio.Future[CodeDigest]] = {}
        self._taking: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    def path(self, artifact: str) -> Path:
        """The folder of an artifact."""
        return self._folder / artifact

    async def snapshot(self, resource: Resource, base: Path) -> CodeDigest:
        """The code of a function or layer as it is now, dependencies built. Raises InputError.

        `base` is the folder that relative paths of the stack file start from.
        """
        del base  # the loader has resolved the path
        noun = resource.noun
        if isinstance(noun, Function) and noun.code.zip_file is not None and resource.code is None:
            return await self.inline(noun.code.zip_file, noun.runtime or "")
        source = resource.code
        if source is None:
            raise InputError(
                f"{resource.at}: {resource.logical_id} has no local code; S3 objects and images are not fetched.",
                hint="Point it at a local folder or zip file.",
            )
        if not source.exists():
            raise InputError(
                f"{resource.at}: the code of {resource.logical_id} does not exist: {source}",
                hint="Create the folder, or correct the path.",
            )
        built = await self._builds.build(resource) if self._builds else Built()
        own = ((built.source, source),) if built.source is not None else ()
        try:
            return await self._asked((source, (*built.trees, *own)))
        except BadArchive as error:
            raise InputError(f"{resource.at}: the code of {resource.logical_id} cannot be used: {error}") from error
        except OSError as error:
            raise InputError(f"{resource.at}: the code of {resource.logical_id} cannot be read: {error}") from error

    async def _asked(self, wanted: Wanted) -> CodeDigest:
        """Take a snapshot together with all others that are asked for at the moment, each different one once.

        A thousand functions are one hop to a thread, and those that share a folder one walk through it.
        """
        future = self._asked_for.get(wanted)
        if future is None:
            future = self._asked_for[wanted] = asyncio.get_running_loop().create_future()
            if self._taking is None:
                self._taking = asyncio.create_task(self._take_asked())
        return await asyncio.shield(future)

    async def _take_asked(self) -> None:
        try:
            async with self._lock:
                while self._asked_for:
                    # From here on nobody joins: what is asked for later may have changed meanwhile.
                    asked, self._asked_for = self._asked_for, {}
                    taken = await asyncio.to_thread(self._take_all, list(asked))
                    for future, result in zip(asked.values(), taken, strict=True):
                        if isinstance(result, CodeDigest):
                            future.set_result(result)
                        else:
                            future.set_exception(result)
        finally:
            self._taking = None

    async def inline(self, text: str, runtime: str) -> CodeDigest:
        """The artifact of CloudFormation's inline code: one file named `index`."""
        name = "index.js" if runtime.startswith("nodejs") else "index.py"
        async with self._lock:
            return await asyncio.to_thread(self._write_inline, name, text.encode())

    async def upload(self, archive: bytes) -> CodeDigest:
        """The artifact of a zip archive that came through the API. Raises ApiError with Lambda's own messages."""
        if len(archive) > ZIPPED_LIMIT:
            raise ApiError(
                "RequestEntityTooLargeException", f"Zipped size must be smaller than {ZIPPED_LIMIT} bytes", 413
            )
        try:
            async with self._lock:
                return await asyncio.to_thread(self._unpack, archive)
        except TooLarge as error:
            raise ApiError("InvalidParameterValueException", str(error), members={"Type": "User"}) from error
        except BadArchive as error:
            message = "Could not unzip uploaded file. Please check your file, then try to upload again."
            raise ApiError("InvalidParameterValueException", message, members={"Type": "User"}) from error

    async def archive(self, artifact: str) -> bytes:
        """A zip archive of an artifact, for download."""
        return await asyncio.to_thread(self._archive, artifact)

    async def collect(self, keep: Collection[str], *, grace_s: float = GRACE_S) -> int:
        """Drop artifacts that are not in `keep`, and contents that no artifact holds; returns how many.

        Artifacts that were asked for less than `grace_s` seconds ago stay: they may be on their way into State.
        """
        async with self._lock:
            return await asyncio.to_thread(self._collect, frozenset(keep), grace_s)

    async def tidy(self, state: State) -> None:
        """Drop what nothing deployed refers to any more; a failure is told, and changes nothing."""
        try:
            await self.collect(artifacts_of(state))
        except OSError:
            log.exception("Unused code could not be removed.", extra={"action": "tidy_failed"})

    # What follows runs in a thread, one at a time.

    def _take_all(self, wanted: Sequence[Wanted]) -> list[CodeDigest | Exception]:
        taken: list[CodeDigest | Exception] = []
        for source, trees in wanted:
            try:
                taken.append(self._take(source, trees))
            except Exception as error:  # each caller gets its own
                taken.append(error)
        return taken

    def _take(self, source: Path, trees: Trees) -> CodeDigest:
        archived = source.is_file() and source.suffix in ARCHIVES
        for attempt in range(ATTEMPTS):
            found = walk(source) if archived else _merged(trees)
            last = self._last.get((source, trees))
            if last is not None and last[0] == found and self._is_there(last[1].artifact):
                return last[1]
            try:
                digest = self._unpack(source) if archived else self._keep(found)
            except FileNotFoundError:  # a file vanished between the walk and the copy
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if self._trusts(found):
                self._last[source, trees] = (found, digest)
            return digest
        raise AssertionError("unreachable")

    def _trusts(self, found: Sequence[Found]) -> bool:
        """Whether equal stamps will mean equal contents: younger ones may hide another write."""
        before_ns = self._file_time_ns() - TICK_NS
        return all(max(item.stamp[:2]) < before_ns for item in found)

    def _keep(self, found: Sequence[Found]) -> CodeDigest:
        if sum(item.size for item in found) > UNZIPPED_LIMIT:
            raise TooLarge(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
        parts = [self._part(item) for item in found]
        self._save_hashes()
        artifact = tree_digest(parts)
        self._assemble(artifact, parts)
        encoded = base64.b64encode(bytes.fromhex(artifact)).decode()
        return CodeDigest(artifact, encoded, archive_size(parts))

    def _part(self, found: Found) -> Part:
        """A file's content in the pool of contents, copied there if it is new."""
        if found.link:
            return Part(found.path, 0o777, 0, link=found.link)
        hashes = self._known_hashes()
        content = hashes.get(found)
        if content is None or not self._in_pool(content, found.mode):
            now_ns = self._file_time_ns()
            content, size = self._copy_in(found)
            hashes.note(found, content, now_ns)
            self._fresh += 1
            found = replace(found, stamp=(*found.stamp[:2], size, found.stamp[3]))
        return Part(found.path, found.mode, found.size, content)

    def _copy_in(self, found: Found) -> tuple[str, int]:
        """Copy a file into the pool; the copy is what is hashed, so that an artifact is always what its digest says."""
        self._files.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._files)
        try:
            with open(descriptor, "wb") as copy, open(found.source, "rb") as source:
                shutil.copyfileobj(source, copy, CHUNK)
            content, size = hash_file(temporary)
            os.chmod(temporary, found.mode)
            target = self._pooled(content, found.mode)
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                os.rename(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        return content, size

    def _assemble(self, artifact: str, parts: Iterable[Part]) -> None:
        """Lay the files of an artifact out; it appears whole or not at all."""
        if self._is_there(artifact):
            return
        with self._draft() as draft:
            root, pool = str(draft), str(self._files)
            folders = {root}
            for part in parts:
                target = f"{root}/{part.path}"
                parent = target.rpartition("/")[0]
                if parent not in folders:
                    os.makedirs(parent, exist_ok=True)
                    while parent not in folders:
                        folders.add(parent)
                        parent = parent.rpartition("/")[0]
                if part.link:
                    os.symlink(part.link, target)
                else:
                    _link(f"{pool}/{_pool_name(part.content, part.mode)}", target)
            for folder in folders:
                os.chmod(folder, 0o555)
            os.rename(draft, self.path(artifact))

    def _unpack(self, archive: Path | bytes) -> CodeDigest:
        """An archive's artifact goes by the hash of the archive, as `CodeSha256` does."""
        if isinstance(archive, bytes):
            artifact, size = hashlib.sha256(archive).hexdigest(), len(archive)
        else:
            artifact, size = hash_file(str(archive))
        if not self._is_there(artifact):
            with self._draft() as draft:
                unpack(archive, draft)
                self._seal(draft, artifact)
        return CodeDigest(artifact, base64.b64encode(bytes.fromhex(artifact)).decode(), size)

    def _write_inline(self, name: str, body: bytes) -> CodeDigest:
        part = Part(name, 0o444, len(body), hashlib.sha256(body).hexdigest())
        artifact = tree_digest([part])
        if not self._is_there(artifact):
            with self._draft() as draft:
                (draft / name).write_bytes(body)
                self._seal(draft, artifact)
        return CodeDigest(artifact, base64.b64encode(bytes.fromhex(artifact)).decode(), archive_size([part]))

    def _is_there(self, artifact: str) -> bool:
        """Whether an artifact exists; it is wanted now, so it counts as new."""
        try:
            os.utime(self.path(artifact))
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=self._folder))
        try:
            yield draft
        finally:
            if draft.exists():
                _remove(draft)

    def _seal(self, draft: Path, artifact: str) -> None:
        """Make everything read-only and give the artifact its name."""
        for folder, _, names in os.walk(draft):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path) and (mode := os.stat(path).st_mode) & 0o222:
                    os.chmod(path, mode & 0o555 | 0o400)
            os.chmod(folder, 0o555)
        os.rename(draft, self.path(artifact))

    def _archive(self, artifact: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            made = shutil.make_archive(os.path.join(folder, "code"), "zip", self.path(artifact))
            return Path(made).read_bytes()

    def _collect(self, keep: Collection[str], grace_s: float) -> int:
        if not self._folder.is_dir():
            return 0
        self._present.clear()
        before_ns = self._file_time_ns() - int(grace_s * 1e9)
        unused = [
            path
            for path in self._folder.iterdir()
            if path.is_dir() and path != self._files and path.name not in keep and path.stat().st_mtime_ns <= before_ns
        ]
        for artifact in unused:
            _remove(artifact)
        for content in self._files.glob("*/*") if self._files.is_dir() else ():
            if content.stat().st_nlink == 1:
                content.unlink()
        return len(unused)

    def _in_pool(self, content: str, mode: int) -> bool:
        if (content, mode) not in self._present and self._pooled(content, mode).exists():
            self._present.add((content, mode))
        return (content, mode) in self._present

    def _pooled(self, content: str, mode: int) -> Path:
        return self._files / _pool_name(content, mode)

    def _file_time_ns(self) -> int:
        """What the file system's own clock says, in its own granularity."""
        self._files.mkdir(parents=True, exist_ok=True)
        os.utime(self._files)
        return self._files.stat().st_mtime_ns

    def _known_hashes(self) -> Hashes:
        if self._hashes is None:
            try:
                self._hashes = Hashes.load(json.loads(self._table.read_bytes()))
            except (OSError, ValueError, TypeError, AttributeError):  # a table that cannot be used is made again
                self._hashes = Hashes()
        return self._hashes

    def _save_hashes(self) -> None:
        if self._fresh < WORTH_SAVING or self._hashes is None:
            return
        self._fresh = 0
        draft = self._table.with_suffix(".draft")
        draft.write_text(json.dumps(self._hashes.dump()))
        os.replace(draft, self._table)


def _merged(trees: Iterable[tuple[str, Path]]) -> list[Found]:
    """The files of several trees under their prefixes; of equal paths the last one stands."""
    files: dict[str, Found] = {}
    for prefix, root in trees:
        for found in walk(root):
            path = prefix + found.path
            files[path] = replace(found, path=path) if prefix else found
    return sorted(files.values(), key=lambda found: found.path)


def _pool_name(content: str, mode: int) -> str:
    return f"{content[:2]}/{content[2:]}.{mode:o}"


def _link(content: str, target: str) -> None:
    """Link a pooled content; copy it where links are not to be had (or no more of them)."""
    try:
        os.link(content, target)
    except OSError:
        shutil.copy2(content, target)


def _remove(folder: Path) -> None:
    """Remove a read-only tree."""
    for inner, _, _ in os.walk(folder):
        os.chmod(inner, 0o755)
    shutil.rmtree(folder)
