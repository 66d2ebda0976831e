"""How far the SAM transform agrees with AWS's, over a folder of recorded transforms and refusals.

`python -m tests.bench.corpus_sam FOLDER [--errors] [--all] [--name NAME] [--verbose]` prints agreement by type and
every difference.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.sam import expand
from runner.model.diagnostic import Position
from runner.model.names import Place

REGIONS = {"aws": "ap-southeast-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
RUN = {
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::SimpleTable",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::Connector",
    "AWS::Serverless::Application",
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags as long forms and every place noted."""

    positions: Positions


def _place(node: yaml.Node) -> Position:
    mark = node.start_mark
    return Position("template.yaml", mark.line + 1, mark.column + 1)


def _mapping(loader: Loader, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
    found: dict[Any, Any] = {}
    yield found
    loader.flatten_mapping(node)
    keys, values = {}, {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        found[key] = loader.construct_object(value_node, deep=True)
        keys[key], values[key] = _place(key_node), _place(value_node)
    loader.positions.mark(found, _place(node), values, keys)


def _sequence(loader: Loader, node: yaml.SequenceNode) -> Iterator[list[Any]]:
    found: list[Any] = []
    yield found
    found.extend(loader.construct_object(item, deep=True) for item in node.value)
    loader.positions.mark(found, _place(node), dict(enumerate(_place(item) for item in node.value)))


def _tag(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
            loader.positions.mark(value, _place(node))
    elif isinstance(node, yaml.SequenceNode):
        value = next(_filled(_sequence(loader, node)))
    else:
        assert isinstance(node, yaml.MappingNode)
        value = next(_filled(_mapping(loader, node)))
    made = {name: value}
    loader.positions.mark(made, _place(node), {name: _place(node)}, {name: _place(node)})
    return made


def _filled(making: Iterator[Any]) -> Iterator[Any]:
    made = next(making)
    for _ in making:
        pass
    yield made


def _text(loader: Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
Loader.add_constructor("tag:yaml.org,2002:seq", _sequence)
Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
Loader.add_multi_constructor("!", _tag)


def load(text: str) -> tuple[dict[str, Any], Positions]:
    positions = Positions(Position("template.yaml", 1, 1))
    loader = Loader(text)
    loader.positions = positions
    return loader.get_single_data(), positions


def run(text: str, region: str, parameters: dict[str, Any] | None = None) -> tuple[dict[str, Any], Report, Positions]:
    template, positions = load(text)
    report = Report()
    declared = template.get("Parameters")
    values = {
        name: body["Default"]
        for name, body in (declared if isinstance(declared, dict) else {}).items()
        if isinstance(body, dict) and "Default" in body
    }
    values.update(parameters or {})
    place = Place(region=region)
    found = expand(template, positions=positions, parameters=values, place=place, report=report)
    return found.template, report, positions


def normal(value: Any) -> Any:
    """Lists sorted, as AWS's own comparison of its recorded answers does."""
    if isinstance(value, dict):
        return {str(key): normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((normal(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value


def differences(path: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            where = f"{path}.{key}"
            if key not in ours:
                yield f"{where}: missing, AWS has {json.dumps(theirs[key], default=str)[:300]}"
            elif key not in theirs:
                yield f"{where}: AWS has none, ours {json.dumps(ours[key], default=str)[:300]}"
            else:
                yield from differences(where, ours[key], theirs[key])
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(f"{path}[{index}]", one, two)
    elif ours != theirs and str(ours) != str(theirs):
        yield f"{path}: {json.dumps(ours, default=str)[:300]} but AWS {json.dumps(theirs, default=str)[:300]}"


_DEPLOYMENT = re.compile(r"(Deployment|deployment id: )[0-9a-f]{10,40}")


def compare(row: dict[str, Any], partition: str, loose: bool) -> list[str]:
    output, report, _ = run(row["input"], REGIONS[partition])
    found = [
        f"error {item.at} {item.code}: {item.message}" for item in report.diagnostics() if item.severity == "error"
    ]
    ours, theirs = output.get("Resources"), row["outputs"][partition].get("Resources")
    if loose:
        ours, theirs = (json.loads(_DEPLOYMENT.sub(r"\1#", json.dumps(one, default=str))) for one in (ours, theirs))
    return found + list(differences("", normal(ours), normal(theirs)))


def translate(arguments: argparse.Namespace) -> None:
    agree: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong: dict[str, list[str]] = defaultdict(list)
    for line in (arguments.corpus / "sam_translate.jsonl").open():
        row = json.loads(line)
        types = {type_ for type_ in row["types"] if type_.startswith("AWS::Serverless::")}
        if not row["outputs"] or (arguments.name and arguments.name not in row["name"]):
            continue
        tier = "tier 1" if row["tier1_only"] else "run" if types <= RUN else "other"
        if tier == "other" and not arguments.all:
            continue
        try:
            found = [
                f"{partition}{text}"
                for partition in row["outputs"]
                for text in compare(row, partition, arguments.loose)
            ]
        except Exception as error:
            found = [f"CRASH {error!r}"]
            if arguments.verbose:
                raise
        for label in {tier, "all", *types, *(f"event {event}" for event in row["events"])}:
            total[label] += 1
            agree[label] += not found
        if found:
            wrong[tier].append(row["name"])
            print(f"--- {row['name']} ({tier})")
            shown = [text for text in found if text.startswith(("aws.", "aws[", "CRASH", "awserror"))] or found
            for text in shown[: 100 if arguments.verbose else 6]:
                print("   ", text[: 2000 if arguments.verbose else 260])
    for label in sorted(total):
        print(f"{label:40} {agree[label]:4} of {total[label]:4}  {100 * agree[label] / total[label]:5.1f} %")


def errors(arguments: argparse.Namespace) -> None:
    refused = same = total = 0
    for line in (arguments.corpus / "sam_errors.jsonl").open():
        row = json.loads(line)
        types = {type_ for type_ in row["types"] if type_.startswith("AWS::Serverless::")}
        if (arguments.name and arguments.name not in row["name"]) or not (types <= RUN or arguments.all):
            continue
        total += 1
        try:
            _, report, _ = run(row["input"], REGIONS["aws"])
            found = [f"{item.at.line}:{item.at.column} {item.message}" for item in report.diagnostics()]
        except Exception as error:
            found = [f"CRASH {error!r}"]
            if arguments.verbose:
                raise
        wanted = row["errorMessage"] or ""
        good = bool(found) and not found[0].startswith("CRASH")
        refused += good
        texts = [text.split(" ", 1)[1] for text in found]
        alike = good and any(text.rstrip(".") in wanted for text in texts)
        same += alike
        if not alike or arguments.verbose:
            print(f"--- {row['name']} {'refused' if good else 'ACCEPTED'}\n    AWS:  {wanted[:900]}")
            for text in found[:10]:
                print(f"    ours: {text}")
    print(f"refused {refused} of {total}, with AWS's message {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, metavar="FOLDER")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--all", action="store_true", help="types that the project does not run, too")
    parser.add_argument("--loose", action="store_true", help="do not compare the hashes of API deployments")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--name", default="")
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir():
        sys.exit(f"the corpus is not there: {arguments.corpus}")
    (errors if arguments.errors else translate)(arguments)


if __name__ == "__main__":
    main()
