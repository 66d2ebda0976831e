"""The `Policies` of a function or state machine: managed policies, policy templates by name, documents.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-templates.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.loader.sam.managed_policies import PATHS
from runner.loader.sam.policy_templates import TEMPLATES, PolicyTemplate, policy_template
from runner.loader.sam.roles import Grants, managed_arn
from runner.loader.sam.values import Json, as_list, intrinsic_argument, is_intrinsic, is_no_value, no_value
from runner.loader.sam.work import Source, Work
from runner.loader.suggest import did_you_mean

MANAGED, DOCUMENT, TEMPLATE, NOTHING = "managed", "document", "template", "nothing"


def add_policies(work: Work, source: Source, grants: Grants) -> None:
    """Put every entry of `Policies` on the role; a bad entry is reported and left out."""
    policies = source.get("Policies")
    if policies is None:
        return
    if not isinstance(policies, str | dict | list):
        raise work.refuse(source, "Type of property 'Policies' is invalid.", "Policies", code="wrong-type")
    for index, entry in enumerate(as_list(policies)):
        path = ("Policies", index) if isinstance(policies, list) else ("Policies",)
        with work.collecting():
            Entry(work, source, grants, index, path).add(entry)


class Entry:
    """One entry of `Policies`, at `index` of the list as written."""

    def __init__(self, work: Work, source: Source, grants: Grants, index: int, path: tuple[Any, ...]) -> None:
        self._work = work
        self._source = source
        self._grants = grants
        self._index = index
        self._path = path

    @property
    def _name(self) -> str:
        return f"{self._source.id}RolePolicy{self._index}"

    def add(self, entry: Any) -> None:
        if intrinsic_argument(entry, "Fn::If") is not None:
            self._add_choice(entry["Fn::If"])
            return
        kind, value = self._read(entry)
        if kind == MANAGED:
            self._grants.attach(value)
        elif kind in (DOCUMENT, TEMPLATE):
            self._grants.add_document(self._name, value)

    def _read(self, entry: Any) -> tuple[str, Any]:
        """The kind of an entry and what goes onto the role."""
        if isinstance(entry, str):
            return MANAGED, managed_policy(self._work, entry)
        if not isinstance(entry, dict):
            raise self._refuse("Type of property 'Policies' is invalid.", "wrong-type")
        if is_no_value(entry):
            return NOTHING, entry
        if is_intrinsic(entry):
            return MANAGED, entry
        if "Statement" in entry:
            return DOCUMENT, entry
        if len(entry) == 1:
            ((name, values),) = entry.items()
            if name in TEMPLATES:
                return TEMPLATE, self._from_template(name, policy_template(name), values)
        hint = did_you_mean(next(iter(entry)), TEMPLATES) if len(entry) == 1 else "one policy template an entry"
        message = f"Policy at index {self._index} in the 'Policies' property is not valid"
        raise self._refuse(message, "invalid-policy", hint)

    def _from_template(self, name: str, template: PolicyTemplate, values: Any) -> Json:
        if not isinstance(values, dict):
            message = f"Must specify valid parameter values for policy template '{name}'"
            raise self._refuse(message, "invalid-policy", f"give a map: {', '.join(template.parameters) or '{}'}")
        missing = [parameter for parameter in template.parameters if parameter not in values]
        if missing:
            message = f"Following required parameters of template '{name}' don't have values: {missing}"
            raise self._refuse(message, "invalid-policy", f"add {' and '.join(missing)}")
        return self._work.adopt({"Statement": fill(template.statements, values)}, self._at)

    @property
    def _at(self) -> Any:
        return self._work.locate(self._source.properties, *self._path)

    def _add_choice(self, branches: Any) -> None:
        if not isinstance(branches, list) or len(branches) != 3:
            raise self._refuse("Fn::If requires 3 arguments", "invalid-policy")
        condition, *outcomes = branches
        (yes, chosen), (no, otherwise) = (self._read_branch(outcome) for outcome in outcomes)
        if NOTHING not in (yes, no) and yes != no:
            message = (
                "Different policy types within the same Fn::If statement is unsupported. "
                "Separate different policy types into different Fn::If statements"
            )
            raise self._refuse(message, "invalid-policy")
        if {DOCUMENT, TEMPLATE} & {yes, no}:
            self._grants.inline.append({"Fn::If": [condition, self._inline(chosen), self._inline(otherwise)]})
        else:
            self._grants.attach({"Fn::If": [condition, chosen, otherwise]})

    def _read_branch(self, outcome: Any) -> tuple[str, Any]:
        if isinstance(outcome, list):
            message = f"Policy at index {self._index} in the 'Policies' property is not valid"
            raise self._refuse(message, "invalid-policy", "one policy a branch")
        return self._read(outcome)

    def _inline(self, document: Any) -> Json:
        return no_value() if is_no_value(document) else {"PolicyName": self._name, "PolicyDocument": document}

    def _refuse(self, message: str, code: str, hint: str = "") -> Exception:
        return self._work.refuse(self._source, message, *self._path, code=code, hint=hint)


def managed_policy(work: Work, name: str) -> str:
    """The ARN of a managed policy given by name or ARN.

    AWS looks names up in its list and leaves unknown ones as they are, which IAM then refuses; here every name is
    taken to exist.
    """
    if name.startswith("arn:") or not name.replace("_", "").replace("-", "").isalnum():
        return name
    return managed_arn(work, PATHS.get(name, "") + name)


def fill(statements: Any, values: Mapping[str, Any]) -> Any:
    """A policy template's statements with `Ref`s to its parameters replaced by the values given."""
    if isinstance(statements, list):
        return [fill(item, values) for item in statements]
    if isinstance(statements, dict):
        name = intrinsic_argument(statements, "Ref")
        if isinstance(name, str) and name in values:
            return values[name]
        return {key: fill(item, values) for key, item in statements.items()}
    return statements
