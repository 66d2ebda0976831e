"""The execution role that SAM makes for a function or state machine, and the policies that gather on it.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runner.loader.sam.values import Json, get_att, intrinsic_argument, is_loose_intrinsic, is_no_value
from runner.loader.sam.work import Source, Work

VERSION = "2012-10-17"


@dataclass(slots=True)
class Grants:
    """What a role may do, as the transform finds it out."""

    managed: list[Any] = field(default_factory=list)
    inline: list[Json] = field(default_factory=list)

    def attach(self, arn: Any) -> None:
        """A managed policy, once."""
        if arn not in self.managed:
            self.managed.append(arn)

    def add(self, name: str, statements: Sequence[Json], *, version: str | None = None) -> None:
        """An inline policy of these statements."""
        self.add_document(name, _document(statements, version))

    def add_once(self, name: str, statements: Sequence[Json], *, version: str | None = None) -> None:
        """An inline policy of these statements, unless the role has one that says the same."""
        document = _document(statements, version)
        if not any(policy.get("PolicyDocument") == document for policy in self.inline):
            self.add_document(name, document)

    def add_document(self, name: str, document: Any) -> None:
        self.inline.append({"PolicyName": name, "PolicyDocument": document})


def _document(statements: Sequence[Json], version: str | None) -> Json:
    document: Json = {"Version": version} if version else {}
    return {**document, "Statement": list(statements)}


def statement(actions: str | list[str], resource: Any) -> Json:
    return {"Action": actions, "Effect": "Allow", "Resource": resource}


def trust(service: str) -> Json:
    """The document that lets one AWS service take a role."""
    return {
        "Version": VERSION,
        "Statement": [{"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}],
    }


def managed_arn(work: Work, name: str) -> str:
    return f"arn:{work.partition}:iam::aws:policy/{name}"


def destination_statements(kind: str, arn: Any) -> tuple[str, list[Json]] | None:
    """The policy's name ending and statements that allow sending to a destination of a kind; None if none is needed."""
    if kind == "S3Bucket":
        objects = {"Fn::Join": ["/", [arn, "*"]]}
        return "S3Policy", [statement("s3:PutObject", objects), statement("s3:ListBucket", arn)]
    found = DESTINATION_ACTIONS.get(kind)
    return (found[0], [statement(found[1], arn)]) if found else None


DESTINATION_ACTIONS = {
    "SQS": ("SQSPolicy", "sqs:SendMessage"),
    "SNS": ("SNSPolicy", "sns:publish"),
    "EventBridge": ("EventBridgePolicy", "events:PutEvents"),
    "Lambda": ("LambdaPolicy", "lambda:InvokeFunction"),
}


class RoleChoice(NamedTuple):
    """Who brings the role: `value` is the function's `Role`; where `generated`, one is made under `condition`."""

    value: Any
    generated: bool
    condition: str | None = None


def choose_role(work: Work, source: Source) -> RoleChoice:
    """The role a resource names, or the one it gets; a `Fn::If` may leave one branch to SAM."""
    role = source.get("Role")
    made = get_att(f"{source.id}Role")
    if role is None:
        return RoleChoice(made, True, source.condition)
    if not isinstance(role, str) and not is_loose_intrinsic(role):
        raise work.refuse(source, "Property 'Role' should be a string.", "Role", code="wrong-type")
    branches = intrinsic_argument(role, "Fn::If")
    if branches is None:
        return RoleChoice(role, False)
    if not isinstance(branches, list) or len(branches) != 3:
        raise work.refuse(source, "Malformed 'Role' property: Fn::If requires 3 arguments.", "Role", "Fn::If")
    return _choose_branch(work, source, branches, made)


def _choose_branch(work: Work, source: Source, branches: list[Any], made: Json) -> RoleChoice:
    condition, yes, no = branches
    if is_no_value(yes) and is_no_value(no):
        return RoleChoice(made, True, source.condition)
    if is_no_value(yes):
        return RoleChoice({"Fn::If": [condition, made, no]}, True, condition)
    if is_no_value(no):
        negated = f"NOT{condition}"
        work.conditions[negated] = work.adopt(
            {"Fn::Not": [{"Condition": condition}]}, work.locate(source.properties, "Role")
        )
        return RoleChoice({"Fn::If": [condition, yes, made]}, True, negated)
    return RoleChoice(source.get("Role"), False)


def emit_role(work: Work, source: Source, grants: Grants, choice: RoleChoice, service: str, tags: list[Json]) -> None:
    """The generated role, where there is one to make."""
    if not choice.generated:
        return
    role = work.emit(
        source,
        f"{source.id}Role",
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": source.get("AssumeRolePolicyDocument") or trust(service),
            "ManagedPolicyArns": grants.managed,
            "Path": source.get("RolePath"),
            "Policies": grants.inline or None,
            "PermissionsBoundary": source.get("PermissionsBoundary"),
            "Tags": tags or None,
        },
    )
    if choice.condition is not None:
        role["Condition"] = choice.condition
