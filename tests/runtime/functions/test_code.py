"""Snapshots of code against a real file system."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.model.errors import ApiError, InputError
from runner.model.function import Code, Function
from runner.model.stack import Position, Resource
from runner.planner import CodeDigest
from runner.runtime.functions.code import CodeStore

AT = Position("stack.yaml", 3, 5)


def resource(code: Path | None, zip_file: str | None = None, runtime: str = "python3.11") -> Resource:
    noun = Function(function_name="f", code=Code(zip_file=zip_file), runtime=runtime, handler="app.handler")
    return Resource("F", "AWS::Lambda::Function", {}, noun, "f", AT, code=code)


def snapshot(store: CodeStore, code: Path) -> CodeDigest:
    return asyncio.run(store.snapshot(resource(code), code.parent))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    (folder / "pkg").mkdir(parents=True)
    (folder / "app.py").write_text("one")
    (folder / "pkg" / "inner.py").write_text("inner")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> CodeStore:
    return CodeStore(tmp_path / ".runner" / "artifacts")


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


def test_an_artifact_holds_what_the_folder_held(store: CodeStore, source: Path) -> None:
    digest = snapshot(store, source)
    artifact = store.path(digest.artifact)
    assert files(artifact) == {"app.py": "one", "pkg/inner.py": "inner", "run.sh": "#!/bin/sh\n"}
    assert len(base64.b64decode(digest.sha256)) == 32
    assert digest.size > 0
    assert stat.S_IMODE((artifact / "run.sh").stat().st_mode) == 0o555
    assert stat.S_IMODE((artifact / "app.py").stat().st_mode) == 0o444
    assert stat.S_IMODE((artifact / "pkg").stat().st_mode) == 0o555


def test_saving_in_place_never_reaches_an_artifact(store: CodeStore, source: Path) -> None:
    first = snapshot(store, source)
    with open(source / "app.py", "r+") as file:  # the same inode
        file.write("two")
    second = snapshot(store, source)
    assert first.artifact != second.artifact
    assert (store.path(first.artifact) / "app.py").read_text() == "one"
    assert (store.path(second.artifact) / "app.py").read_text() == "two"


def test_saves_in_the_same_tick_and_of_the_same_size_are_all_seen(store: CodeStore, source: Path) -> None:
    seen = []
    for text in ("aaa", "bbb", "ccc", "ddd"):
        (source / "app.py").write_text(text)
        seen.append((store.path(snapshot(store, source).artifact) / "app.py").read_text())
    assert seen == ["aaa", "bbb", "ccc", "ddd"]


def test_times_do_not_matter(store: CodeStore, source: Path) -> None:
    first = snapshot(store, source)
    os.utime(source / "app.py", (1, 1))
    assert snapshot(store, source) == first


def test_a_mode_matters(store: CodeStore, source: Path) -> None:
    first = snapshot(store, source)
    (source / "app.py").chmod(0o755)
    assert snapshot(store, source).artifact != first.artifact


def test_equal_code_elsewhere_is_the_same_artifact(store: CodeStore, source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path, text in files(source).items():
        (other / path).parent.mkdir(exist_ok=True)
        (other / path).write_text(text)
        (other / path).chmod((source / path).stat().st_mode)
    assert snapshot(store, other) == snapshot(store, source)


def test_contents_are_kept_once(store: CodeStore, source: Path) -> None:
    first = snapshot(store, source)
    (source / "app.py").write_text("two")
    second = snapshot(store, source)
    inner = [store.path(d.artifact) / "pkg" / "inner.py" for d in (first, second)]
    assert inner[0].stat().st_ino == inner[1].stat().st_ino


def test_what_is_no_code_is_left_out(store: CodeStore, source: Path) -> None:
    before = snapshot(store, source)
    for folder in (".git", "__pycache__", ".runner", ".aws-sam", "pkg/__pycache__"):
        (source / folder).mkdir()
        (source / folder / "x").write_text("x")
    (source / ".venv").mkdir()
    (source / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin")
    os.symlink("nobody@host.1234", source / ".#app.py")  # an editor's lock
    assert snapshot(store, source) == before


def test_node_modules_and_dotfiles_are_code(store: CodeStore, source: Path) -> None:
    (source / "node_modules" / "left").mkdir(parents=True)
    (source / "node_modules" / "left" / "index.js").write_text("x")
    (source / ".env").write_text("A=1")
    held = files(store.path(snapshot(store, source).artifact))
    assert {"node_modules/left/index.js", ".env"} <= set(held)


def test_links_inside_stay_links_and_others_are_followed(store: CodeStore, source: Path, tmp_path: Path) -> None:
    outside = tmp_path / "shared"
    outside.mkdir()
    (outside / "lib.py").write_text("shared")
    os.symlink(outside, source / "shared")
    os.symlink(outside / "lib.py", source / "lib.py")
    os.symlink("pkg", source / "alias")
    os.symlink("..", source / "pkg" / "up")
    os.symlink(tmp_path, source / "everything")  # leads to itself
    artifact = store.path(snapshot(store, source).artifact)
    assert (artifact / "shared" / "lib.py").read_text() == "shared"
    assert not (artifact / "lib.py").is_symlink()
    assert os.readlink(artifact / "alias") == "pkg"
    assert (artifact / "alias" / "inner.py").read_text() == "inner"
    assert not (artifact / "everything").exists()


def test_a_single_file_is_a_function(store: CodeStore, source: Path) -> None:
    assert files(store.path(snapshot(store, source / "app.py").artifact)) == {"app.py": "one"}


@pytest.mark.parametrize(("runtime", "name"), [("python3.12", "index.py"), ("nodejs20.x", "index.js")])
def test_inline_code_is_a_file_named_index(store: CodeStore, runtime: str, name: str, tmp_path: Path) -> None:
    digest = asyncio.run(store.snapshot(resource(None, "text", runtime), tmp_path))
    assert files(store.path(digest.artifact)) == {name: "text"}


def test_a_missing_folder_is_the_users_error(store: CodeStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"stack\.yaml:3:5: the code of F does not exist"):
        snapshot(store, tmp_path / "nowhere")


def test_unused_artifacts_are_collected(store: CodeStore, source: Path) -> None:
    first = snapshot(store, source)
    (source / "app.py").write_text("two")
    second = snapshot(store, source)
    assert asyncio.run(store.collect({second.artifact})) == 0  # it may be on its way into State
    assert asyncio.run(store.collect({second.artifact}, grace_s=0)) == 1
    assert not store.path(first.artifact).exists()
    assert (store.path(second.artifact) / "app.py").read_text() == "two"
    pooled = {p.read_text() for p in store.path("files").rglob("*") if p.is_file()}
    assert pooled == {"two", "inner", "#!/bin/sh\n"}
    (source / "app.py").write_text("one")
    assert snapshot(store, source) == first
    assert (store.path(first.artifact) / "app.py").read_text() == "one"


def test_hashes_survive_a_restart(store: CodeStore, source: Path, tmp_path: Path) -> None:
    for index in range(600):
        (source / f"m{index}.py").write_text(str(index))
    snapshot(store, source)
    assert snapshot(CodeStore(tmp_path / ".runner" / "artifacts"), source) == snapshot(store, source)


# Archives


def archive(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        fill(opened)
    return buffer.getvalue()


def entry(name: str, mode: int, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | mode) << 16
    info.create_system = 3
    return info


def test_an_uploaded_archive_shows_its_own_hash_and_size(store: CodeStore) -> None:
    def fill(opened: zipfile.ZipFile) -> None:
        opened.writestr(entry("bootstrap", 0o755), "#!/bin/sh")
        opened.writestr(entry("lib/a.py", 0o644), "a")
        opened.writestr(entry("lib/b.py", 0o777, stat.S_IFLNK), "a.py")

    body = archive(fill)
    digest = asyncio.run(store.upload(body))
    artifact = store.path(digest.artifact)
    assert digest == CodeDigest(
        hashlib.sha256(body).hexdigest(), base64.b64encode(hashlib.sha256(body).digest()).decode(), len(body)
    )
    assert stat.S_IMODE((artifact / "bootstrap").stat().st_mode) == 0o555
    assert (artifact / "lib" / "b.py").read_text() == "a"


def test_a_local_archive_is_unpacked(store: CodeStore, tmp_path: Path) -> None:
    path = tmp_path / "code.zip"
    path.write_bytes(archive(lambda opened: opened.writestr("app.py", "one")))
    assert files(store.path(snapshot(store, path).artifact)) == {"app.py": "one"}


def test_an_artifact_can_be_downloaded(store: CodeStore, source: Path) -> None:
    digest = snapshot(store, source)
    body = asyncio.run(store.archive(digest.artifact))
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert "pkg/inner.py" in opened.namelist()


def through_a_link(opened: zipfile.ZipFile) -> None:
    opened.writestr(entry("d", 0o777, stat.S_IFLNK), "sub")
    opened.writestr(entry("sub/x", 0o644), "x")
    opened.writestr(entry("d/y", 0o644), "y")


BAD = {
    "climbs out of its folder": lambda opened: opened.writestr("../evil", "x"),
    "climbs out from within": lambda opened: opened.writestr("a/../../evil", "x"),
    "starts at the root": lambda opened: opened.writestr("/etc/evil", "x"),
    "names a drive": lambda opened: opened.writestr("C:\\evil", "x"),
    "has a link that leads out": lambda opened: opened.writestr(entry("l", 0o777, stat.S_IFLNK), "../../etc"),
    "has an absolute link": lambda opened: opened.writestr(entry("l", 0o777, stat.S_IFLNK), "/etc"),
    "writes through its own link": through_a_link,
    "has a file where a folder is": lambda opened: [opened.writestr("a", "x"), opened.writestr("a/b", "x")],
}


@pytest.mark.parametrize("fill", BAD.values(), ids=BAD)
def test_an_archive_that_cannot_be_trusted_is_refused(
    store: CodeStore, fill: Callable[[zipfile.ZipFile], None], tmp_path: Path
) -> None:
    with pytest.raises(ApiError, match="Could not unzip uploaded file"):
        asyncio.run(store.upload(archive(fill)))
    assert not list(tmp_path.rglob("evil"))
    assert not list(store.path("").glob("draft-*"))


def test_what_is_no_archive_is_refused(store: CodeStore) -> None:
    with pytest.raises(ApiError) as caught:
        asyncio.run(store.upload(b"PK not really"))
    assert caught.value.code == "InvalidParameterValueException"


def test_a_damaged_archive_is_refused(store: CodeStore) -> None:
    body = bytearray(archive(lambda opened: opened.writestr("app.py", os.urandom(5000))))
    body[200:260] = bytes(60)
    with pytest.raises(ApiError, match="Could not unzip"):
        asyncio.run(store.upload(bytes(body)))


@pytest.mark.slow
def test_a_bomb_is_refused_before_it_is_unpacked(store: CodeStore) -> None:
    def fill(opened: zipfile.ZipFile) -> None:
        with opened.open("zeros", "w", force_zip64=True) as file:
            for _ in range(26):
                file.write(bytes(10_485_760))

    body = archive(fill)
    with pytest.raises(ApiError) as caught:
        asyncio.run(store.upload(body))
    assert caught.value.message == "Unzipped size must be smaller than 262144000 bytes"


def test_an_archive_past_the_upload_limit_is_refused(store: CodeStore) -> None:
    with pytest.raises(ApiError) as caught:
        asyncio.run(store.upload(bytes(52_428_801)))
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLargeException", 413)
