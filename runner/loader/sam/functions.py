"""`AWS::Serverless::Function`: the function, what publishes it, its role, and its events.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam import aliases
from runner.loader.sam.aliases import Alias, Target
from runner.loader.sam.code import check_package, function_code
from runner.loader.sam.deployments import Deployments
from runner.loader.sam.destinations import add_invoke_config
from runner.loader.sam.events.sources import Handlers, Sources
from runner.loader.sam.policies import add_policies
from runner.loader.sam.roles import VERSION, Grants, choose_role, emit_role, managed_arn, statement
from runner.loader.sam.tags import propagate, sam_tags
from runner.loader.sam.urls import add_url
from runner.loader.sam.values import Json, is_loose_intrinsic
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work
from runner.loader.suggest import did_you_mean

PASSED = (
    "Handler",
    "Runtime",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "KmsKeyArn",
    "Layers",
    "ReservedConcurrentExecutions",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "ImageConfig",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "RecursiveLoop",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "TenancyConfig",
    "DurableConfig",
    "PackageType",
)
"""Properties that go to `AWS::Lambda::Function` as they are."""

CAPACITY_KEYS = {
    "Arn": "CapacityProviderArn",
    "PerExecutionEnvironmentMaxConcurrency": "PerExecutionEnvironmentMaxConcurrency",
    "ExecutionEnvironmentMemoryGiBPerVCpu": "ExecutionEnvironmentMemoryGiBPerVCpu",
}


def transform_function(work: Work, source: Source, deployments: Deployments, handlers: Handlers) -> None:
    """Emit everything that one function means; what is wrong is reported, the rest goes on."""
    grants = Grants()
    with work.collecting():
        check_package(work, source)
    _check_combinations(work, source)
    function = _function(work, source)
    alias = _publish(work, source, function)
    target = Target(alias.id, True) if alias else Target(source.id)
    with work.collecting():
        add_url(work, source, target)
    with work.collecting():
        deployments.add(source, alias)
    _grant_basics(work, source, grants)
    with work.collecting():
        add_invoke_config(work, source, alias, grants)
    with work.collecting():
        add_policies(work, source, grants)
    Sources(work, source, target, grants, handlers).add()
    with work.collecting():
        choice = choose_role(work, source)
        function["Properties"]["Role"] = choice.value
        tags = _tags(work, source)
        emit_role(work, source, grants, choice, "lambda.amazonaws.com", tags)
    propagate(work, source)


def _function(work: Work, source: Source) -> Json:
    properties: Json = {name: source.get(name) for name in PASSED}
    with work.collecting():
        properties["Code"] = function_code(work, source)
    properties.setdefault("Code", {})
    properties["FunctionName"] = source.get("FunctionName") or None
    properties["Description"] = source.get("Description")
    # A generated role is named last, as no hash of the function knows it; a role of the user's is part of it.
    properties["Role"] = source.get("Role")
    with work.collecting():
        properties["Tags"] = sam_tags(work, source)
    if _traces(work, source):
        properties["TracingConfig"] = {"Mode": source.get("Tracing")}
    with work.collecting():
        properties["DeadLetterConfig"] = _dead_letters(work, source)
    with work.collecting():
        properties["CapacityProviderConfig"] = _capacity(work, source)
    return work.emit(source, source.id, "AWS::Lambda::Function", properties, attributes=MAIN_ATTRIBUTES)


def _tags(work: Work, source: Source) -> list[Json]:
    tags = work.output[source.id]["Properties"].get("Tags")
    return list(tags) if isinstance(tags, list) else []


def _publish(work: Work, source: Source, function: Json) -> Alias | None:
    properties = function["Properties"]
    try_name: str | None = None
    with work.collecting():
        try_name = aliases.alias_name(work, source)
    with work.collecting():
        if not source.get("AutoPublishAlias") and source.get("ProvisionedConcurrencyConfig"):
            message = "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function"
            raise work.refuse(source, message, "ProvisionedConcurrencyConfig", hint="add AutoPublishAlias")
    if try_name is None:
        return None
    sha: str | None = None
    with work.collecting():
        sha = aliases.code_sha(work, source)
    properties["Code"] = aliases.resolve_code(work, properties["Code"])
    if sha:
        properties["Description"] = aliases.describe_with_sha(work, source.get("Description"), sha)
    return aliases.publish(work, source, properties, try_name, sha)


def _traces(work: Work, source: Source) -> bool:
    tracing = source.get("Tracing")
    return bool(tracing) and work.resolve(tracing) != "Disabled"


def _dead_letters(work: Work, source: Source) -> Json | None:
    queue = source.get("DeadLetterQueue")
    if not queue:
        return None
    if not queue.get("Type") or not queue.get("TargetArn"):
        message = "'DeadLetterQueue' requires Type and TargetArn properties to be specified."
        raise work.refuse(source, message, "DeadLetterQueue", code="missing-property")
    if not isinstance(queue["Type"], str):
        message = "Property 'DeadLetterQueue.Type' should be a string."
        raise work.refuse(source, message, "DeadLetterQueue", "Type", code="wrong-type")
    if queue["Type"] not in ("SQS", "SNS"):
        message = "'DeadLetterQueue' requires Type of ['SQS', 'SNS']"
        raise work.refuse(source, message, "DeadLetterQueue", "Type")
    return {"TargetArn": queue["TargetArn"]}


def _capacity(work: Work, source: Source) -> Json | None:
    config = source.get("CapacityProviderConfig")
    if not config or (is_loose_intrinsic(config) and "Arn" not in config):
        return None
    for name in config:
        if name not in CAPACITY_KEYS:
            message = f"Invalid CapacityProviderConfig: property {name} not defined"
            hint = did_you_mean(name, CAPACITY_KEYS)
            raise work.refuse(source, message, "CapacityProviderConfig", name, code="unknown-property", hint=hint)
    if "Arn" not in config:
        message = "Invalid CapacityProviderConfig: Missing required property 'Arn'."
        raise work.refuse(source, message, "CapacityProviderConfig", code="missing-property")
    renamed = {CAPACITY_KEYS[name]: value for name, value in config.items()}
    return {"LambdaManagedInstancesCapacityProviderConfig": renamed}


def _check_combinations(work: Work, source: Source) -> None:
    """Properties that need or exclude each other."""
    for name, other, message, needs in COMBINATIONS:
        if source.get(name) and bool(source.get(other)) != needs:
            work.refused(work.refuse(source, message, other if not needs else name))
    for event_id, event in _events(source):
        kind = event.get("Type")
        if source.get("TenancyConfig") and kind not in ("Api", "HttpApi"):
            message = (
                f"Event source '{kind}' is not supported for functions enabled with tenancy configuration. "
                "Only Api and HttpApi event sources are supported."
            )
            work.refused(work.refuse(source, message, "Events", event_id, "Type"))


def _events(source: Source) -> list[tuple[str, Json]]:
    events = source.get("Events")
    return (
        [(key, value) for key, value in (events or {}).items() if isinstance(value, dict)]
        if isinstance(events, dict)
        else []
    )


COMBINATIONS: tuple[tuple[str, str, str, bool], ...] = (
    (
        "CapacityProviderConfig",
        "ProvisionedConcurrencyConfig",
        "Cannot specify 'CapacityProviderConfig' and 'ProvisionedConcurrencyConfig' together.",
        False,
    ),
    ("CapacityProviderConfig", "VpcConfig", "Cannot specify 'CapacityProviderConfig' and 'VpcConfig' together.", False),
    (
        "FunctionScalingConfig",
        "CapacityProviderConfig",
        "'FunctionScalingConfig' requires 'CapacityProviderConfig'.",
        True,
    ),
    ("VersionDeletionPolicy", "AutoPublishAlias", "'VersionDeletionPolicy' requires 'AutoPublishAlias'.", True),
    (
        "TenancyConfig",
        "ProvisionedConcurrencyConfig",
        "Provisioned concurrency is not supported for functions enabled with tenancy configuration.",
        False,
    ),
    (
        "TenancyConfig",
        "FunctionUrlConfig",
        "Function URL is not supported for functions enabled with tenancy configuration.",
        False,
    ),
    (
        "TenancyConfig",
        "SnapStart",
        "SnapStart is not supported for functions enabled with tenancy configuration.",
        False,
    ),
)
"""A property, another, what is wrong, and whether the first needs the other (else it excludes it)."""


def _grant_basics(work: Work, source: Source, grants: Grants) -> None:
    """What every generated role of a function has, and what its properties need."""
    durable = source.get("DurableConfig")
    basic = "AWSLambdaBasicDurableExecutionRolePolicy" if durable else "AWSLambdaBasicExecutionRole"
    grants.attach(managed_arn(work, f"service-role/{basic}"))
    if _traces(work, source):
        name = "AWSXrayWriteOnlyAccess" if work.partition == "aws" else "AWSXRayDaemonWriteAccess"
        grants.attach(managed_arn(work, name))
    if source.get("VpcConfig"):
        grants.attach(managed_arn(work, "service-role/AWSLambdaVPCAccessExecutionRole"))
    queue: Any = source.get("DeadLetterQueue")
    if isinstance(queue, dict) and queue.get("TargetArn") and queue.get("Type") in ("SQS", "SNS"):
        action = "sqs:SendMessage" if queue["Type"] == "SQS" else "sns:Publish"
        grants.add("DeadLetterQueuePolicy", [statement(action, queue["TargetArn"])], version=VERSION)
