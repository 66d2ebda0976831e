"""Resource policies of functions and layer versions, one statement a record.

A statement of a layer version is kept under `@layer/<name>:<number>/<sid>`, a name that no function can have.
Source: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from runner.model.function import Alias, LayerVersion, Permission
from runner.model.names import LATEST, derived_uuid
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk
from runner.wire.lambda_.errors import conflict, invalid, no_alias, not_found, stale
from runner.wire.lambda_.layers import check_number, layer_name, no_layer
from runner.wire.lambda_.names import Reference, resolve
from runner.wire.operation import Context, Members, Operation

LAYER = "@layer"
ACCOUNT = re.compile(r"\d{12}")
SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9-]+\.alexa\.com|alexa-appkit\.amazon\.com")
DUPLICATE = (
    "The statement id ({}) provided already exists. "
    "Please provide a new statement id, or remove the existing statement."
)
FIELDS = {
    "Action": "action",
    "EventSourceToken": "event_source_token",
    "FunctionUrlAuthType": "function_url_auth_type",
    "InvokedViaFunctionUrl": "invoked_via_function_url",
    "Principal": "principal",
    "PrincipalOrgID": "principal_org_id",
    "SourceAccount": "source_account",
    "SourceArn": "source_arn",
}


class Permissions:
    """AddPermission, RemovePermission, GetPolicy; the same three of layer versions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "AddPermission": self.add,
            "RemovePermission": self.remove,
            "GetPolicy": self.get,
            "AddLayerVersionPermission": self.add_to_layer,
            "RemoveLayerVersionPermission": self.remove_from_layer,
            "GetLayerVersionPolicy": self.get_of_layer,
        }

    async def add(self, members: Members, context: Context) -> Members:
        desk, wanted, sid = self._desk, self._desk.reference(members), members["StatementId"]
        if wanted.qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        check_principal(members["Principal"])
        key = f"{_prefix(wanted)}{sid}"

        def decide(state: State) -> State:
            self._check_owner(state, wanted)
            check_revision(members, _statements(state, _prefix(wanted)), "GetPolicy")
            if state.get(Permission, key) is not None:
                raise conflict(DUPLICATE.format(sid))
            fields = {field: members[name] for name, field in FIELDS.items() if members.get(name) is not None}
            noun = Permission(function_name=wanted.arn(desk.place), statement_id=sid, **fields)
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        state = await desk.deployment.change(decide)
        return {"Statement": json.dumps(statement(state.of(Permission)[key], wanted.arn(desk.place)))}

    async def remove(self, members: Members, context: Context) -> Members:
        desk, wanted, sid = self._desk, self._desk.reference(members), members["StatementId"]

        def decide(state: State) -> State:
            if resolve(state, wanted) is None:
                raise not_found(f"No policy found for: {wanted.arn(desk.place)}")
            statements = _statements(state, _prefix(wanted))
            if not statements:
                raise not_found("No policy is associated with the given resource.")
            found = next((one for one in statements if _sid(one) == sid), None)
            if found is None:
                raise not_found(f"Statement {sid} is not found in resource policy.")
            check_revision(members, statements, "GetPolicy")
            return state.with_changes((), [(Permission, found.key)])

        await desk.deployment.change(decide)
        return {}

    async def get(self, members: Members, context: Context) -> Members:
        desk, wanted = self._desk, self._desk.reference(members)
        statements = _statements(desk.state, _prefix(wanted))
        if not statements:
            raise not_found()
        self._check_owner(desk.state, wanted)
        return {"Policy": policy(statements, wanted.arn(desk.place)), "RevisionId": policy_revision(statements)}

    def _check_owner(self, state: State, wanted: Reference) -> None:
        """The function, version or alias that the policy belongs to is there."""
        qualifier = wanted.qualifier
        if qualifier is None or qualifier == LATEST or qualifier.isdecimal():
            self._desk.found(state, wanted)
            return
        self._desk.latest(state, wanted.name)
        if state.get(Alias, f"{wanted.name}:{qualifier}") is None:
            raise no_alias(wanted.arn(self._desk.place))

    # layer versions

    async def add_to_layer(self, members: Members, context: Context) -> Members:
        desk, sid = self._desk, members["StatementId"]
        arn, prefix = self._layer(desk.state, members)
        key = f"{prefix}{sid}"

        def decide(state: State) -> State:
            self._layer(state, members)
            statements = _statements(state, prefix)
            if state.get(Permission, key) is not None:
                raise conflict(DUPLICATE.format(sid))
            check_revision(members, statements, "GetLayerPolicy")
            noun = Permission(
                action=members["Action"],
                function_name=arn,
                principal=members["Principal"],
                principal_org_id=members.get("OrganizationId"),
                statement_id=sid,
            )
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        state = await desk.deployment.change(decide)
        added = json.dumps(statement(state.of(Permission)[key], arn))
        return {"Statement": added, "RevisionId": policy_revision(_statements(state, prefix))}

    async def remove_from_layer(self, members: Members, context: Context) -> Members:
        desk, sid = self._desk, members["StatementId"]

        def decide(state: State) -> State:
            _, prefix = self._layer(state, members)
            statements = _statements(state, prefix)
            if not statements:
                raise not_found("No policy is associated with the given resource.")
            if state.get(Permission, f"{prefix}{sid}") is None:
                raise not_found(f"Statement {sid} is not found in resource policy.")
            check_revision(members, statements, "GetLayerPolicy")
            return state.with_changes((), [(Permission, f"{prefix}{sid}")])

        await desk.deployment.change(decide)
        return {}

    async def get_of_layer(self, members: Members, context: Context) -> Members:
        arn, prefix = self._layer(self._desk.state, members)
        statements = _statements(self._desk.state, prefix)
        if not statements:
            raise not_found("No policy is associated with the given resource.")
        return {"Policy": policy(statements, arn), "RevisionId": policy_revision(statements)}

    def _layer(self, state: State, members: Members) -> tuple[str, str]:
        """ARN of a layer version, and the prefix of its statements' keys."""
        name, number = layer_name(members["LayerName"]), members["VersionNumber"]
        check_number(number)
        if state.get(LayerVersion, f"{name}:{number}") is None:
            raise no_layer(self._desk, name, number)
        return self._desk.place.arn("lambda", f"layer:{name}:{number}"), f"{LAYER}/{name}:{number}/"


def check_revision(members: Members, statements: list[Deployed[Permission]], read_with: str) -> None:
    if members.get("RevisionId") not in (None, policy_revision(statements)):
        raise stale(read_with)


def policy_revision(statements: list[Deployed[Permission]]) -> str:
    """A policy's own revision: another one with every statement that comes or goes."""
    return derived_uuid("policy", *(one.revision_id for one in statements))


def _prefix(wanted: Reference) -> str:
    """What the State keys of a policy's statements begin with."""
    qualifier = wanted.qualifier if wanted.qualifier != LATEST else None
    return ":".join(part for part in (wanted.name, qualifier) if part) + "/"


def _statements(state: State, prefix: str) -> list[Deployed[Permission]]:
    """Statements in the order they were made."""
    found = [deployed for key, deployed in state.of(Permission).items() if key.startswith(prefix)]
    return sorted(found, key=lambda deployed: deployed.created_at)


def _sid(deployed: Deployed[Permission]) -> str:
    return deployed.noun.statement_id or deployed.key.rpartition("/")[2]


def check_principal(principal: str) -> None:
    if principal == "*" or ACCOUNT.fullmatch(principal) or SERVICE.fullmatch(principal) or principal[:4] == "arn:":
        return
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def policy(statements: list[Deployed[Permission]], arn: str) -> str:
    """The policy document as JSON text."""
    document = {"Version": "2012-10-17", "Id": "default", "Statement": [statement(one, arn) for one in statements]}
    return json.dumps(document, separators=(",", ":"))


def statement(deployed: Deployed[Permission], arn: str) -> dict[str, Any]:
    """One statement of a policy."""
    noun = deployed.noun
    shape: dict[str, Any] = {
        "Sid": _sid(deployed),
        "Effect": "Allow",
        "Principal": _principal(noun.principal, arn),
        "Action": noun.action,
        "Resource": arn,
    }
    condition = _condition(noun)
    return shape | ({"Condition": condition} if condition else {})


def _principal(principal: str, arn: str) -> str | dict[str, str]:
    if principal == "*":
        return principal
    if ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:{arn.split(':')[1]}:iam::{principal}:root"}
    return {"AWS": principal} if principal[:4] == "arn:" else {"Service": principal}


def _condition(noun: Permission) -> dict[str, dict[str, str]]:
    equal = {
        "AWS:SourceAccount": noun.source_account,
        "lambda:EventSourceToken": noun.event_source_token,
        "lambda:FunctionUrlAuthType": noun.function_url_auth_type,
        "aws:PrincipalOrgID": noun.principal_org_id,
    }
    via_url = noun.invoked_via_function_url
    tests = {
        "StringEquals": {key: value for key, value in equal.items() if value is not None},
        "ArnLike": {"AWS:SourceArn": noun.source_arn} if noun.source_arn is not None else {},
        "Bool": {"lambda:InvokedViaFunctionUrl": str(via_url).lower()} if via_url is not None else {},
    }
    return {operator: test for operator, test in tests.items() if test}
