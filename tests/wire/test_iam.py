"""IAM over HTTP with boto3: records are kept, and errors say what AWS says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.live import Live
from tests.wire.rooms import Rooms

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

pytestmark = pytest.mark.slow


@pytest.fixture
def iam(tmp_path: Path) -> Iterator[Any]:
    with Live(Rooms(tmp_path)) as live:
        yield live.client("iam")


def role(iam: Any, name: str = "worker", **more: Any) -> Any:
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)["Role"]


def policy(iam: Any, name: str = "reader", **more: Any) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW), **more)["Policy"]["Arn"])


def failure(call: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_reads_as_it_was_made(iam: Any) -> None:
    made = role(iam, Path="/team/", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    assert made["Arn"] == "arn:aws:iam::000000000000:role/team/worker"
    assert made["RoleId"].startswith("AROA")
    assert "MaxSessionDuration" not in made
    got = iam.get_role(RoleName="worker")["Role"]
    assert got["AssumeRolePolicyDocument"] == TRUST
    assert (got["Description"], got["MaxSessionDuration"], got["RoleLastUsed"]) == ("d", 3600, {})
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]
    listed = iam.list_roles(PathPrefix="/team/")["Roles"]
    assert [(one["RoleName"], "Tags" in one) for one in listed] == [("worker", False)]
    iam.get_waiter("role_exists").wait(RoleName="worker", WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_roles_survive_a_restart(tmp_path: Path) -> None:
    with Live(Rooms(tmp_path)) as live:
        before = role(live.client("iam"))
    with Live(Rooms(tmp_path)) as live:
        after = live.client("iam").get_role(RoleName="worker")["Role"]
    assert (after["RoleId"], after["CreateDate"]) == (before["RoleId"], before["CreateDate"])


def test_a_role_is_updated(iam: Any) -> None:
    role(iam)
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": "*"}}]}  # type: ignore[dict-item]
    iam.update_role(RoleName="worker", Description="new", MaxSessionDuration=7200)
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps(other))
    iam.tag_role(RoleName="worker", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName="worker", Tags=[{"Key": "a", "Value": "3"}])
    iam.untag_role(RoleName="worker", TagKeys=["b"])
    got = iam.get_role(RoleName="worker")["Role"]
    assert (got["Description"], got["MaxSessionDuration"], got["AssumeRolePolicyDocument"]) == ("new", 7200, other)
    assert iam.list_role_tags(RoleName="worker")["Tags"] == [{"Key": "a", "Value": "3"}]


def test_inline_policies_are_put_read_and_deleted(iam: Any) -> None:
    role(iam)
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(DENY))
    assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == ["p"]
    assert iam.get_role_policy(RoleName="worker", PolicyName="p")["PolicyDocument"] == DENY
    iam.delete_role_policy(RoleName="worker", PolicyName="p")
    assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == []


def test_policies_are_attached_and_counted(iam: Any) -> None:
    role(iam)
    arn = policy(iam, Path="/p/")
    for _ in range(2):
        iam.attach_role_policy(RoleName="worker", PolicyArn=arn)
    iam.attach_role_policy(RoleName="worker", PolicyArn=BASIC)
    attached = iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]
    assert attached == [
        {"PolicyName": "reader", "PolicyArn": arn},
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC},
    ]
    of_path = iam.list_attached_role_policies(RoleName="worker", PathPrefix="/service-role/")["AttachedPolicies"]
    assert [one["PolicyArn"] for one in of_path] == [BASIC]
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (got["AttachmentCount"], got["DefaultVersionId"], got["Tags"]) == (1, "v1", [])
    assert [one["RoleName"] for one in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == ["worker"]
    iam.detach_role_policy(RoleName="worker", PolicyArn=arn)
    assert iam.list_policies(Scope="Local")["Policies"][0]["AttachmentCount"] == 0


def test_versions_of_a_policy(iam: Any) -> None:
    arn = policy(iam)
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(DENY), SetAsDefault=True)
    assert second["PolicyVersion"]["VersionId"] == "v2"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == ALLOW
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == DENY
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [("v2", True), ("v1", False)]
    code, message, _ = failure(lambda: iam.delete_policy_version(PolicyArn=arn, VersionId="v2"))
    assert (code, message) == ("DeleteConflict", "Cannot delete the default version of a policy.")
    assert failure(lambda: iam.delete_policy(PolicyArn=arn))[0] == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_long_lists_come_in_pages(iam: Any) -> None:
    for number in range(5):
        role(iam, f"role-{number}")
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
    assert [[one["RoleName"] for one in page["Roles"]] for page in pages] == [
        ["role-0", "role-1"],
        ["role-2", "role-3"],
        ["role-4"],
    ]


NOT_THERE = "arn:aws:iam::000000000000:policy/not-there"
ERRORS: list[tuple[str, Callable[[Any], Any], tuple[str, str, int]]] = [
    (
        "a role that is not there",
        lambda iam: iam.get_role(RoleName="nobody"),
        ("NoSuchEntity", "The role with name nobody cannot be found.", 404),
    ),
    (
        "a role made twice",
        lambda iam: role(iam, "WORKER"),
        ("EntityAlreadyExists", "Role with name WORKER already exists.", 409),
    ),
    (
        "a name with a slash",
        lambda iam: role(iam, "a/b"),
        (
            "ValidationError",
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the"
            " following: +=,.@_-",
            400,
        ),
    ),
    (
        "a name that is too long",
        lambda iam: iam.get_role(RoleName="x" * 65),
        (
            "ValidationError",
            f"1 validation error detected: Value '{'x' * 65}' at 'roleName' failed to satisfy constraint: Member must"
            " have length less than or equal to 64",
            400,
        ),
    ),
    (
        "trust that is no JSON",
        lambda iam: iam.create_role(RoleName="r", AssumeRolePolicyDocument="{bad"),
        ("MalformedPolicyDocument", "This policy contains invalid Json", 400),
    ),
    (
        "trust with a resource",
        lambda iam: iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(ALLOW)),
        ("MalformedPolicyDocument", "Has prohibited field Resource", 400),
    ),
    (
        "a policy with a principal",
        lambda iam: iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(TRUST)),
        ("MalformedPolicyDocument", "Policy document should not specify a principal.", 400),
    ),
    (
        "a policy made twice",
        lambda iam: policy(iam),
        ("EntityAlreadyExists", "A policy called reader already exists. Duplicate names are not allowed.", 409),
    ),
    (
        "deleting a policy that is not there",
        lambda iam: iam.delete_policy(PolicyArn=NOT_THERE),
        ("NoSuchEntity", f"Policy {NOT_THERE} was not found.", 404),
    ),
    (
        "attaching a policy that is not there",
        lambda iam: iam.attach_role_policy(RoleName="worker", PolicyArn=NOT_THERE),
        ("NoSuchEntity", f"Policy {NOT_THERE} does not exist or is not attachable.", 404),
    ),
    (
        "attaching what is no ARN",
        lambda iam: iam.attach_role_policy(RoleName="worker", PolicyArn="longpolicynamebutnoarn"),
        ("ValidationError", "Invalid ARN:  Could not be parsed!", 400),
    ),
    (
        "detaching what is not attached",
        lambda iam: iam.detach_role_policy(RoleName="worker", PolicyArn=NOT_THERE),
        ("NoSuchEntity", f"Policy {NOT_THERE} was not found.", 404),
    ),
    (
        "deleting an attached policy",
        lambda iam: iam.delete_policy(PolicyArn="arn:aws:iam::000000000000:policy/reader"),
        ("DeleteConflict", "Cannot delete a policy attached to entities.", 409),
    ),
    (
        "deleting a role with attached policies",
        lambda iam: iam.delete_role(RoleName="worker"),
        ("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409),
    ),
    (
        "an inline policy that is not there",
        lambda iam: iam.get_role_policy(RoleName="worker", PolicyName="none"),
        ("NoSuchEntity", "The role policy with name none cannot be found.", 404),
    ),
    (
        "the same tag twice",
        lambda iam: iam.tag_role(RoleName="worker", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]),
        ("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400),
    ),
]


def test_errors_say_what_aws_says(iam: Any) -> None:
    role(iam)
    iam.attach_role_policy(RoleName="worker", PolicyArn=policy(iam))
    for sentence, call, expected in ERRORS:
        assert failure(lambda call=call: call(iam)) == expected, sentence  # type: ignore[misc]


def test_a_role_with_inline_policies_is_not_deleted(iam: Any) -> None:
    role(iam)
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    expected = ("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    assert failure(lambda: iam.delete_role(RoleName="worker")) == expected
    iam.delete_role_policy(RoleName="worker", PolicyName="p")
    iam.delete_role(RoleName="worker")
    assert iam.list_roles()["Roles"] == []


def test_aws_own_policies_are_known_by_their_documents(iam: Any) -> None:
    role(iam)
    iam.attach_role_policy(RoleName="worker", PolicyArn=BASIC)
    found = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (found["PolicyName"], found["Path"]) == ("AWSLambdaBasicExecutionRole", "/service-role/")
    assert (found["AttachmentCount"], found["DefaultVersionId"]) == (1, "v1")
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"][0] == "logs:CreateLogGroup"
    assert version["IsDefaultVersion"] is True
    assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=BASIC)["Versions"]] == ["v1"]
    assert failure(lambda: iam.get_policy_version(PolicyArn=BASIC, VersionId="v9"))[0] == "NoSuchEntity"
    holders = iam.list_entities_for_policy(PolicyArn=BASIC)["PolicyRoles"]
    assert [one["RoleName"] for one in holders] == ["worker"]


def test_a_policy_of_aws_that_is_not_kept_says_so(iam: Any) -> None:
    code, message, status = failure(lambda: iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"))
    assert (code, status) == ("NotImplemented", 501)
    assert "ReadOnlyAccess" in message
