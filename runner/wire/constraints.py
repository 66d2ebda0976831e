"""Does a request satisfy its model? Checked in two passes, so that a good request costs next to nothing.

The first pass is compiled and answers yes or no; only for a no does the second walk the members again and word every
finding as AWS does: `2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must ...`.
Services differ in the error's code and in what they leave to their own code: `RULES`.

Source: the traits of the service models; texts as recorded from AWS.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.model.errors import ApiError
from runner.wire.enum_order import ENUM_ORDER
from runner.wire.models import OperationModel, Shape

Test = Callable[[Any], bool]

NUMBERS = frozenset(("integer", "long", "float", "double"))
TEXTS = frozenset(("string", "character"))


@dataclass(frozen=True, slots=True)
class Rules:
    """How one service words and limits its checks.

    `kinds` are the constraints checked at the front; the rest is the room's. `unchecked` names members
    (`Shape.Member`) that the service judges in words of its own.
    """

    code: str = "ValidationException"
    kinds: frozenset[str] = frozenset(("required", "length", "range", "pattern", "enum"))
    unchecked: frozenset[str] = frozenset()
    bare_enums: bool = False  # neither the value nor the set is named


REQUIRED_ONLY = frozenset(("required",))
NOTHING = frozenset[str]()

RULES: dict[str, Rules] = {
    "events": Rules(unchecked=frozenset(("PutEventsRequest.Entries",))),  # entries are judged and printed one by one
    "iam": Rules("ValidationError", frozenset(("required", "length", "range", "enum")), bare_enums=True),
    "lambda": Rules(
        unchecked=frozenset(
            (
                "CreateFunctionRequest.Runtime",  # InvalidParameterValueException, in other words
                "UpdateFunctionConfigurationRequest.Runtime",
                "AddPermissionRequest.Principal",
                "AliasRoutingConfiguration.AdditionalVersionWeights",
                "CreateFunctionRequest.Architectures",
                "UpdateFunctionCodeRequest.Architectures",
                "PublishLayerVersionRequest.CompatibleRuntimes",  # judged in another order, in other words
                "PublishLayerVersionRequest.CompatibleArchitectures",
                "GetLayerVersionByArnRequest.Arn",  # patterns that the model has since changed
                "TagResourceRequest.Resource",
                "UntagResourceRequest.Resource",
                "ListTagsRequest.Resource",
            )
        )
    ),
    "logs": Rules(
        "InvalidParameterException",
        unchecked=frozenset(("CreateLogGroupRequest.logGroupName", "CreateLogStreamRequest.logStreamName")),
    ),
    "sns": Rules("ValidationError", REQUIRED_ONLY, frozenset(("PublishInput.Message",))),
    "sqs": Rules(kinds=NOTHING),  # see `missing_parameter`
    "sts": Rules("ValidationError"),
}
DEFAULT_RULES = Rules()
JAVA_CLASSES = {  # of Java's regular expressions, which Python lacks; near enough, and good within brackets
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": r"\s",
}


def checker(operation: OperationModel) -> Callable[[Mapping[str, Any]], None]:
    """A function that raises ApiError for members that do not satisfy the operation's model."""
    shape, rules = operation.input, RULES.get(operation.model.name, DEFAULT_RULES)
    if shape is None:
        return lambda members: None
    if operation.model.name == "sqs":
        return missing_parameter(shape)
    constraints = Constraints(rules)
    good = constraints.test(shape)
    if good is None:
        return lambda members: None

    def check(members: Mapping[str, Any]) -> None:
        if good(members):
            return
        findings: list[str] = []
        constraints.explain(shape, members, "", findings)
        if findings:
            plural = "s" if len(findings) > 1 else ""
            text = f"{len(findings)} validation error{plural} detected: {'; '.join(findings)}"
            raise ApiError(rules.code, text, 400)

    return check


def missing_parameter(shape: Shape) -> Callable[[Mapping[str, Any]], None]:
    """SQS says it in words of its own; batches without entries are its room's affair."""
    required = [name for name in shape.required if name != "Entries"]

    def check(members: Mapping[str, Any]) -> None:
        for name in required:
            if name not in members:
                text = f"The request must contain the parameter {name}."
                raise ApiError("MissingParameter", text, 400)

    return check


class Constraints:
    """Compiles one service's tests, each shape once, and words what fails them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._tests: dict[str, Test | None] = {}

    def test(self, shape: Shape) -> Test | None:
        """True for good values; None where nothing can be wrong."""
        if shape.type not in ("structure", "list", "map"):
            return self._scalar(shape)
        if shape.name not in self._tests:
            # A shape that holds itself is tested through the table, once compiled.
            self._tests[shape.name] = lambda value: (self._tests[shape.name] or _good)(value)
            build = {"structure": self._structure, "list": self._list, "map": self._map}
            self._tests[shape.name] = build[shape.type](shape)
        return self._tests[shape.name]

    def _structure(self, shape: Shape) -> Test | None:
        required = self._required(shape)
        tests = [
            (name, test)
            for name, member in shape.members.items()
            if self._checked(shape, name) and (test := self.test(member)) is not None
        ]
        if not required and not tests:
            return None

        def good(value: Any) -> bool:
            for name in required:
                if name not in value:
                    return False
            return all(test(value[name]) for name, test in tests if name in value)

        return good

    def _required(self, shape: Shape) -> list[str]:
        if "required" not in self.rules.kinds:
            return []
        return [name for name in shape.required if self._checked(shape, name)]

    def _checked(self, shape: Shape, name: str) -> bool:
        return f"{shape.name}.{name}" not in self.rules.unchecked

    def _list(self, shape: Shape) -> Test | None:
        return _both(self._length(shape), _every(self.test(shape.member)))

    def _map(self, shape: Shape) -> Test | None:
        keys, values = _every(self.test(shape.key)), self.test(shape.value)
        test_values: Test | None = (
            None if values is None else lambda value: all(values(item) for item in value.values())
        )
        return _both(_both(self._length(shape), keys), test_values)

    def _scalar(self, shape: Shape) -> Test | None:
        if shape.type in NUMBERS:
            return self._range(shape)
        if shape.type == "blob":
            return self._length(shape)
        if shape.type in TEXTS:
            return _both(self._length(shape), _both(self._pattern(shape), self._enum(shape)))
        return None

    def _length(self, shape: Shape) -> Test | None:
        low, high = shape.traits.get("min"), shape.traits.get("max")
        if "length" not in self.rules.kinds or (not low and high is None):
            return None
        least, most = low or 0, float("inf") if high is None else high
        return lambda value: least <= len(value) <= most

    def _range(self, shape: Shape) -> Test | None:
        low, high = shape.traits.get("min"), shape.traits.get("max")
        if "range" not in self.rules.kinds or (low is None and high is None):
            return None
        least = float("-inf") if low is None else low
        most = float("inf") if high is None else high
        return lambda value: bool(least <= value <= most)

    def _pattern(self, shape: Shape) -> Test | None:
        if "pattern" not in self.rules.kinds or "pattern" not in shape.traits:
            return None
        compiled = compile_pattern(shape.traits["pattern"])
        if compiled is None:
            return None
        match = compiled.fullmatch
        return lambda value: match(value) is not None

    def _enum(self, shape: Shape) -> Test | None:
        if "enum" not in self.rules.kinds or "enum" not in shape.traits:
            return None
        values = frozenset(shape.traits["enum"])
        return lambda value: value in values

    def explain(self, shape: Shape, value: Any, path: str, findings: list[str]) -> None:
        """Word everything wrong with a value, in the model's order."""
        if shape.type == "structure":
            self._explain_structure(shape, value, path, findings)
            return
        failed = self._failed(shape, value)
        findings.extend(_finding(path, _shown(value, shape), text, bare=self._is_bare(text)) for text in failed)
        if shape.type == "list":
            self._explain_list(shape, value, path, findings)
        elif shape.type == "map":
            for key, item in value.items():
                self.explain(shape.value, item, f"{path}.{key}.member", findings)

    def _is_bare(self, text: str) -> bool:
        return self.rules.bare_enums and text.startswith("Member must satisfy enum")

    def _explain_structure(self, shape: Shape, value: Any, path: str, findings: list[str]) -> None:
        required = set(self._required(shape))
        for name, member in shape.members.items():
            at = _joined(path, name)
            if name not in value:
                if name in required:
                    findings.append(f"Value null at '{at}' failed to satisfy constraint: Member must not be null")
            elif self._checked(shape, name):
                self.explain(member, value[name], at, findings)

    def _explain_list(self, shape: Shape, value: Any, path: str, findings: list[str]) -> None:
        if shape.member.type not in TEXTS:
            for number, item in enumerate(value, 1):
                self.explain(shape.member, item, f"{path}.{number}.member", findings)
            return
        # Scalars are judged with the whole list as the value.
        if any(self._failed(shape.member, item) for item in value):
            findings.append(_finding(path, _shown(value, shape), self._of_elements(shape.member)))

    def _of_elements(self, shape: Shape) -> str:
        if "enum" in shape.traits:
            return self._enum_text(shape)
        return f"Member must satisfy constraint: [{', '.join(self._texts(shape))}]"

    def _failed(self, shape: Shape, value: Any) -> list[str]:
        low, high = shape.traits.get("min"), shape.traits.get("max")
        failed = []
        if shape.type in NUMBERS:
            if (test := self._range(shape)) is not None and not test(value):
                high_broken = high is not None and value > high
                failed.append(_at_most("value", high) if high_broken else _at_least("value", low))
        elif (test := self._length(shape)) is not None and not test(value):
            high_broken = high is not None and len(value) > high
            failed.append(_at_most("length", high) if high_broken else _at_least("length", low))
        if shape.type in TEXTS:
            if (test := self._pattern(shape)) is not None and not test(value):
                failed.append(_pattern_text(shape))
            if (test := self._enum(shape)) is not None and not test(value):
                failed.append(self._enum_text(shape))
        return failed

    def _texts(self, shape: Shape) -> list[str]:
        texts = []
        if "max" in shape.traits:
            texts.append(_at_most("length", shape.traits["max"]))
        if "min" in shape.traits:
            texts.append(_at_least("length", shape.traits["min"]))
        if "pattern" in shape.traits:
            texts.append(_pattern_text(shape))
        return texts

    def _enum_text(self, shape: Shape) -> str:
        if self.rules.bare_enums:
            return "Member must satisfy enum value set"
        values = ENUM_ORDER.get(f"{shape.model.name}.{shape.name}") or shape.traits["enum"]
        return f"Member must satisfy enum value set: [{', '.join(values)}]"


def _good(value: Any) -> bool:
    return True


def _both(first: Test | None, second: Test | None) -> Test | None:
    if first is None or second is None:
        return first or second
    return lambda value: first(value) and second(value)


def _every(test: Test | None) -> Test | None:
    return None if test is None else lambda value: all(map(test, value))


def _at_most(what: str, limit: Any) -> str:
    return f"Member must have {what} less than or equal to {limit}"


def _at_least(what: str, limit: Any) -> str:
    return f"Member must have {what} greater than or equal to {limit}"


def _pattern_text(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.traits['pattern']}"


def _joined(path: str, name: str) -> str:
    """Members are named as Java beans name them: the first letter small."""
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


def _finding(path: str, shown: str, text: str, *, bare: bool = False) -> str:
    value = "" if bare else f"'{shown}' "
    return f"Value {value}at '{path}' failed to satisfy constraint: {text}"


def _shown(value: Any, shape: Shape) -> str:
    """A value as Java prints it."""
    match shape.type:
        case "structure":
            members = (
                f"{_joined('', name)}={_shown(value[name], member) if name in value else 'null'}"
                for name, member in shape.members.items()
            )
            return f"{shape.name}({', '.join(members)})"
        case "list":
            return f"[{', '.join(_shown(item, shape.member) for item in value)}]"
        case "map":
            return "{" + ", ".join(f"{key}={_shown(item, shape.value)}" for key, item in value.items()) + "}"
        case "boolean":
            return "true" if value else "false"
        case "blob":
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case _:
            return str(value)


def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Java's dialect, or None if it says nothing that could be checked here."""
    if pattern in (".*", "^.*$"):
        return None
    flags = re.DOTALL if r"\p{" in pattern else re.DOTALL | re.ASCII
    for java, python in JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(pattern, flags)
        except re.error:
            return None
