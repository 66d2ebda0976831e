"""Roles and what hangs on them: trust, inline policies, attached policies, boundary, tags.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.access import InlinePolicy, ManagedPolicy, Policy, Role
from runner.model.errors import ApiError
from runner.model.state import Deployed, State
from runner.wire.iam.desk import (
    Desk,
    checked_arn,
    checked_name,
    checked_path,
    is_aws_managed,
    no_such_entity,
    page,
    policy_of,
    role_of,
    tag_members,
    tags_of,
    unique_id,
    with_tags,
    without_tags,
)
from runner.wire.iam.documents import identity_document, to_wire, trust_document
from runner.wire.operation import Context, Members, Operation

MAX_ATTACHED = 10


class Roles:
    """The operations about roles."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "AttachRolePolicy": self.attach_policy,
            "CreateRole": self.create,
            "DeleteRole": self.delete,
            "DeleteRolePermissionsBoundary": self.delete_boundary,
            "DeleteRolePolicy": self.delete_policy,
            "DetachRolePolicy": self.detach_policy,
            "GetRole": self.get,
            "GetRolePolicy": self.get_policy,
            "ListAttachedRolePolicies": self.list_attached,
            "ListInstanceProfilesForRole": self.list_instance_profiles,
            "ListRolePolicies": self.list_policies,
            "ListRoleTags": self.list_tags,
            "ListRoles": self.list,
            "PutRolePermissionsBoundary": self.put_boundary,
            "PutRolePolicy": self.put_policy,
            "TagRole": self.tag,
            "UntagRole": self.untag,
            "UpdateAssumeRolePolicy": self.update_trust,
            "UpdateRole": self.update,
            "UpdateRoleDescription": self.update_description,
        }

    async def create(self, members: Members, context: Context) -> Members:
        name = checked_name(members["RoleName"], "roleName")
        declared: dict[str, Any] = {
            "role_name": name,
            "assume_role_policy_document": trust_document(members["AssumeRolePolicyDocument"]),
            "path": checked_path(members),
        }
        if "Description" in members:
            declared["description"] = members["Description"]
        if "MaxSessionDuration" in members:
            declared["max_session_duration_s"] = members["MaxSessionDuration"]
        if "PermissionsBoundary" in members:
            declared["permissions_boundary"] = members["PermissionsBoundary"]
        if members.get("Tags"):
            declared["tags"] = tags_of(members["Tags"])
        made = self._desk.made(name, Role(**declared))

        def decide(state: State) -> State:
            if any(key.lower() == name.lower() for key in state.of(Role)):
                raise ApiError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
            return state.with_changes([made])

        await self._desk.change(decide)
        return {"Role": {**self._members(made, tags=bool(members.get("Tags"))), "MaxSessionDuration": None}}

    async def get(self, members: Members, context: Context) -> Members:
        role = role_of(self._desk.state, members["RoleName"])
        return {"Role": {**self._members(role, tags=True), "RoleLastUsed": {}}}

    async def list(self, members: Members, context: Context) -> Members:
        prefix = members.get("PathPrefix", "/")
        roles = [role for _, role in sorted(self._desk.state.of(Role).items()) if role.noun.path.startswith(prefix)]
        return page("Roles", [self._members(role, tags=False, boundary=False) for role in roles], members)

    async def update(self, members: Members, context: Context) -> Members:
        fields = {"Description": "description", "MaxSessionDuration": "max_session_duration_s"}
        update = {field: members[name] for name, field in fields.items() if name in members}
        await self._edit(members, lambda role: role.model_copy(update=update))
        return {}

    async def update_description(self, members: Members, context: Context) -> Members:
        update = {"description": members["Description"]}
        await self._edit(members, lambda role: role.model_copy(update=update))
        return {"Role": self._members(role_of(self._desk.state, members["RoleName"]), tags=True)}

    async def update_trust(self, members: Members, context: Context) -> Members:
        update = {"assume_role_policy_document": trust_document(members["PolicyDocument"])}
        await self._edit(members, lambda role: role.model_copy(update=update))
        return {}

    async def delete(self, members: Members, context: Context) -> Members:
        def decide(state: State) -> State:
            role = role_of(state, members["RoleName"])
            if attached(state, role):
                raise ApiError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
            if inline(state, role):
                raise ApiError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
            return state.with_changes([], [(Role, role.key)])

        await self._desk.change(decide)
        return {}

    # inline policies

    async def put_policy(self, members: Members, context: Context) -> Members:
        name = checked_name(members["PolicyName"], "policyName")
        policy = InlinePolicy(policy_name=name, policy_document=identity_document(members["PolicyDocument"]))

        def edit(role: Role) -> Role:
            names = [one.policy_name for one in role.policies]
            policies = tuple(policy if one.policy_name == name else one for one in role.policies)
            return role.model_copy(update={"policies": policies if name in names else (*policies, policy)})

        await self._edit(members, edit)
        return {}

    async def get_policy(self, members: Members, context: Context) -> Members:
        role = role_of(self._desk.state, members["RoleName"])
        document = inline(self._desk.state, role).get(members["PolicyName"])
        if document is None:
            raise _no_inline(members["PolicyName"])
        return {"RoleName": role.key, "PolicyName": members["PolicyName"], "PolicyDocument": to_wire(document)}

    async def list_policies(self, members: Members, context: Context) -> Members:
        role = role_of(self._desk.state, members["RoleName"])
        return page("PolicyNames", sorted(inline(self._desk.state, role)), members)

    async def delete_policy(self, members: Members, context: Context) -> Members:
        name = members["PolicyName"]

        def decide(state: State) -> State:
            role = role_of(state, members["RoleName"])
            if name not in inline(state, role):
                raise _no_inline(name)
            kept = tuple(one for one in role.noun.policies if one.policy_name != name)
            put: list[Deployed[Any]] = [self._desk.changed(role, role.noun.model_copy(update={"policies": kept}))]
            for policy in _declared_inline(state, role):
                if policy.noun.policy_name == name:
                    roles = tuple(other for other in policy.noun.roles if other != role.key)
                    put.append(self._desk.changed(policy, policy.noun.model_copy(update={"roles": roles})))
            return state.with_changes(put)

        await self._desk.change(decide)
        return {}

    # attached policies

    async def attach_policy(self, members: Members, context: Context) -> Members:
        arn = members["PolicyArn"]

        def decide(state: State) -> State:
            role = role_of(state, members["RoleName"])
            if not is_aws_managed(checked_arn(arn)):
                policy_of(state, arn, "does not exist or is not attachable.")
            there = attached(state, role)
            if arn in there:
                return state
            if len(there) >= MAX_ATTACHED:
                raise ApiError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}", 409)
            arns = (*role.noun.managed_policy_arns, arn)
            return state.with_changes(
                [self._desk.changed(role, role.noun.model_copy(update={"managed_policy_arns": arns}))]
            )

        await self._desk.change(decide)
        return {}

    async def detach_policy(self, members: Members, context: Context) -> Members:
        arn = members["PolicyArn"]

        def decide(state: State) -> State:
            role = role_of(state, members["RoleName"])
            checked_arn(arn)
            if arn not in attached(state, role):
                raise no_such_entity(f"Policy {arn} was not found.")
            kept = tuple(one for one in role.noun.managed_policy_arns if one != arn)
            put: list[Deployed[Any]] = [
                self._desk.changed(role, role.noun.model_copy(update={"managed_policy_arns": kept}))
            ]
            policy = state.get(ManagedPolicy, arn)
            if policy is not None and role.key in policy.noun.roles:
                roles = tuple(name for name in policy.noun.roles if name != role.key)
                put.append(self._desk.changed(policy, policy.noun.model_copy(update={"roles": roles})))
            return state.with_changes(put)

        await self._desk.change(decide)
        return {}

    async def list_attached(self, members: Members, context: Context) -> Members:
        state, prefix = self._desk.state, members.get("PathPrefix", "/")
        arns = attached(state, role_of(state, members["RoleName"]))
        shown = [arn for arn in arns if path_of(arn).startswith(prefix)]
        policies = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in shown]
        return page("AttachedPolicies", policies, members)

    # boundary, tags, instance profiles

    async def put_boundary(self, members: Members, context: Context) -> Members:
        update = {"permissions_boundary": members["PermissionsBoundary"]}
        await self._edit(members, lambda role: role.model_copy(update=update))
        return {}

    async def delete_boundary(self, members: Members, context: Context) -> Members:
        if role_of(self._desk.state, members["RoleName"]).noun.permissions_boundary is None:
            told = f"No permissions boundary is attached to role {members['RoleName']}."
            raise no_such_entity(told)
        await self._edit(members, lambda role: role.model_copy(update={"permissions_boundary": None}))
        return {}

    async def tag(self, members: Members, context: Context) -> Members:
        await self._edit(members, lambda role: role.model_copy(update={"tags": with_tags(role.tags, members["Tags"])}))
        return {}

    async def untag(self, members: Members, context: Context) -> Members:
        keys = members["TagKeys"]
        await self._edit(members, lambda role: role.model_copy(update={"tags": without_tags(role.tags, keys)}))
        return {}

    async def list_tags(self, members: Members, context: Context) -> Members:
        role = role_of(self._desk.state, members["RoleName"])
        return page("Tags", tag_members(role.noun.tags), members)

    async def list_instance_profiles(self, members: Members, context: Context) -> Members:
        role_of(self._desk.state, members["RoleName"])
        return page("InstanceProfiles", [], members)

    async def _edit(self, members: Members, edit: Any) -> None:
        await self._desk.update(lambda state: role_of(state, members["RoleName"]), edit)

    def _members(self, role: Deployed[Role], *, tags: bool, boundary: bool = True) -> dict[str, Any]:
        noun = role.noun
        found: dict[str, Any] = {
            "Path": noun.path,
            "RoleName": role.key,
            "RoleId": unique_id("AROA", role),
            "Arn": self._desk.place.role(role.key, noun.path),
            "CreateDate": float(int(role.created_at)),
            "AssumeRolePolicyDocument": to_wire(noun.assume_role_policy_document),
            "MaxSessionDuration": noun.max_session_duration_s,
        }
        if noun.description:
            found["Description"] = noun.description
        if boundary and noun.permissions_boundary is not None:
            found["PermissionsBoundary"] = {
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": noun.permissions_boundary,
            }
        if tags and noun.tags:
            found["Tags"] = tag_members(noun.tags)
        return found


def path_of(policy_arn: str) -> str:
    """The path within a policy's ARN, `/` at least."""
    return "/" + policy_arn.partition(":policy/")[2].rpartition("/")[0].strip("/") + "/" * (policy_arn.count("/") > 1)


def attached(state: State, role: Deployed[Role]) -> tuple[str, ...]:
    """ARNs of a role's managed policies: its own list, and policies that name it."""
    own = role.noun.managed_policy_arns
    naming = (arn for arn, policy in state.of(ManagedPolicy).items() if role.key in policy.noun.roles)
    return (*own, *(arn for arn in naming if arn not in own))


def inline(state: State, role: Deployed[Role]) -> dict[str, Any]:
    """A role's inline policies by name: its own, and those a stack declares apart (`AWS::IAM::Policy`)."""
    declared = {policy.noun.policy_name: policy.noun.policy_document for policy in _declared_inline(state, role)}
    return declared | {policy.policy_name: policy.policy_document for policy in role.noun.policies}


def _declared_inline(state: State, role: Deployed[Role]) -> list[Deployed[Policy]]:
    return [policy for policy in state.of(Policy).values() if role.key in policy.noun.roles]


def _no_inline(name: str) -> ApiError:
    return no_such_entity(f"The role policy with name {name} cannot be found.")
