"""Managed policies: a customer's own, with versions and tags, and AWS's, which are known by their ARN.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.access import ManagedPolicy, PolicyHistory, PolicyVersion, Role
from runner.model.errors import ApiError
from runner.model.state import Deployed, State
from runner.wire.iam.desk import (
    Desk,
    checked_arn,
    checked_name,
    checked_path,
    history_of,
    is_aws_managed,
    no_such_entity,
    page,
    policy_of,
    tag_members,
    tags_of,
    unique_id,
    with_tags,
    without_tags,
)
from runner.wire.iam.documents import identity_document, to_wire
from runner.wire.iam.managed import AwsPolicy, aws_policy
from runner.wire.iam.roles import path_of
from runner.wire.operation import Context, Members, Operation

MAX_VERSIONS = 5
TOO_MANY = (
    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
)
MORE_VERSIONS = (
    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
    " The default version is deleted with the policy."
)


class Policies:
    """The operations about managed policies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreatePolicy": self.create,
            "CreatePolicyVersion": self.create_version,
            "DeletePolicy": self.delete,
            "DeletePolicyVersion": self.delete_version,
            "GetPolicy": self.get,
            "GetPolicyVersion": self.get_version,
            "ListEntitiesForPolicy": self.list_entities,
            "ListPolicies": self.list,
            "ListPolicyTags": self.list_tags,
            "ListPolicyVersions": self.list_versions,
            "SetDefaultPolicyVersion": self.set_default_version,
            "TagPolicy": self.tag,
            "UntagPolicy": self.untag,
        }

    async def create(self, members: Members, context: Context) -> Members:
        name, path = checked_name(members["PolicyName"], "policyName"), checked_path(members)
        document = identity_document(members["PolicyDocument"])
        declared: dict[str, Any] = {"managed_policy_name": name, "path": path, "policy_document": document}
        if "Description" in members:
            declared["description"] = members["Description"]
        arn = self._desk.place.policy(name, path)
        made = self._desk.made(arn, ManagedPolicy(**declared))
        first = PolicyVersion(version_id="v1", policy_document=document, created_at=made.created_at)
        history = self._desk.made(arn, PolicyHistory(versions=(first,), tags=tags_of(members.get("Tags", ()))))

        def decide(state: State) -> State:
            if any(key.rpartition("/")[2].lower() == name.lower() for key in state.of(ManagedPolicy)):
                told = f"A policy called {name} already exists. Duplicate names are not allowed."
                raise ApiError("EntityAlreadyExists", told, 409)
            return state.with_changes([made, history])

        state = await self._desk.change(decide)
        return {"Policy": self._members(state, made, tags=bool(members.get("Tags")), described=False)}

    async def get(self, members: Members, context: Context) -> Members:
        state, arn = self._desk.state, members["PolicyArn"]
        if (ours := managed_by_aws(arn)) is not None:
            return {"Policy": _aws_members(state, arn, ours)}
        return {"Policy": self._members(state, policy_of(state, arn), tags=True)}

    async def list(self, members: Members, context: Context) -> Members:
        state = self._desk.state
        if members.get("Scope") == "AWS":
            return page("Policies", [], members)
        prefix, only_attached = members.get("PathPrefix", "/"), members.get("OnlyAttached", False)
        shown = []
        for arn, policy in sorted(state.of(ManagedPolicy).items()):
            if path_of(arn).startswith(prefix) and (not only_attached or holders(state, arn)):
                shown.append(self._members(state, policy, tags=False, described=False))
        return page("Policies", shown, members)

    async def delete(self, members: Members, context: Context) -> Members:
        arn = members["PolicyArn"]

        def decide(state: State) -> State:
            policy_of(state, arn)
            if holders(state, arn):
                raise ApiError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
            if len(history_of(state, arn).versions) > 1:
                raise ApiError("DeleteConflict", MORE_VERSIONS, 409)
            return state.with_changes([], [(ManagedPolicy, arn), (PolicyHistory, arn)])

        await self._desk.change(decide)
        return {}

    async def list_entities(self, members: Members, context: Context) -> Members:
        state = self._desk.state
        if managed_by_aws(members["PolicyArn"]) is None:
            policy_of(state, members["PolicyArn"])
        wanted = members.get("EntityFilter", "Role") == "Role"
        roles = [
            {"RoleName": role.key, "RoleId": unique_id("AROA", role)}
            for role in (holders(state, members["PolicyArn"]) if wanted else ())
        ]
        return {**page("PolicyRoles", roles, members), "PolicyGroups": [], "PolicyUsers": []}

    # versions

    async def create_version(self, members: Members, context: Context) -> Members:
        arn, document = members["PolicyArn"], identity_document(members["PolicyDocument"])
        now = self._desk.clock.now()
        made: list[PolicyVersion] = []

        def decide(state: State) -> State:
            policy = policy_of(state, arn)
            history = self._history(state, policy)
            if len(history.versions) >= MAX_VERSIONS:
                raise ApiError("LimitExceeded", TOO_MANY, 409)
            number = history.last_number + 1
            made.append(PolicyVersion(version_id=f"v{number}", policy_document=document, created_at=now))
            history = history.model_copy(update={"versions": (*history.versions, made[-1]), "last_number": number})
            return self._with(state, policy, history, made[-1] if members.get("SetAsDefault") else None)

        await self._desk.change(decide)
        version = made[-1]
        return {
            "PolicyVersion": {
                "VersionId": version.version_id,
                "IsDefaultVersion": bool(members.get("SetAsDefault")),
                "CreateDate": float(int(version.created_at)),
            }
        }

    async def set_default_version(self, members: Members, context: Context) -> Members:
        arn = members["PolicyArn"]

        def decide(state: State) -> State:
            policy = policy_of(state, arn)
            history = self._history(state, policy)
            return self._with(state, policy, history, _version(history, arn, members["VersionId"]))

        await self._desk.change(decide)
        return {}

    async def get_version(self, members: Members, context: Context) -> Members:
        state, arn = self._desk.state, members["PolicyArn"]
        history = self._history_of(state, arn)
        version = _version(history, arn, members["VersionId"])
        return {"PolicyVersion": _version_members(history, version, document=True)}

    async def list_versions(self, members: Members, context: Context) -> Members:
        state = self._desk.state
        history = self._history_of(state, members["PolicyArn"])
        versions = [_version_members(history, version, document=False) for version in reversed(history.versions)]
        return page("Versions", versions, members)

    async def delete_version(self, members: Members, context: Context) -> Members:
        arn = members["PolicyArn"]

        def decide(state: State) -> State:
            policy = policy_of(state, arn)
            history = self._history(state, policy)
            version = _version(history, arn, members["VersionId"])
            if version.version_id == history.default_version_id:
                raise ApiError("DeleteConflict", "Cannot delete the default version of a policy.", 409)
            kept = tuple(one for one in history.versions if one is not version)
            return self._with(state, policy, history.model_copy(update={"versions": kept}), None)

        await self._desk.change(decide)
        return {}

    # tags

    async def tag(self, members: Members, context: Context) -> Members:
        await self._retag(members, lambda tags: with_tags(tags, members["Tags"]))
        return {}

    async def untag(self, members: Members, context: Context) -> Members:
        await self._retag(members, lambda tags: without_tags(tags, members["TagKeys"]))
        return {}

    async def list_tags(self, members: Members, context: Context) -> Members:
        state, arn = self._desk.state, members["PolicyArn"]
        policy_of(state, arn)
        return page("Tags", tag_members(history_of(state, arn).tags), members)

    async def _retag(self, members: Members, edit: Any) -> None:
        def decide(state: State) -> State:
            policy = policy_of(state, members["PolicyArn"])
            history = self._history(state, policy)
            return self._with(state, policy, history.model_copy(update={"tags": edit(history.tags)}), None)

        await self._desk.change(decide)

    def _history_of(self, state: State, arn: str) -> PolicyHistory:
        """Of a customer's policy or of AWS's, of which only the version in force is known. Raises ApiError."""
        ours = managed_by_aws(arn)
        if ours is None:
            return self._history(state, policy_of(state, arn))
        version = PolicyVersion(version_id=ours.version, policy_document=ours.document, created_at=ours.updated_at)
        return PolicyHistory(versions=(version,), default_version_id=ours.version)

    def _history(self, state: State, policy: Deployed[ManagedPolicy]) -> PolicyHistory:
        """With the document in force as the default version's, whoever wrote it: the API or a stack."""
        history = history_of(state, policy.key)
        document = policy.noun.policy_document
        if not history.versions:
            first = PolicyVersion(version_id="v1", policy_document=document, created_at=policy.created_at)
            return history.model_copy(update={"versions": (first,)})
        versions = tuple(
            one.model_copy(update={"policy_document": document})
            if one.version_id == history.default_version_id
            else one
            for one in history.versions
        )
        return history.model_copy(update={"versions": versions})

    def _with(
        self, state: State, policy: Deployed[ManagedPolicy], history: PolicyHistory, default: PolicyVersion | None
    ) -> State:
        """The next State; `default` becomes the version in force."""
        put: list[Deployed[Any]] = []
        if default is not None:
            history = history.model_copy(update={"default_version_id": default.version_id})
            document = {"policy_document": default.policy_document}
            put.append(self._desk.changed(policy, policy.noun.model_copy(update=document)))
        before = state.get(PolicyHistory, policy.key)
        put.append(self._desk.made(policy.key, history) if before is None else self._desk.changed(before, history))
        return state.with_changes(put)

    def _members(
        self, state: State, policy: Deployed[ManagedPolicy], *, tags: bool, described: bool = True
    ) -> dict[str, Any]:
        noun, history = policy.noun, history_of(state, policy.key)
        boundaries = [role for role in state.of(Role).values() if role.noun.permissions_boundary == policy.key]
        found: dict[str, Any] = {
            "PolicyName": policy.key.rpartition("/")[2],
            "PolicyId": unique_id("ANPA", policy),
            "Arn": policy.key,
            "Path": noun.path,
            "DefaultVersionId": history.default_version_id,
            "AttachmentCount": len(holders(state, policy.key)),
            "PermissionsBoundaryUsageCount": len(boundaries),
            "IsAttachable": True,
            "CreateDate": float(int(policy.created_at)),
            "UpdateDate": float(int(policy.modified_at)),
        }
        if described and noun.description:
            found["Description"] = noun.description
        if tags:
            found["Tags"] = tag_members(history.tags)
        return found


def managed_by_aws(arn: str) -> AwsPolicy | None:
    """None for a customer's policy. Raises ApiError for one of AWS's whose document is not kept here."""
    parsed = checked_arn(arn)
    return aws_policy(parsed) if is_aws_managed(parsed) else None


def _aws_members(state: State, arn: str, policy: AwsPolicy) -> dict[str, Any]:
    """A policy of AWS's as GetPolicy shows it; its id is not AWS's, but stays the same."""
    boundaries = [role for role in state.of(Role).values() if role.noun.permissions_boundary == arn]
    return {
        "PolicyName": arn.rpartition("/")[2],
        "PolicyId": unique_id("ANPA", Deployed(arn, PolicyHistory())),
        "Arn": arn,
        "Path": path_of(arn),
        "DefaultVersionId": policy.version,
        "AttachmentCount": len(holders(state, arn)),
        "PermissionsBoundaryUsageCount": len(boundaries),
        "IsAttachable": True,
        "CreateDate": float(policy.created_at),
        "UpdateDate": float(policy.updated_at),
        "Tags": [],
    }


def holders(state: State, arn: str) -> list[Deployed[Role]]:
    """The roles a policy is attached to: those that list it, and those it names."""
    policy = state.get(ManagedPolicy, arn)
    named = policy.noun.roles if policy is not None else ()
    found = [role for role in state.of(Role).values() if arn in role.noun.managed_policy_arns or role.key in named]
    return sorted(found, key=lambda role: role.key)


def _version(history: PolicyHistory, arn: str, version_id: str) -> PolicyVersion:
    for version in history.versions:
        if version.version_id == version_id:
            return version
    raise no_such_entity(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def _version_members(history: PolicyHistory, version: PolicyVersion, *, document: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == history.default_version_id,
        "CreateDate": float(int(version.created_at)),
    }
    return {"Document": to_wire(version.policy_document), **found} if document else found
