"""What resources are called once they are deployed: physical ids, and the attributes that `Fn::GetAtt` gives.

Everything that AWS draws at random is derived from stack and logical id, so that a file always means the same.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runner.loader.scalars import text_of
from runner.loader.shapes import type_info
from runner.loader.values import NO_VALUE, Unknown, is_unknown
from runner.model.names import Place, derived_uuid, function_reference, physical_name

VERSION_TOKEN = "\ue000version:{}\ue001"  # the planner's; see model/stack.py, which a mere check does not load

NAMES: Mapping[str, tuple[str, int]] = {
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Events::EventBus": ("Name", 64),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::Scheduler::Schedule": ("Name", 64),
    "AWS::Scheduler::ScheduleGroup": ("Name", 64),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::IAM::Policy": ("PolicyName", 128),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Lambda::LayerVersion": ("LayerName", 140),
    "AWS::Kinesis::Stream": ("Name", 128),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::DynamoDB::GlobalTable": ("TableName", 255),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80),
    "AWS::SSM::Parameter": ("Name", 255),
    "AWS::SecretsManager::Secret": ("Name", 255),
}
"""The property that names a resource, and the longest name that is generated where it is absent."""

LOWER_CASE = frozenset(("AWS::S3::Bucket", "AWS::ECR::Repository"))
FIFO = {"AWS::SQS::Queue": "FifoQueue", "AWS::SNS::Topic": "FifoTopic"}
CHAIN_MAX = 40  # names that hang on names that hang on names
STREAM_LABEL = "2024-01-01T00:00:00.000"


class Identities:
    """The deployed names of a template's resources. `current` is whose functions are evaluated now."""

    def __init__(self, place: Place, stack: str, resources: Mapping[str, Any], prefix: str = "") -> None:
        self.prefix = prefix
        self.nested_output: Callable[[str, str], Any] = lambda logical_id, output: None
        self.place = place
        self.stack = stack
        self.resources = resources
        self.absent: set[str] = set()
        self.value: Callable[[Any], Any] = lambda node: node
        self.current = ""
        self.edges: dict[str, set[str]] = {}
        self._names: dict[str, str] = {}
        self._going: set[str] = set()
        self._refs: dict[str, Callable[[str], Any]] = {
            "AWS::Lambda::Version": lambda lid: f"{self.function_arn(lid)}:{VERSION_TOKEN.format(self.prefix + lid)}",
            "AWS::Lambda::Alias": self._alias_arn,
            "AWS::Lambda::EventInvokeConfig": lambda lid: f"{self.function(lid)}|{self.property(lid, 'Qualifier')}",
            "AWS::Lambda::EventSourceMapping": self._uuid,
            "AWS::Lambda::LayerVersion": lambda lid: self.place.arn("lambda", f"layer:{self.name(lid)}:1"),
            "AWS::Lambda::Url": self._url_function,
            "AWS::Events::Rule": self._rule,
            "AWS::SQS::Queue": lambda lid: self.place.queue_url(self.name(lid)),
            "AWS::SNS::Topic": lambda lid: self.place.topic(self.name(lid)),
            "AWS::SNS::Subscription": lambda lid: f"{self.property(lid, 'TopicArn')}:{self._uuid(lid)}",
            "AWS::IAM::ManagedPolicy": lambda lid: self.place.policy(self.name(lid), self.path(lid)),
            "AWS::Lambda::Permission": self.generated,
            "AWS::SQS::QueuePolicy": self.generated,
            "AWS::SNS::TopicPolicy": self.generated,
            "AWS::IAM::Policy": self.generated,
            "AWS::StepFunctions::StateMachine": lambda lid: self.place.arn("states", f"stateMachine:{self.name(lid)}"),
            "AWS::SecretsManager::Secret": lambda lid: self.place.arn("secretsmanager", f"secret:{self.name(lid)}"),
            "AWS::CloudFormation::Stack": lambda lid: self.place.arn("cloudformation", f"stack/{self.generated(lid)}"),
        }
        self._arns: dict[str, Callable[[str], str]] = {
            "AWS::Lambda::Function": lambda lid: self.place.function(self.name(lid)),
            "AWS::Events::EventBus": lambda lid: self.place.bus(self.name(lid)),
            "AWS::Events::Rule": lambda lid: self.place.rule(self.bus(lid), self.name(lid)),
            "AWS::Scheduler::Schedule": self._schedule_arn,
            "AWS::Scheduler::ScheduleGroup": lambda lid: self.place.arn(
                "scheduler", f"schedule-group/{self.name(lid)}"
            ),
            "AWS::SQS::Queue": lambda lid: self.place.queue(self.name(lid)),
            "AWS::IAM::Role": lambda lid: self.place.role(self.name(lid), self.path(lid)),
            "AWS::Logs::LogGroup": lambda lid: f"{self.place.log_group(self.name(lid))}:*",
            "AWS::Kinesis::Stream": lambda lid: self.place.arn("kinesis", f"stream/{self.name(lid)}"),
            "AWS::DynamoDB::Table": lambda lid: self.place.arn("dynamodb", f"table/{self.name(lid)}"),
            "AWS::DynamoDB::GlobalTable": lambda lid: self.place.arn("dynamodb", f"table/{self.name(lid)}"),
            "AWS::S3::Bucket": lambda lid: f"arn:{self.place.partition}:s3:::{self.name(lid)}",
            "AWS::SSM::Parameter": lambda lid: self.place.arn("ssm", f"parameter/{self.name(lid).lstrip('/')}"),
        }

    # The protocol of scope.Resources

    def declared(self, logical_id: str) -> bool:
        return logical_id in self.resources

    def exists(self, logical_id: str) -> bool:
        return logical_id in self.resources and logical_id not in self.absent

    def ref(self, logical_id: str) -> Any:
        """What `Ref` gives."""
        self._depend(logical_id)
        return self._guarded(logical_id, lambda: self._ref(logical_id))

    def attribute(self, logical_id: str, name: str) -> Any:
        """What `Fn::GetAtt` gives."""
        self._depend(logical_id)
        return self._guarded(logical_id, lambda: self._attribute(logical_id, name))

    def physical_id(self, logical_id: str) -> Any:
        """What `Ref` gives, asked by nobody: no dependency comes of it."""
        return self._guarded(logical_id, lambda: self._ref(logical_id))

    def texts(self, logical_id: str) -> Iterator[str]:
        """Every text by which others may mean a resource: its physical id and its ARN."""
        type_ = self.type(logical_id)
        physical = self.physical_id(logical_id)
        if isinstance(physical, str) and not isinstance(physical, Unknown):
            yield physical
        if type_ in self._arns:
            arn = self._guarded(logical_id, lambda: self._arns[type_](logical_id))
            yield arn
        if type_ == "AWS::DynamoDB::Table":
            yield f"{arn}/stream/{STREAM_LABEL}"

    def _depend(self, logical_id: str) -> None:
        self.edges.setdefault(self.current, set()).add(logical_id)

    def _guarded(self, logical_id: str, give: Callable[[], Any]) -> Any:
        """Names may depend on names; a circle gives an unknown value here and is reported from `edges`."""
        if logical_id in self._going or len(self._going) >= CHAIN_MAX:
            return Unknown(f"${{{logical_id}}}")
        before, self.current = self.current, logical_id
        self._going.add(logical_id)
        try:
            given = give()
            # Text that an unknown name went into.
            return Unknown(given) if isinstance(given, str) and "${" in given else given
        finally:
            self._going.discard(logical_id)
            self.current = before

    def _ref(self, logical_id: str) -> Any:
        type_ = self.type(logical_id)
        special = self._refs.get(type_)
        if special is not None:
            return special(logical_id)
        if type_ in NAMES:
            return self.name(logical_id)
        return self._inert_ref(logical_id, type_)

    def _inert_ref(self, logical_id: str, type_: str) -> Any:
        if type_.startswith("AWS::Serverless::"):
            return Unknown(f"${{{logical_id}}}")
        info = type_info(type_)
        member = info.identifier[0] if info is not None and len(info.identifier) == 1 else ""
        if not member:
            return self.generated(logical_id)
        given = self.property(logical_id, member)
        if given:
            return given
        return self._stand_in_arn(logical_id) if member.endswith("Arn") else self.generated(logical_id)

    def _attribute(self, logical_id: str, name: str) -> Any:
        type_ = self.type(logical_id)
        if name == "Arn" and type_ in self._arns:
            return self._arns[type_](logical_id)
        special = self._special_attribute(logical_id, type_, name)
        if special is not None:
            return special
        if type_ in NAMES and name == NAMES[type_][0]:
            return self.name(logical_id)
        given = self.property(logical_id, name)
        if given is not None:
            return given
        if type_ == "AWS::CloudFormation::Stack" and name.startswith("Outputs."):
            output = self.nested_output(logical_id, name.partition(".")[2])
            if output is not None:
                return output
        if type_ == "AWS::CloudFormation::Stack" or type_.startswith("Custom::") or type_.endswith("::CustomResource"):
            return Unknown(f"${{{logical_id}.{name}}}")
        if name.endswith("Arn"):
            return self._stand_in_arn(logical_id)
        if name.endswith("Id"):
            return self.generated(logical_id)
        return Unknown(f"${{{logical_id}.{name}}}")

    def _special_attribute(self, logical_id: str, type_: str, name: str) -> Any:
        match type_, name:
            case "AWS::Lambda::Version", "Version":
                return VERSION_TOKEN.format(self.prefix + logical_id)
            case (("AWS::Lambda::Version" | "AWS::Lambda::Url"), "FunctionArn"):
                return self._ref(logical_id)
            case "AWS::Lambda::Url", "FunctionUrl":
                scheme, _, host = self.place.endpoint.partition("://")
                identity = derived_uuid(self.stack, logical_id).replace("-", "")
                port = host.rpartition(":")[2]
                return f"{scheme}://{identity}.lambda-url.{self.place.region}.localhost:{port}/"
            case "AWS::Lambda::EventSourceMapping", "EventSourceMappingArn":
                return self.place.arn("lambda", f"event-source-mapping:{self._uuid(logical_id)}")
            case ("AWS::SQS::Queue", "QueueUrl") | ("AWS::SNS::Topic", "TopicArn") | (_, "AliasArn" | "PolicyArn"):
                return self._ref(logical_id)
            case _, "LayerVersionArn":
                return self._ref(logical_id)
            case (("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable"), "StreamArn"):
                return f"{self._arns[type_](logical_id)}/stream/{STREAM_LABEL}"
            case (("AWS::SNS::Subscription" | "AWS::StepFunctions::StateMachine"), "Arn"):
                return self._ref(logical_id)
            case "AWS::Events::Rule", "RuleName":
                return self.name(logical_id)
            case "AWS::S3::Bucket", "DomainName":
                return f"{self.name(logical_id)}.s3.{self.place.url_suffix}"
            case "AWS::S3::Bucket", "RegionalDomainName":
                return f"{self.name(logical_id)}.s3.{self.place.region}.{self.place.url_suffix}"
            case "AWS::IAM::Role", "RoleId":
                return "AROA" + derived_uuid(self.stack, logical_id).replace("-", "").upper()[:17]
            case _, "Id" if type_ in self._refs:
                return self._ref(logical_id)
            case _:
                return None

    # Parts of names

    def type(self, logical_id: str) -> str:
        resource = self.resources.get(logical_id)
        found = resource.get("Type") if isinstance(resource, dict) else None
        return found if isinstance(found, str) else ""

    def property(self, logical_id: str, name: str) -> Any:
        """The value of one property; None where it is absent."""
        resource = self.resources.get(logical_id)
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict) or name not in properties:
            return None
        value = self.value(properties[name])
        return None if value is NO_VALUE else value

    def name(self, logical_id: str) -> str:
        """A resource's own name, given or generated."""
        if logical_id in self._names:
            return self._names[logical_id]
        type_ = self.type(logical_id)
        member, limit = NAMES[type_]
        given = self.property(logical_id, member)
        if given is None or isinstance(given, dict | list) or given == "":
            name = logical_id if type_ == "AWS::Lambda::LayerVersion" else self._generated(logical_id, type_, limit)
        else:
            name = Unknown(given) if is_unknown(given) else text_of(given)
        return self._names.setdefault(logical_id, name)

    def _generated(self, logical_id: str, type_: str, limit: int) -> str:
        fifo = type_ in FIFO and self.property(logical_id, FIFO[type_]) in (True, "true")
        name = physical_name(self.stack, logical_id, limit - 5 if fifo else limit)
        name = name.lower() if type_ in LOWER_CASE else name
        return f"{name}.fifo" if fifo else name

    def generated(self, logical_id: str) -> str:
        return physical_name(self.stack, logical_id)

    def path(self, logical_id: str) -> str:
        path = self.property(logical_id, "Path")
        return path if isinstance(path, str) else "/"

    def function(self, logical_id: str) -> str:
        return function_reference(str(self.property(logical_id, "FunctionName")))[0]

    def function_arn(self, logical_id: str) -> str:
        return self.place.function(self.function(logical_id))

    def bus(self, logical_id: str) -> str:
        bus = str(self.property(logical_id, "EventBusName") or "default")
        return bus.rsplit("/", 1)[-1] if bus.startswith("arn:") else bus

    def _alias_arn(self, logical_id: str) -> str:
        return f"{self.function_arn(logical_id)}:{self.property(logical_id, 'Name')}"

    def _url_function(self, logical_id: str) -> str:
        name, qualifier = function_reference(str(self.property(logical_id, "TargetFunctionArn")))
        return self.place.function(name, self.property(logical_id, "Qualifier") or qualifier)

    def _rule(self, logical_id: str) -> str:
        bus = self.bus(logical_id)
        return self.name(logical_id) if bus == "default" else f"{bus}|{self.name(logical_id)}"

    def _schedule_arn(self, logical_id: str) -> str:
        group = self.property(logical_id, "GroupName") or "default"
        return self.place.arn("scheduler", f"schedule/{group}/{self.name(logical_id)}")

    def _uuid(self, logical_id: str) -> str:
        return derived_uuid(self.stack, logical_id)

    def _stand_in_arn(self, logical_id: str) -> str:
        parts = self.type(logical_id).split("::")
        service, kind = (parts[1], parts[2]) if len(parts) > 2 else ("custom", "resource")
        return self.place.arn(service.lower(), f"{kind.lower()}/{self.generated(logical_id)}")
