"""The steps a build may consist of: which commands they run, and what their result depends on."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.model.errors import InputError
from runner.model.stack import Resource
from runner.runtime.functions.interpreters import Interpreter

BUNDLED = frozenset({"boto3", "botocore"})  # the SDK that the runtime brings along
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NPM_FILES = ("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc")
ESBUILD_DEFAULTS = {"Minify": True, "Target": "es2020", "Format": "cjs"}
ESBUILD_LISTS = {
    "External": "external:{}",
    "Loader": "loader:{}",
    "OutExtension": "out-extension:{}",
    "Banner": "banner:{}",
}
SUFFIXES = (".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs", ".jsx")


@dataclass(frozen=True, slots=True)
class Commands:
    """One process to run: `environment` is added to ours."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to build. `commands` are given the folder they fill; `leave_out` is removed from it afterwards.

    `inputs` (files, or folders by their stamps) and `variant` are what the result depends on.
    """

    title: str
    commands: Callable[[Path], Sequence[Commands]]
    inputs: Sequence[Path]
    variant: str = ""
    leave_out: Sequence[str] = ()
    hint: str = ""


def python_step(source: Path, interpreter: Interpreter) -> Step | None:
    """pip for `requirements.txt`; None if nothing in it has to be fetched."""
    manifest = source / "requirements.txt"
    if not manifest.is_file():
        return None
    wanted = requirements(manifest.read_text(errors="replace"))
    if wanted is not None and all(name in BUNDLED or _vendored(source, name) for name in wanted):
        return None
    version = ".".join(map(str, interpreter.version))

    def commands(folder: Path) -> Sequence[Commands]:
        pip = [str(interpreter.path), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        return [Commands([*pip, "--no-compile", "--target", str(folder), "-r", str(manifest)], source)]

    return Step(
        f"pip install -r {manifest.name} (python{version})",
        commands,
        [manifest, *_included(manifest)],
        variant=str(interpreter.path),
        leave_out=("bin",),
        hint=f"Correct {manifest}, or put the packages into the folder yourself.",
    )


def requirements(text: str) -> list[str] | None:
    """Normalised names of the packages that a manifest asks for; None if it says more than names and versions."""
    names: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        stripped = re.sub(r"(^|\s)#.*", "", line).strip()
        if not stripped:
            continue
        found = NAME.match(stripped)
        if stripped.startswith("-") or found is None or "://" in stripped or stripped[found.end() :][:1] in ("/", ":"):
            return None
        names.append(normalised(found[0]))
    return names


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _included(manifest: Path) -> Iterator[Path]:
    """Files that a manifest includes with `-r` and `-c`."""
    for line in manifest.read_text(errors="replace").splitlines():
        found = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[ =]\s*(\S+)", line)
        if found is not None and (manifest.parent / found[1]).is_file():
            yield manifest.parent / found[1]


def _vendored(source: Path, name: str) -> bool:
    """Whether a package lies in the folder already."""
    module = name.replace("-", "_")
    if (source / module).is_dir() or (source / f"{module}.py").is_file():
        return True
    return any(normalised(path.name.partition("-")[0]) == name for path in source.glob("*.dist-info"))


def node_step(source: Path, *, development: bool = False) -> Step | None:
    """npm for `package.json`; None if it names no package, or all of them lie in `node_modules`."""
    manifest = source / "package.json"
    if not manifest.is_file():
        return None
    try:
        document = json.loads(manifest.read_text())
    except ValueError as error:
        raise InputError(f"{manifest} is not JSON: {error}", hint="Correct it.") from error
    kinds = ("dependencies", "devDependencies") if development else ("dependencies",)
    wanted = [name for kind in kinds for name in document.get(kind) or {}]
    if not wanted or all((source / "node_modules" / name).exists() for name in wanted):
        return None
    files = [source / name for name in NPM_FILES if (source / name).is_file()]
    locked = any(path.name in ("package-lock.json", "npm-shrinkwrap.json") for path in files)
    verb = "ci" if locked else "install"

    def commands(folder: Path) -> Sequence[Commands]:
        for path in files:
            shutil.copy(path, folder)
        npm = shutil.which("npm") or "npm"
        omit = [] if development else ["--omit=dev"]
        return [Commands([npm, verb, *omit, "--no-audit", "--no-fund", "--no-update-notifier"], folder)]

    return Step(
        f"npm {verb}",
        commands,
        files,
        variant="development" if development else "",
        leave_out=NPM_FILES if not development else (),
        hint=f"Correct {manifest}, or run npm {verb} in the folder yourself.",
    )


def make_step(resource: Resource, source: Path) -> Step:
    """`make build-<LogicalId>`, which puts what is to be deployed into `ARTIFACTS_DIR`."""
    target = f"build-{resource.logical_id}"
    root = source / str(resource.metadata.get("ContextPath") or ".")
    working = source / str(resource.metadata.get("WorkingDirectory") or ".")

    def commands(folder: Path) -> Sequence[Commands]:
        make = ["make", "--makefile", str((root / "Makefile").resolve()), target]
        return [Commands(make, working, {"ARTIFACTS_DIR": str(folder)})]

    return Step(f"make {target}", commands, [source], hint=f"Run make {target} in {source} to see more.")


def esbuild_step(resource: Resource, source: Path, handler: str, modules: Path | None) -> Step:
    """One bundle for each entry point, under its own path. `modules`: the `node_modules` that were fetched for it."""
    properties: Mapping[str, Any] = {**ESBUILD_DEFAULTS, **(resource.metadata.get("BuildProperties") or {})}
    entries = [_entry(source, name) for name in properties.get("EntryPoints") or [handler.partition(".")[0]]]
    tool = _esbuild(source, modules)

    def commands(folder: Path) -> Sequence[Commands]:
        flags = [*_esbuild_flags(properties), f"--outdir={folder}", f"--outbase={source}"]
        more = {"NODE_PATH": str(modules)} if modules is not None else {}
        return [Commands([tool, *entries, "--bundle", "--platform=node", *flags], source, more)]

    inputs = [source, *([modules.parent / "package.json"] if modules is not None else [])]
    variant = json.dumps([properties, entries, str(modules)], sort_keys=True)
    return Step("esbuild", commands, inputs, variant, hint="Correct what esbuild names.")


def _esbuild_flags(properties: Mapping[str, Any]) -> Iterable[str]:
    if properties.get("Minify"):
        yield "--minify"
    if properties.get("Sourcemap"):
        yield "--sourcemap"
    if properties.get("SourcesContent") is not None:
        yield f"--sources-content={str(properties['SourcesContent']).lower()}"
    yield f"--target={properties['Target']}"
    yield f"--format={properties['Format']}"
    if properties.get("MainFields"):
        yield f"--main-fields={properties['MainFields']}"
    for name, flag in ESBUILD_LISTS.items():
        for value in properties.get(name) or ():
            yield "--" + flag.format(value)


def _entry(source: Path, name: str) -> str:
    for suffix in ("", *SUFFIXES):
        if (source / f"{name}{suffix}").is_file():
            return f"{name}{suffix}"
    raise InputError(f"esbuild: entry point {source / name} does not exist.", hint="Correct Handler or EntryPoints.")


def _esbuild(source: Path, modules: Path | None) -> str:
    """esbuild of the project, or of one of the folders above it, or of this machine."""
    folders = [modules] if modules is not None else []
    folders += [parent / "node_modules" for parent in (source, *source.parents)]
    for folder in folders:
        if (folder / ".bin" / "esbuild").exists():
            return str(folder / ".bin" / "esbuild")
    found = shutil.which("esbuild")
    if found is None:
        raise InputError("esbuild is not installed.", hint=f"Add it to the devDependencies of {source}/package.json.")
    return found
