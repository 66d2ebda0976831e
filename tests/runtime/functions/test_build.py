"""Builds with the real tools, from packages that lie on the disk: no network is needed."""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import InputError
from runner.model.function import Code, Function, LayerContent, LayerVersion
from runner.model.noun import Noun
from runner.model.stack import Position, Resource
from runner.runtime.functions.build import Builds
from runner.runtime.functions.build_steps import node_step, requirements
from runner.runtime.functions.code import CodeStore
from runner.runtime.functions.interpreters import Interpreters

AT = Position("stack.yaml", 3, 5)
NPM = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


class Shop:
    """A code store that builds, and what it reported."""

    def __init__(self, folder: Path) -> None:
        self.reports: list[str] = []
        builds = Builds(folder / ".runner" / "builds", Interpreters(), self.reports.append)
        self.store = CodeStore(folder / ".runner" / "artifacts", builds)

    def snapshot(self, source: Path, noun: Noun, metadata: Mapping[str, Any] | None = None) -> set[str]:
        """The files of the artifact."""
        resource = Resource("F", "AWS::Lambda::Function", {}, noun, "f", AT, code=source, metadata=metadata or {})
        digest = asyncio.run(self.store.snapshot(resource, source.parent))
        root = self.store.path(digest.artifact)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    @property
    def built(self) -> int:
        return sum(report.endswith("done") for report in self.reports)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "app.py").write_text("import greeting")
    return folder


def function(runtime: str = "python3.11", handler: str = "app.handler") -> Function:
    return Function(function_name="f", code=Code(), runtime=runtime, handler=handler)


def wheel(folder: Path, version: str = "1.0") -> None:
    """A package on the disk, as pip finds it with --find-links."""
    folder.mkdir(exist_ok=True)
    info = f"greeting-{version}.dist-info"
    with zipfile.ZipFile(folder / f"greeting-{version}-py3-none-any.whl", "w") as opened:
        opened.writestr("greeting/__init__.py", f"VERSION = {version!r}\n")
        opened.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n")
        opened.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        opened.writestr(f"{info}/RECORD", "")


def wants(source: Path, wheels: Path, line: str = "greeting") -> None:
    (source / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\n{line}\n")


@pytest.mark.slow
def test_python_packages_are_built_once_for_each_manifest(shop: Shop, source: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    wants(source, tmp_path / "wheels")
    assert {"app.py", "greeting/__init__.py"} <= shop.snapshot(source, function())
    (source / "app.py").write_text("changed")
    assert "greeting/__init__.py" in shop.snapshot(source, function())
    assert shop.built == 1
    wants(source, tmp_path / "wheels", "greeting  # again")
    shop.snapshot(source, function())
    assert shop.built == 2


@pytest.mark.slow
def test_a_failed_build_says_what_the_tool_said(shop: Shop, source: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wants(source, tmp_path / "wheels", "no-such-package")
    with pytest.raises(InputError, match=r"(?s)stack\.yaml:3:5: F could not be built.*no-such-package"):
        shop.snapshot(source, function())
    assert not list((tmp_path / ".runner" / "builds").iterdir())


@pytest.mark.slow
def test_a_layer_with_a_build_method_is_built_into_its_folder(shop: Shop, source: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    wants(source, tmp_path / "wheels")
    layer = LayerVersion(content=LayerContent(), layer_name="l")
    files = shop.snapshot(source, layer, {"BuildMethod": "python3.11"})
    assert {"python/app.py", "python/greeting/__init__.py"} <= files
    laid_out = LayerVersion(content=LayerContent(), layer_name="l", compatible_runtimes=("python3.11",))
    (tmp_path / "layer").mkdir()
    shutil.copytree(source, tmp_path / "layer" / "python")
    files = shop.snapshot(tmp_path / "layer", laid_out)
    assert {"python/app.py", "python/greeting/__init__.py"} <= files


NOTHING_TO_DO = {
    "an empty manifest": "",
    "comments": "# nothing\n\n   # at all\n",
    "what Lambda bundles": "boto3>=1.26\nbotocore\n",
    "a package beside the handler": "greeting==1.0\n",
    "an installed package": "Some.Thing\n",
}


@pytest.mark.parametrize("text", NOTHING_TO_DO.values(), ids=NOTHING_TO_DO)
def test_where_nothing_is_to_be_fetched_nothing_is_built(shop: Shop, source: Path, text: str) -> None:
    (source / "greeting").mkdir()
    (source / "some_thing-2.0.dist-info").mkdir()
    (source / "requirements.txt").write_text(text)
    shop.snapshot(source, function())
    assert shop.reports == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Flask==2.0 ; python_version > '3'\nrequests[security]>=2\n", ["flask", "requests"]),
        ("a_b.c\\\n  ==1\n", ["a-b-c"]),
        ("-r other.txt\n", None),
        ("git+https://example.com/x.git\n", None),
        ("./local\n", None),
        ("x @ https://example.com/x.whl\n", None),
    ],
    ids=["names", "a continued line", "an include", "a repository", "a folder", "an address"],
)
def test_a_manifest_is_read_for_its_names(text: str, expected: list[str] | None) -> None:
    assert requirements(text) == expected


def test_skipping_the_build_can_be_asked_for(shop: Shop, source: Path) -> None:
    (source / "requirements.txt").write_text("no-such-package")
    assert shop.snapshot(source, function(), {"SkipBuild": True}) == {"app.py", "requirements.txt"}


@NPM
@pytest.mark.slow
def test_node_packages_are_built(shop: Shop, tmp_path: Path) -> None:
    package, source = tmp_path / "greeting", tmp_path / "node"
    for folder, document in (
        (package, {"name": "greeting", "version": "1.0.0", "main": "index.js"}),
        (source, {"dependencies": {"greeting": f"file:{package}"}}),
    ):
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps(document))
        (folder / "index.js").write_text("exports.handler = async () => 1")
    assert "node_modules/greeting/index.js" in shop.snapshot(source, function("nodejs20.x", "index.handler"))
    assert shop.built == 1


def test_node_packages_that_lie_there_are_not_built(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"dependencies": {"@scope/left": "1"}, "devDependencies": {"right": "1"}}')
    assert node_step(tmp_path) is not None
    (tmp_path / "node_modules" / "@scope" / "left").mkdir(parents=True)
    assert node_step(tmp_path) is None
    assert node_step(tmp_path, development=True) is not None
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert node_step(tmp_path) is None
    (tmp_path / "package.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        node_step(tmp_path)


def test_make_fills_the_artifact(shop: Shop, source: Path) -> None:
    (source / "Makefile").write_text('build-F:\n\tcp app.py "$(ARTIFACTS_DIR)/bootstrap"\n')
    assert shop.snapshot(source, function("provided.al2023", "x"), {"BuildMethod": "makefile"}) == {"bootstrap"}
    assert shop.snapshot(source, function("provided.al2023", "x")) == {"bootstrap"}
    (source / "Makefile").write_text("build-F:\n\tfalse\n")
    with pytest.raises(InputError, match="make build-F failed"):
        shop.snapshot(source, function("provided.al2023", "x"))


def test_esbuild_replaces_the_source_by_bundles(shop: Shop, source: Path) -> None:
    """Another program under its name shows how it is called."""
    (source / "src").mkdir()
    (source / "src" / "app.ts").write_text("export const handler = 1")
    tool = source / "node_modules" / ".bin" / "esbuild"
    tool.parent.mkdir(parents=True)
    tool.write_text(
        '#!/bin/sh\nfor a in "$@"; do case $a in --outdir=*) echo "$@" > "${a#--outdir=}/called";; esac; done\n'
    )
    tool.chmod(0o755)
    metadata = {"BuildMethod": "esbuild", "BuildProperties": {"External": ["aws-sdk"], "Sourcemap": True}}
    noun = function("nodejs20.x", "src/app.handler")
    resource = Resource("F", "AWS::Lambda::Function", {}, noun, "f", AT, code=source, metadata=metadata)
    digest = asyncio.run(shop.store.snapshot(resource, source.parent))
    called = (shop.store.path(digest.artifact) / "called").read_text()
    assert called.startswith("src/app.ts --bundle --platform=node --minify --sourcemap --target=es2020 --format=cjs")
    assert "--external:aws-sdk" in called
    with pytest.raises(InputError, match=r"entry point .*nope does not exist"):
        shop.snapshot(source, function("nodejs20.x", "nope.handler"), metadata)
