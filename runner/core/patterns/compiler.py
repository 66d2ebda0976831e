"""Pattern text to branches: what each path must meet. Follows AWS's compiler step for step, so that its errors agree.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
        https://github.com/aws/event-ruler (behaviour and error texts)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from runner.core.patterns import operators
from runner.core.patterns.errors import PatternError
from runner.core.patterns.predicates import Address, Condition, Predicate, Wildcard
from runner.core.patterns.reader import SCALARS, Reader, Token
from runner.core.patterns.values import FALSE, NULL, TRUE, Value, address, number_key
from runner.core.patterns.wildcards import TOO_COMPLEX, too_complex

Branch = Mapping[str, Condition]
"""All of these paths must meet their conditions; a pattern matches if one of its branches does."""

OR = "$or"
BRANCHES_MAX = 1000
TOO_MANY_BRANCHES = "Rule contains too many combinations of $or conditions, at most 1000 are allowed"
RESERVED_INSIDE_OR = frozenset(
    {
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
        *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    }
)
TOO_DEEP = "Document nesting depth exceeds the maximum allowed"
LITERALS: dict[Token, Value] = {Token.TRUE: TRUE, Token.FALSE: FALSE, Token.NULL: NULL}


def compile_branches(text: str) -> tuple[tuple[Branch, ...], tuple[str, ...]]:
    """The branches of a pattern, and every path it names. Raises PatternError."""
    compiler = _Compiler(text)
    compiler.compile()
    branches = compiler.branches
    conditions = {id(condition): condition for branch in branches for condition in branch.values()}
    for condition in conditions.values():
        if too_complex([one.parts for one in condition.predicates if isinstance(one, Wildcard)]):
            raise PatternError(TOO_COMPLEX)
    return tuple(branches), tuple(dict.fromkeys(compiler.names))


class _Compiler:
    """Walks the text once; `branches` grows as fields are read, `steps` is where in the document the walk stands."""

    def __init__(self, text: str) -> None:
        self.reader = Reader(text)
        self.branches: list[dict[str, Condition]] = []
        self.names: list[str] = []
        self.steps: list[str | int] = []

    def compile(self) -> None:
        try:
            if self.reader.next() is not Token.START_OBJECT:
                self._refuse("Filter is not an object")
            self._object((), inside_or=False)
        except PatternError as error:
            error.path = error.path or tuple(self.steps)
            raise
        except RecursionError:
            raise PatternError(TOO_DEEP, self.reader.place()) from None

    def _object(self, path: tuple[str, ...], *, inside_or: bool) -> None:
        reader, empty = self.reader, True
        while reader.next() is not Token.END_OBJECT:
            empty = False
            name = reader.name
            self.steps.append(name)
            if name == OR:
                self._alternatives(path)
            else:
                if inside_or and name in RESERVED_INSIDE_OR:
                    self._refuse(f"{name} is Ruler reserved fieldName which cannot be used inside {OR}.")
                self._field((*path, name), inside_or=inside_or)
            self.steps.pop()
        if empty:
            self._refuse("Empty objects are not allowed")

    def _field(self, path: tuple[str, ...], *, inside_or: bool) -> None:
        match self.reader.next():
            case Token.START_OBJECT:
                self._object(path, inside_or=inside_or)
            case Token.START_ARRAY:
                condition, joined = self._condition(), ".".join(path)
                self.names.append(joined)
                if not self.branches:
                    self.branches.append({})
                for branch in self.branches:
                    branch[joined] = condition
            case _:
                self._refuse(f'"{path[-1]}" must be an object or an array')

    def _alternatives(self, path: tuple[str, ...]) -> None:
        """`$or`: every alternative continues every branch so far."""
        before = self.branches
        if self.reader.next() is not Token.START_ARRAY:
            self._refuse(f"It must be an Array followed with {OR}.")
        together: list[dict[str, Condition]] = []
        count = 0
        while (token := self.reader.next()) is not Token.END_ARRAY:
            if token is not Token.START_OBJECT:
                self._refuse(f"Only JSON object is allowed in array of {OR} relationship.")
            self.steps.append(count)
            self.branches = [dict(branch) for branch in before] or [{}]
            self._object(path, inside_or=True)
            together.extend(self.branches)
            if len(together) > BRANCHES_MAX:
                raise PatternError(TOO_MANY_BRANCHES)
            self.steps.pop()
            count += 1
        if count < 2:
            self._refuse(f"There must have at least 2 Objects in {OR} relationship.")
        self.branches = together

    def _condition(self) -> Condition:
        """The values of one field: literals and operators, any of which may hold."""
        reader, empty, absent = self.reader, True, False
        literals: set[Value] = set()
        predicates: list[Predicate] = []
        while (token := reader.next()) is not Token.END_ARRAY:
            self.steps.append(len(literals) + len(predicates) + absent)
            empty = False
            if token is Token.START_OBJECT:
                found = operators.read(reader)
                if found is None:
                    absent = True
                elif isinstance(found, Predicate):
                    predicates.append(found)
                else:
                    literals.update(found)
            elif token is Token.STRING:
                text = reader.text()
                ip = address(text)
                if ip is None:
                    literals.add(text)
                else:
                    predicates.append(Address(*ip))
            elif token in SCALARS:
                literals.add(LITERALS[token] if token in LITERALS else number_key(reader.text()))
            else:
                self._refuse("Match value must be String, number, true, false, or null")
            self.steps.pop()
        if empty:
            self._refuse("Empty arrays are not allowed")
        return Condition(frozenset(literals), tuple(predicates), absent)

    def _refuse(self, reason: str) -> NoReturn:
        raise PatternError(reason, self.reader.place())
