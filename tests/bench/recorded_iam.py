"""What AWS's recorded answers say of IAM's API: roles and policies.

    python -m tests.bench.recorded_iam FOLDER [NAME]

FOLDER holds `iam.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_rooms import PLACE, client, open_rooms


def call(r: Replay, operation: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(**given)


def trust(service: str = "ec2.amazonaws.com") -> str:
    statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def document(action: Any = "s3:GetObject", resource: Any = "*") -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def kept_document(r: Replay) -> None:
    (step,) = r.recorded
    wanted = json.dumps(r.recorded[step]).replace("<region>", "us-east-1").replace("<partition>", "aws")
    arn = r.client.create_policy(PolicyName="policy", PolicyDocument=wanted.replace("111111111111", PLACE.account))
    given = {"PolicyArn": arn["Policy"]["Arn"], "VersionId": "v1"}
    r.see(step, call(r, "get_policy_version", **given), lambda answer: answer["PolicyVersion"]["Document"])


def managed(r: Replay) -> None:
    arn = r.client.create_policy(PolicyName="policy", PolicyDocument=document())["Policy"]["Arn"]
    r.see("managed_policy", call(r, "get_policy", PolicyArn=arn))


def malformed(r: Replay) -> None:
    given = {"RoleName": "role", "AssumeRolePolicyDocument": '{"Version": "2012-10-17", "Statement": [{"Action": }'}
    r.see("invalid-json", call(r, "create_role", **given))


def described(r: Replay) -> None:
    path = "/prefix/"
    given = {"RoleName": "role", "AssumeRolePolicyDocument": trust(), "Path": path}
    r.see("create_role_result", call(r, "create_role", **given))
    r.see("get_role_result", call(r, "get_role", RoleName="role"))
    r.see("list_roles_result", call(r, "list_roles", PathPrefix=path))


def attached(r: Replay) -> None:
    r.client.create_role(RoleName="role", AssumeRolePolicyDocument=trust())
    given = {"PolicyName": "policy-of-twenty-letters", "PolicyDocument": document()}
    arn = r.see("create_policy_response", call(r, "create_policy", **given))["Policy"]["Arn"]
    for step, policy in (
        ("non_existent_malformed_policy_arn", "longpolicynamebutnoarn"),
        ("existing_policy_name_provided", "policy-of-twenty-letters"),
        ("valid_arn_not_existent", f"{arn}123"),
        ("valid_policy_arn", arn),
    ):
        r.see(step, call(r, "attach_role_policy", RoleName="role", PolicyArn=policy))


def with_path(r: Replay) -> None:
    given = {"RoleName": "role", "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"), "Path": "/path/"}
    r.bound["role-name:1"] = "role"
    r.see("create-role-response", call(r, "create_role", **given))
    r.see("get-role-response", call(r, "get_role", RoleName="role"))
    r.see("delete-role-response", call(r, "delete_role", RoleName="role"))


def no_policy(r: Replay) -> None:
    arn = f"arn:aws:iam::{PLACE.account}:policy/non-existent-policy"
    r.see("delete-non-existent-policy-exc", call(r, "delete_policy", PolicyArn=arn))


def tagged(r: Replay) -> None:
    path, tags = "/role-with-tags/", [{"Key": "test", "Value": "value"}]
    given = {"RoleName": "role", "AssumeRolePolicyDocument": trust(), "Path": path, "Tags": tags}
    r.see("create-role-response", call(r, "create_role", **given))
    r.see("get-role-response", call(r, "get_role", RoleName="role"))
    r.see("list-role-response", call(r, "list_roles", PathPrefix=path))


SCENARIOS: dict[str, Scenario] = {
    "test_managed_policy_with_empty_resource": managed,
    "test_managedpolicy_with_fn_sub_json_string": kept_document,
    "test_managedpolicy_with_fn_sub_multiline_yaml": kept_document,
    "test_managedpolicy_with_fn_sub_and_arrays": kept_document,
    "test_create_role_with_malformed_assume_role_policy_document": malformed,
    "test_create_describe_role": described,
    "test_role_attach_policy": attached,
    "test_role_with_path_lifecycle": with_path,
    "test_delete_non_existent_policy_returns_no_such_entity": no_policy,
    "test_role_with_tags": tagged,
}

if __name__ == "__main__":
    play("iam", SCENARIOS, open_rooms, lambda rooms, _: client(rooms, "iam"))
