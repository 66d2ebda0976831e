"""Functions, versions, aliases and what is set on them, as an SDK sees it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.model.function import Function, FunctionVersion
from tests.wire.lambda_.scene import PLACE, ROLE, Scene, archive

ARN = PLACE.function("f")
ZIP = {"Runtime": "python3.12", "Handler": "handler.handler", "Role": ROLE, "Code": {"ZipFile": archive()}}


def error(call: Any, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def invalid(message: str) -> tuple[str, str, int]:
    return "InvalidParameterValueException", message, 400


def missing(message: str) -> tuple[str, str, int]:
    return "ResourceNotFoundException", message, 404


def conflict(message: str) -> tuple[str, str, int]:
    return "ResourceConflictException", message, 409


# functions


def test_a_function_is_pending_then_active(scene: Scene, client: Any) -> None:
    created = client.create_function(FunctionName="f", **ZIP)
    assert (created["State"], created["StateReasonCode"], "LastUpdateStatus" in created) == (
        "Pending",
        "Creating",
        False,
    )
    assert "Environment" not in created
    scene.settle()
    settled = client.get_function_configuration(FunctionName="f")
    assert (settled["State"], settled["LastUpdateStatus"]) == ("Active", "Successful")
    assert settled["RevisionId"] != created["RevisionId"]


def test_an_update_is_in_progress_then_successful(scene: Scene, client: Any) -> None:
    scene.function()
    before = client.get_function_configuration(FunctionName="f")
    updated = client.update_function_configuration(FunctionName="f", MemorySize=512)
    assert (updated["State"], updated["LastUpdateStatus"], updated["MemorySize"]) == ("Active", "InProgress", 512)
    busy = f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    assert error(client.update_function_code, FunctionName="f", ZipFile=archive()) == conflict(busy)
    assert error(client.publish_version, FunctionName="f") == conflict(busy)
    scene.settle()
    after = client.get_function_configuration(FunctionName="f")
    assert after["LastUpdateStatus"] == "Successful"
    assert len({before["RevisionId"], updated["RevisionId"], after["RevisionId"]}) == 3


@pytest.mark.slow
def test_waiters_end(scene: Scene, client: Any) -> None:
    client.create_function(FunctionName="f", **ZIP)
    ended = threading.Event()

    def move() -> None:  # real time passes for the waiter, and takes the scene's clock along
        while not ended.wait(0.01):
            scene.settle(0.01)

    thread = threading.Thread(target=move)
    thread.start()
    began = time.monotonic()
    try:
        for waiter in ("function_exists", "function_active_v2", "function_updated_v2"):
            client.get_waiter(waiter).wait(FunctionName="f", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    finally:
        ended.set()
        thread.join()
    assert time.monotonic() - began < 20  # a bound on waiting, never a measurement


def test_defaults_are_filled_in(scene: Scene, client: Any) -> None:
    scene.function(Timeout=7)
    shape = client.get_function(FunctionName="f")
    config = shape["Configuration"]
    assert shape["Code"]["RepositoryType"] == "S3"
    assert {key: config[key] for key in ("MemorySize", "Timeout", "PackageType", "Architectures", "Description")} == {
        "MemorySize": 128,
        "Timeout": 7,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "Description": "",
    }
    assert config["EphemeralStorage"] == {"Size": 512}
    assert config["TracingConfig"] == {"Mode": "PassThrough"}
    assert config["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert config["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}


def test_what_a_stack_deployed_is_active_at_once(scene: Scene, client: Any) -> None:
    config = Function.model_validate({"Code": {}, "Runtime": "python3.12", "Handler": "h.h", "Tags": []})
    scene.deploy("f", FunctionVersion(name="f", config=config, artifact="a"))
    shape = client.get_function_configuration(FunctionName="f")
    assert (shape["State"], shape["LastUpdateStatus"], shape["RevisionId"]) == ("Active", "Successful", "revision-f")
    client.update_function_configuration(FunctionName="f", Timeout=9)
    assert client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "InProgress"


def test_publishing_with_the_code(scene: Scene, client: Any) -> None:
    created = client.create_function(FunctionName="f", Publish=True, **ZIP)
    assert (created["Version"], created["FunctionArn"], created["State"]) == ("1", ARN, "Pending")
    scene.settle()
    updated = client.update_function_code(FunctionName="f", ZipFile=archive("two"), Publish=True)
    assert (updated["Version"], updated["FunctionArn"], updated["State"]) == ("2", f"{ARN}:2", "Pending")
    scene.settle()
    dry = client.update_function_code(FunctionName="f", ZipFile=archive("three"), DryRun=True)
    assert dry["CodeSha256"] == updated["CodeSha256"]
    versions = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1", "2"]
    assert all("State" not in one and "LastUpdateStatus" not in one for one in versions)


def test_what_is_not_named_in_an_update_stays(scene: Scene, client: Any) -> None:
    queue = scene.queue("letters")
    scene.function(Environment={"Variables": {"A": "1"}}, DeadLetterConfig={"TargetArn": queue}, Description="some")
    client.update_function_configuration(FunctionName="f", Timeout=9)
    shape = client.get_function_configuration(FunctionName="f")
    assert shape["Environment"]["Variables"] == {"A": "1"}
    assert shape["DeadLetterConfig"] == {"TargetArn": queue}
    assert shape["Description"] == "some"
    scene.settle()
    client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": ""}, Description="")
    shape = client.get_function_configuration(FunctionName="f")
    assert "DeadLetterConfig" not in shape
    assert shape["Description"] == ""


TOO_MUCH = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)
CREATE_ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown runtime": ({"Runtime": "nonsense"}, "Value nonsense at 'runtime' failed to satisfy constraint: Member"),
    "a retired runtime": ({"Runtime": "python3.7"}, "The runtime parameter of python3.7 is no longer supported"),
    "no handler": ({"Handler": None}, "Runtime and Handler are mandatory parameters for functions created with"),
    "a long timeout": ({"Timeout": 901}, "1 validation error detected: Value '901' at 'timeout' failed to satisfy"),
    "a reserved variable": (
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        TOO_MUCH + "contains reserved keys that are currently not supported for modification. "
        "Reserved keys used in this request: AWS_REGION",
    ),
    "large variables": ({"Environment": {"Variables": {"A": "x" * 4096}}}, TOO_MUCH + "exceeded the 4KB limit. String"),
    "no archive": (
        {"Code": {"ZipFile": b"nonsense"}},
        "Could not unzip uploaded file. Please check your file",
    ),
    "no code": ({"Code": {}}, "Please provide a source for function code."),
    "many tags": ({"Tags": {str(n): "" for n in range(51)}}, "Number of tags exceeds resource tag limit."),
    "no such layer": (
        {"Layers": [PLACE.arn("lambda", "layer:nope:1")]},
        f"Layer version {PLACE.arn('lambda', 'layer:nope:1')} does not exist.",
    ),
    "another region's layer": (
        {"Layers": [PLACE.arn("lambda", "layer:nope:1").replace("us-east-1", "us-west-2")]},
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
    ),
}


@pytest.mark.parametrize(("given", "message"), CREATE_ERRORS.values(), ids=CREATE_ERRORS)
def test_a_function_that_cannot_be_made_is_refused(client: Any, given: dict[str, Any], message: str) -> None:
    merged = {key: value for key, value in {**ZIP, **given}.items() if value is not None}
    code, told, status = error(client.create_function, FunctionName="f", **merged)
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert told.startswith(message)
    assert error(client.get_function, FunctionName="f") == missing(f"Function not found: {ARN}")


def test_a_name_is_taken_once(scene: Scene, client: Any) -> None:
    scene.function()
    assert error(client.create_function, FunctionName="f", **ZIP) == conflict("Function already exist: f")


def test_functions_are_listed_in_pages(scene: Scene, client: Any) -> None:
    for name in ("b", "a", "c"):
        scene.function(name)
    paginator = client.get_paginator("list_functions")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
    assert [[one["FunctionName"] for one in page["Functions"]] for page in pages] == [["a", "b"], ["c"]]
    client.publish_version(FunctionName="b")
    everything = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert [one["FunctionArn"].split(":function:")[1] for one in everything] == [
        "a:$LATEST",
        "b:$LATEST",
        "b:1",
        "c:$LATEST",
    ]


def test_deleting_a_function_takes_its_parts_along(scene: Scene, client: Any) -> None:
    scene.function()
    scene.function("f-other")
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    allow = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(FunctionName="f", **allow)
    client.add_permission(FunctionName="f-other", **allow)
    assert client.delete_function(FunctionName="f")["StatusCode"] == 204
    left = {noun.__name__: sorted(table) for noun, table in scene.deployment.state.tables.items() if table}
    assert left == {"FunctionVersion": ["f-other"], "Permission": ["f-other/s"]}
    assert error(client.delete_function, FunctionName="f") == missing(f"Function not found: {ARN}")


def test_deleting_a_version(scene: Scene, client: Any) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    latest = "$LATEST version cannot be deleted without deleting the function."
    assert error(client.delete_function, FunctionName="f", Qualifier="$LATEST") == invalid(latest)
    aliases = "Deletion of aliases is not currently supported."
    assert error(client.delete_function, FunctionName="f", Qualifier="live") == invalid(aliases)
    assert error(client.delete_function, FunctionName="f", Qualifier="1")[0] == "ResourceConflictException"
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="1")
    client.delete_function(FunctionName="f", Qualifier="1")
    again = client.publish_version(FunctionName="f")
    assert again["Version"] == "2"  # a number is never used twice


# versions and aliases


def test_a_version_is_published_only_if_something_changed(scene: Scene, client: Any) -> None:
    scene.function()
    first = client.publish_version(FunctionName="f", Description="one")
    assert (first["Version"], first["Description"], first["FunctionArn"]) == ("1", "one", f"{ARN}:1")
    second = client.publish_version(FunctionName="f", Description="two")
    assert (second["Version"], second["Description"], second["RevisionId"]) == ("1", "one", first["RevisionId"])
    client.update_function_configuration(FunctionName="f", Timeout=5)
    scene.settle()
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=3)
    client.tag_resource(Resource=ARN, Tags={"a": "b"})
    assert client.publish_version(FunctionName="f")["Version"] == "2"


def test_guards_of_publishing(scene: Scene, client: Any) -> None:
    scene.function()
    sha = client.get_function_configuration(FunctionName="f")["CodeSha256"]
    other = (
        f"CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({sha}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    assert error(client.publish_version, FunctionName="f", CodeSha256="x") == invalid(other)
    assert error(client.publish_version, FunctionName="f", RevisionId="x")[0::2] == ("PreconditionFailedException", 412)
    assert client.publish_version(FunctionName="f", CodeSha256=sha)["Version"] == "1"


def test_what_an_alias_may_not_be(scene: Scene, client: Any) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    client.update_function_configuration(FunctionName="f", Timeout=5)
    scene.settle()
    client.publish_version(FunctionName="f")
    make = {"FunctionName": "f", "Name": "live", "FunctionVersion": "1"}

    def split(**weights: float) -> dict[str, Any]:
        return {"RoutingConfig": {"AdditionalVersionWeights": {key[1:]: value for key, value in weights.items()}}}

    call = client.create_alias
    assert error(call, **{**make, "FunctionVersion": "9"}) == missing(f"Function not found: {ARN}:9")
    assert error(call, **make, **split(_2=0.1, _3=0.1)) == invalid(
        "Number of items in AdditionalVersionWeights cannot be greater than 1"
    )
    assert error(call, **make, **split(_1=0.1)) == invalid(
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )
    assert error(call, **{**make, "FunctionVersion": "$LATEST"}, **split(_2=0.1)) == invalid(
        "$LATEST is not supported for an alias pointing to more than 1 version"
    )
    assert error(call, **make, **split(_2=1.1))[0] == "ValidationException"
    assert error(call, **make, **split(_x=0.1))[0] == "ValidationException"
    client.create_alias(**make, **split(_2=0.25))
    assert error(call, **make) == conflict(f"Alias already exists: {ARN}:live")
    assert error(client.update_alias, FunctionName="f", Name="no") == missing(f"Alias not found: {ARN}:no")
    assert error(client.update_alias, FunctionName="f", Name="live", RevisionId="x")[0] == "PreconditionFailedException"
    moved = client.update_alias(FunctionName="f", Name="live", FunctionVersion="2", **split())
    assert (moved["FunctionVersion"], "RoutingConfig" in moved) == ("2", False)
    assert error(client.get_alias, FunctionName="f", Name="no") == missing(f"Cannot find alias arn: {ARN}:no")
    assert client.delete_alias(FunctionName="f", Name="no")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_an_alias_shows_the_version_behind_it(scene: Scene, client: Any) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    shape = client.get_function_configuration(FunctionName="f:live")
    assert (shape["FunctionArn"], shape["Version"]) == (f"{ARN}:live", "1")


# what is set on functions


def test_policies(scene: Scene, client: Any) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    base = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    principals = {
        "everyone": ("*", "*"),
        "account": ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        "role": ("arn:aws:iam::123456789012:role/x", {"AWS": "arn:aws:iam::123456789012:role/x"}),
        "service": ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
    }
    for sid, (principal, _) in principals.items():
        client.add_permission(**base, StatementId=sid, Principal=principal)
    policy = json.loads(client.get_policy(FunctionName="f")["Policy"])
    assert {one["Sid"]: one["Principal"] for one in policy["Statement"]} == {k: v for k, (_, v) in principals.items()}
    taken = (
        "The statement id (role) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )
    assert error(client.add_permission, **base, StatementId="role", Principal="*") == conflict(taken)
    wrong = "The provided principal was invalid. Please check the principal and try again."
    assert error(client.add_permission, **base, StatementId="x", Principal="nobody") == invalid(wrong)
    latest = "We currently do not support adding policies for $LATEST."
    call = client.add_permission
    assert error(call, **base, StatementId="x", Principal="*", Qualifier="$LATEST") == invalid(latest)
    assert error(call, **base, StatementId="x", Principal="*", Qualifier="no") == missing(
        f"Cannot find alias arn: {ARN}:no"
    )
    assert error(client.remove_permission, FunctionName="f", StatementId="x") == missing(
        "Statement x is not found in resource policy."
    )
    assert error(client.remove_permission, FunctionName="f:1", StatementId="x") == missing(
        "No policy is associated with the given resource."
    )
    assert error(client.remove_permission, FunctionName="g", StatementId="x") == missing(
        f"No policy found for: {PLACE.function('g')}"
    )


def test_conditions_of_a_statement(scene: Scene, client: Any) -> None:
    scene.function()
    added = client.add_permission(
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        SourceArn="arn:aws:s3:::b",
        SourceAccount="123456789012",
        FunctionUrlAuthType="NONE",
        PrincipalOrgID="o-1234567890",
    )
    assert json.loads(added["Statement"])["Condition"] == {
        "StringEquals": {
            "AWS:SourceAccount": "123456789012",
            "lambda:FunctionUrlAuthType": "NONE",
            "aws:PrincipalOrgID": "o-1234567890",
        },
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
    }


def test_reserved_and_provisioned_concurrency_fit_together(scene: Scene, client: Any) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    put = client.put_provisioned_concurrency_config
    unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    one = {"FunctionName": "f", "ProvisionedConcurrentExecutions": 1}
    assert error(put, **one, Qualifier="$LATEST") == invalid(unpublished)
    assert put(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=2)["Status"] == "IN_PROGRESS"
    scene.settle()
    got = client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert (got["Status"], got["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    low = " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    reserve = client.put_function_concurrency
    assert error(reserve, FunctionName="f", ReservedConcurrentExecutions=1) == invalid(low)
    reserve(FunctionName="f", ReservedConcurrentExecutions=2)
    high = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    assert error(put, FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=3) == invalid(high)
    settings = client.get_account_settings()
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 998
    (listed,) = client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert listed["FunctionArn"] == f"{ARN}:1"
    assert (
        error(reserve, FunctionName=f"{ARN}:1", ReservedConcurrentExecutions=1)[0] == "InvalidParameterValueException"
    )
    assert client.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 2}


def test_tags_follow_the_function(scene: Scene, client: Any) -> None:
    scene.function(Tags={"a": "1"})
    client.tag_resource(Resource=ARN, Tags={"b": "2", "a": "3"})
    client.untag_resource(Resource=ARN, TagKeys=["a", "nope"])
    assert client.list_tags(Resource=ARN)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}


def test_recursion_and_runtime_settings(scene: Scene, client: Any) -> None:
    scene.function()
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Allow"
    assert client.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "FunctionUpdate"


def test_function_urls(scene: Scene, client: Any) -> None:
    scene.function()
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    assert ".lambda-url.us-east-1.localhost:" in made["FunctionUrl"]
    taken = (
        f"Failed to create function url config for [functionArn = {ARN}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function"
    )
    assert error(client.create_function_url_config, FunctionName="f", AuthType="NONE") == conflict(taken)
    client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    got = client.get_function_url_config(FunctionName="f")
    assert (got["AuthType"], got["Cors"], got["FunctionUrl"]) == (
        "AWS_IAM",
        {"AllowOrigins": ["*"]},
        made["FunctionUrl"],
    )
    assert len(client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]) == 1


def test_layers_of_a_function(scene: Scene, client: Any) -> None:
    content = {"ZipFile": archive("x", "python/x.py")}
    arns = [
        client.publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"] for name in ("a", "a", "b")
    ]
    scene.function(Layers=[arns[0], arns[2]])
    assert [one["Arn"] for one in client.get_function_configuration(FunctionName="f")["Layers"]] == [arns[0], arns[2]]
    latest = scene.deployment.state.version("f")
    assert latest is not None
    for artifact in latest.noun.layers:
        assert (scene.code.path(artifact) / "python" / "x.py").read_text() == "x"
    both = (
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{arns[1]} and {arns[0]} are versions of the same layer."
    )
    update = client.update_function_configuration
    assert error(update, FunctionName="f", Layers=arns[:2]) == invalid(both)
    many = [PLACE.arn("lambda", f"layer:l{n}:1") for n in range(6)]
    assert error(update, FunctionName="f", Layers=many) == invalid("Cannot reference more than 5 layers.")
    assert [one["LayerName"] for one in client.list_layers()["Layers"]] == ["a", "b"]
    assert client.list_layers()["Layers"][0]["LatestMatchingVersion"]["Version"] == 2


# mappings


def test_a_mapping_lives(scene: Scene, client: Any) -> None:
    scene.function()
    queue = scene.queue("q")
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=queue)
    key = made["UUID"]
    assert (made["State"], made["BatchSize"], made["FunctionArn"]) == ("Creating", 10, ARN)
    busy = error(client.delete_event_source_mapping, UUID=key)
    assert busy == ("ResourceInUseException", "Cannot delete the event source mapping because it is in use.", 400)
    scene.settle()
    assert client.get_event_source_mapping(UUID=key)["State"] == "Enabled"
    assert client.update_event_source_mapping(UUID=key, Enabled=False)["State"] == "Disabling"
    scene.settle()
    assert client.get_event_source_mapping(UUID=key)["State"] == "Disabled"
    criteria = {"Filters": [{"Pattern": '{"body": ["x"]}'}]}
    updated = client.update_event_source_mapping(UUID=key, BatchSize=5, FilterCriteria=criteria)
    assert (updated["State"], updated["BatchSize"], updated["FilterCriteria"]) == ("Updating", 5, criteria)
    scene.settle()
    taken = (
        f'An event source mapping with SQS arn (" {queue} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {key}"
    )
    assert error(client.create_event_source_mapping, FunctionName="f", EventSourceArn=queue) == conflict(taken)
    assert [one["UUID"] for one in client.list_event_source_mappings(FunctionName="f")["EventSourceMappings"]] == [key]
    assert client.list_event_source_mappings(FunctionName="g")["EventSourceMappings"] == []
    assert client.delete_event_source_mapping(UUID=key)["State"] == "Deleting"
    gone = missing("The resource you requested does not exist.")
    assert error(client.get_event_source_mapping, UUID=key) == gone


NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
KINESIS = PLACE.arn("kinesis", "stream/s")
MAPPING_ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"EventSourceArn": None}, "Unrecognized event source."),
    "no such function": ({"FunctionName": "nope"}, "Function does not exist"),
    "no such queue": ({"EventSourceArn": PLACE.queue("nope")}, NO_QUEUE),
    "a destination": (
        {"DestinationConfig": {"OnFailure": {"Destination": PLACE.queue("q")}}},
        "Unsupported DestinationConfig parameter for given event source mapping type.",
    ),
    "a large batch without a window": (
        {"BatchSize": 11},
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    ),
    "no position": (
        {"EventSourceArn": KINESIS},
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
        "Member must not be null.",
    ),
    "no such stream": (
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST"},
        f"Stream not found: {KINESIS}",
    ),
    "a filter without a list": (
        {"FilterCriteria": {"Filters": [{"Pattern": '{"eventSource": "aws:sqs"}'}]}},
        "Invalid filter pattern definition.",
    ),
    "a queue that shows messages again too soon": (
        {"EventSourceArn": PLACE.queue("hasty")},
        "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds",
    ),
}


@pytest.mark.parametrize(("given", "message"), MAPPING_ERRORS.values(), ids=MAPPING_ERRORS)
def test_a_mapping_that_cannot_work_is_refused(scene: Scene, client: Any, given: dict[str, Any], message: str) -> None:
    scene.function()
    scene.queue("hasty", VisibilityTimeout=2)
    merged = {"FunctionName": "f", "EventSourceArn": scene.queue("q"), **given}
    merged = {key: value for key, value in merged.items() if value is not None}
    assert error(client.create_event_source_mapping, **merged) == invalid(message)


def test_code_signing_configurations_are_kept(scene: Scene, client: Any) -> None:
    scene.function()
    publishers = {"SigningProfileVersionArns": [PLACE.arn("signer", "/signing-profiles/p/1234567890")]}
    arn = client.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]["CodeSigningConfigArn"]
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="f")
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn)
    assert client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == [ARN]
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    gone = f"The Lambda code signing configuration {arn} can not be found."
    assert error(client.get_code_signing_config, CodeSigningConfigArn=arn) == missing(gone)
    attach = error(client.put_function_code_signing_config, FunctionName="f", CodeSigningConfigArn=arn)
    assert attach[0] == "CodeSigningConfigNotFoundException"
