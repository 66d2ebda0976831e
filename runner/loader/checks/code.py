"""The code beside a stack file: folders that are not there, handlers that no file or function answers to.

Nothing is imported or run: Python is parsed, JavaScript is scanned, and what neither settles is left alone.
Source: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
        https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.loader.checks.context import FUNCTION, Context, Item, plain
from runner.loader.suggest import did_you_mean
from runner.loader.values import Unknown

LAYER = "AWS::Lambda::LayerVersion"
SOURCE_MAX = 2_000_000  # characters; larger files are bundles that nobody parses here
NODE_ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".mts")
_EXPORTS = (
    re.compile(r"\bexports\.([A-Za-z_$][\w$]*)\s*="),
    re.compile(r"\bexport\s+(?:async\s+)?(?:const|let|var|function\*?|class)\s+([A-Za-z_$][\w$]*)"),
    re.compile(r"\bexports\[[\"']([A-Za-z_$][\w$]*)[\"']\]\s*="),
)
_EXPORT_LIST = re.compile(r"\b(?:module\.exports\s*=|export)\s*\{([^}]*)\}")
_OPEN_ENDED = re.compile(r"\bexport\s*\*|\bmodule\.exports\s*=\s*[^{\s]|\.\.\.|__exportStar|Object\.assign\(\s*exports")


def code_path(folder: Path, properties: dict[str, Any], member: str) -> Path | None:
    """The absolute path of local code; None where the code is elsewhere."""
    source = properties.get(member)
    path = source.get("Path") if isinstance(source, dict) else None
    if not isinstance(path, str) or isinstance(path, Unknown) or "\0" in path:
        return None
    return (folder / path).absolute()


def check_code(context: Context) -> None:
    """Report local code that does not exist, and handlers that are not in it."""
    for item in context.resources.values():
        if item.type not in (FUNCTION, LAYER):
            continue
        member = "Content" if item.type == LAYER else "Code"
        path = code_path(context.folder, item.properties, member)
        if path is None:
            continue
        if not _exists(path):
            _missing(context, item, member)
        elif item.type == FUNCTION and item.runnable and path.is_dir():
            _check_handler(context, item, path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that the file system does not take
        return False


def _missing(context: Context, item: Item, member: str) -> None:
    source = item.properties[member]
    message = f"The code of '{item.logical_id}' does not exist: {source['Path']}"
    at = context.positions.value(source, "Path")
    context.report.error(at, "missing-code", message, "create the folder, or correct the path")


def _check_handler(context: Context, item: Item, folder: Path) -> None:
    handler, runtime = plain(item.properties.get("Handler")), plain(item.properties.get("Runtime"))
    if handler is None or runtime is None or "." not in handler or item.properties.get("Layers"):
        return  # a layer may bring the handler
    metadata = getattr(item, "metadata", None)
    if isinstance(metadata, dict) and "BuildMethod" in metadata:
        return  # a build writes the file
    module, _, function = handler.rpartition(".")
    if runtime.startswith("python"):
        _check_python(context, item, folder, module, function)
    elif runtime.startswith("nodejs"):
        _check_node(context, item, folder, module, function)


def _no_file(context: Context, item: Item, wanted: str, folder: Path, endings: tuple[str, ...]) -> None:
    present = sorted(path.stem for path in folder.iterdir() if path.suffix in endings)[:50]
    hint = did_you_mean(wanted.rsplit("/", 1)[-1], present) or (
        f"the folder has {', '.join(present[:8])}" if present else f"add the file to {folder.name}/"
    )
    message = f"The handler of '{item.logical_id}' needs {wanted}{endings[0]}, which is not in its code."
    context.report.warning(context.at(item, "Handler"), "missing-handler", message, hint)


def _no_function(context: Context, item: Item, file: Path, function: str, names: list[str]) -> None:
    hint = did_you_mean(function, names) or (
        f"{file.name} has {', '.join(sorted(names)[:8])}" if names else f"define it in {file.name}"
    )
    message = f"The handler of '{item.logical_id}' needs '{function}' in {file.name}, which does not define it."
    context.report.warning(context.at(item, "Handler"), "missing-handler", message, hint)


def _text(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= SOURCE_MAX else None


# Python


def _check_python(context: Context, item: Item, folder: Path, module: str, function: str) -> None:
    relative = module.replace(".", "/")
    file = next(
        (path for path in (folder / f"{relative}.py", folder / relative / "__init__.py") if path.is_file()), None
    )
    if file is None:
        if not (folder / relative).is_dir() and not list(folder.glob(f"{relative}.*")):
            _no_file(context, item, relative, folder, (".py",))
        return
    text = _text(file)
    if text is None:
        return
    try:
        names = set(_python_names(ast.parse(text).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # perhaps a newer Python's; the function itself will say
    if function not in names and "*" not in names:
        _no_function(context, item, file, function, [name for name in names if not name.startswith("_")])


def _python_names(body: list[ast.stmt]) -> Iterator[str]:
    """Names that a module defines at its top; `*` for a star import, which may define any."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from _targets(target)
            case ast.AnnAssign(target=target):
                yield from _targets(target)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                for field in ("body", "orelse", "finalbody"):
                    yield from _python_names(getattr(node, field, []))
                for handler in getattr(node, "handlers", []):
                    yield from _python_names(handler.body)
            case _:
                continue
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            yield "*"


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _targets(element)


# Node


def _check_node(context: Context, item: Item, folder: Path, module: str, function: str) -> None:
    file = next((path for end in NODE_ENDINGS if (path := folder / f"{module}{end}").is_file()), None)
    if file is None:
        _no_file(context, item, module, folder, NODE_ENDINGS)
        return
    text = _text(file)
    if text is None or _OPEN_ENDED.search(text):
        return
    names = {name for pattern in _EXPORTS for name in pattern.findall(text)}
    for listed in _EXPORT_LIST.findall(text):
        names.update(_exported(listed))
    if function not in names:
        _no_function(context, item, file, function, sorted(names))


def _exported(listed: str) -> Iterator[str]:
    """Names in `export { a, b as c }` or `module.exports = { a, b: c }`."""
    for entry in listed.split(","):
        words = re.findall(r"[A-Za-z_$][\w$]*", entry)
        if words:
            yield words[2] if len(words) > 2 and words[1] == "as" else words[0]
            if words[0] == "async" and len(words) > 1:
                yield words[1]
