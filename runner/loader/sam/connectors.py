"""`AWS::Serverless::Connector`, on its own or within a resource: permissions between two resources.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-connector.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from runner.loader.sam.connector_profiles import (
    ARN_BY_REF,
    GRAPHQL_API,
    HTTP_API,
    LAMBDA,
    PROFILES,
    QUEUE,
    QUEUE_POLICY,
    REST_API,
    ROLE,
    ROLE_PROPERTIES,
    RULE,
    SAM_TYPES,
    STATE_MACHINE,
    Grant,
    Profile,
)
from runner.loader.sam.roles import VERSION
from runner.loader.sam.values import Json, as_list, get_att, intrinsic_argument, ref
from runner.loader.sam.work import INHERITED, Refused, Source, Work

PERMISSIONS = ("Read", "Write")
REFERENCE_KEYS = ("Id", "Type", "Arn", "RoleName", "QueueUrl", "ResourceId", "Name", "Qualifier")
_PLACEHOLDER = r"%{(\w+)\.(\w+)}"


class End(NamedTuple):
    """One end of a connector: what is known of the resource there. `written` is its type as the file says it."""

    type: str
    written: str
    logical_id: str | None
    values: Json


class Connector:
    """One connector: its source, its destinations, and what it makes."""

    def __init__(self, work: Work, source: Source) -> None:
        self._work = work
        self._source = source

    def transform(self) -> None:
        destination = self._source.get("Destination")
        permissions = self._permissions()
        if destination == []:
            raise self._work.refuse(self._source, "'Destination' is an empty list", "Destination")
        for index, item in enumerate(as_list(destination)):
            suffix = f"Destination{index}" if isinstance(destination, list) else ""
            path = ("Destination", index) if isinstance(destination, list) else ("Destination",)
            with self._work.collecting():
                self._connect(item, path, suffix, permissions)

    def _permissions(self) -> list[str]:
        permissions = self._source.get("Permissions")
        if not permissions:
            message = "'Permissions' cannot be empty; valid values are: Read, Write."
            raise self._work.refuse(self._source, message, "Permissions")
        return [str(permission) for permission in permissions]

    def _connect(self, destination: Any, path: tuple[Any, ...], suffix: str, permissions: list[str]) -> None:
        target = self._end(destination, path, None)
        origin = self._end(self._source.get("Source"), ("Source",), target)
        profile = PROFILES.get((origin.type, target.type))
        if profile is None:
            message = (
                f"Unable to create connector from {origin.type} to {target.type}; "
                "it's not supported or the template is invalid."
            )
            raise self._work.refuse(self._source, message, *path, code="unsupported-connector")
        self._check_permissions(profile, permissions, origin, target)
        made = Making(self._work, self._source, profile, origin, target, suffix)
        made.make([name for name in profile.permissions if name in permissions])

    def _check_permissions(self, profile: Profile, permissions: list[str], origin: End, target: End) -> None:
        valid = [name for name in PERMISSIONS if name in profile.permissions]
        for index, name in enumerate(permissions):
            if name not in valid:
                message = (
                    f"Unsupported 'Permissions' provided for connector from {origin.type} to {target.type}; "
                    f"valid values are: {', '.join(valid)}."
                )
                raise self._work.refuse(self._source, message, "Permissions", index)
        if profile.combinations and set(permissions) not in [set(names) for names in profile.combinations]:
            listed = ", ".join(" + ".join(names) for names in profile.combinations)
            message = (
                f"Unsupported 'Permissions' provided for connector from {origin.type} to {target.type}; "
                f"valid combinations are: {listed}."
            )
            raise self._work.refuse(self._source, message, "Permissions")

    def _end(self, reference: Any, path: tuple[Any, ...], target: End | None) -> End:
        if not isinstance(reference, dict):
            raise self._work.refuse(self._source, f"Property '{path[0]}' should be a map.", *path, code="wrong-type")
        if "Id" not in reference:
            return self._literal_end(reference, path)
        logical_id = reference["Id"]
        if set(reference) - {"Id", "Qualifier"}:
            message = "Must provide 'Id' (with optional 'Qualifier') or a supported combination of other properties."
            raise self._work.refuse(self._source, message, *path)
        if not isinstance(logical_id, str):
            raise self._work.refuse(self._source, "'Id' is missing or not a string.", *path, "Id")
        return self._resource_end(logical_id, reference, path, target)

    def _literal_end(self, reference: Json, path: tuple[Any, ...]) -> End:
        written = reference.get("Type")
        if not isinstance(written, str):
            raise self._work.refuse(self._source, "'Type' is missing or not a string.", *path)
        return End(SAM_TYPES.get(written, written), written, None, dict(reference))

    def _resource_end(self, logical_id: str, reference: Json, path: tuple[Any, ...], target: End | None) -> End:
        resource = self._work.sources.get(logical_id) or self._work.output.get(logical_id)
        if not isinstance(resource, dict):
            message = f"Unable to find resource with logical ID '{logical_id}'."
            raise self._work.refuse(self._source, message, *path, "Id", code="invalid-reference")
        written = resource.get("Type")
        if not isinstance(written, str):
            raise self._work.refuse(self._source, "'Type' is missing or not a string.", *path, "Id")
        type_ = SAM_TYPES.get(written, written)
        values: Json = {"Arn": ref(logical_id) if type_ in ARN_BY_REF else get_att(logical_id)}
        role = self._role(logical_id, type_, target)
        values.update({"RoleName": role} if role is not None else {})
        if type_ == QUEUE:
            values["QueueUrl"] = ref(logical_id)
        elif type_ in (REST_API, HTTP_API):
            values.update(ResourceId=ref(logical_id), Qualifier="*")
        elif type_ == GRAPHQL_API:
            values["ResourceId"] = get_att(logical_id, "ApiId")
        elif type_ == STATE_MACHINE:
            values["Name"] = get_att(logical_id, "Name")
        if reference.get("Qualifier"):
            values["Qualifier"] = reference["Qualifier"]
        return End(type_, written, logical_id, values)

    def _role(self, logical_id: str, type_: str, target: End | None) -> Json | None:
        """A reference to the role that a resource of this template names by reference."""
        resource = self._work.output.get(logical_id)
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict):
            return None
        role = properties.get(ROLE_PROPERTIES.get(type_, ""))
        if type_ == RULE:
            role = _rule_role(properties, target)
        found = intrinsic_argument(role, "Ref") or intrinsic_argument(role, "Fn::GetAtt")
        found = found[0] if isinstance(found, list) and found else found
        return ref(found) if isinstance(found, str) else None


def _rule_role(properties: Json, target: End | None) -> Any:
    """The role of the rule's target that is the connector's destination."""
    targets = properties.get("Targets")
    for item in targets if isinstance(targets, list) else []:
        if not isinstance(item, dict) or target is None:
            continue
        named = intrinsic_argument(item.get("Arn"), "Ref") or intrinsic_argument(item.get("Arn"), "Fn::GetAtt")
        named = named[0] if isinstance(named, list) and named else named
        if named == target.logical_id or item.get("Arn") == target.values.get("Arn"):
            return item.get("RoleArn")
    return None


class Making:
    """What one pair of source and destination makes."""

    def __init__(self, work: Work, source: Source, profile: Profile, origin: End, target: End, suffix: str) -> None:
        self._work = work
        self._source = source
        self._profile = profile
        self._ends = {"Source": origin, "Destination": target}
        self._suffix = suffix

    def make(self, permissions: list[str]) -> None:
        if self._profile.kind == ROLE:
            self._role_policy(permissions)
        elif self._profile.kind == LAMBDA:
            for permission in permissions:
                self._lambda_permission(permission)
        else:
            self._resource_policy()

    def _emit(self, ending: str, type_: str, properties: Json) -> str:
        logical_id = f"{self._source.id}{ending}{self._suffix}"
        metadata = self._source.resource.get("Metadata")
        types = {name: {"Type": end.written} for name, end in self._ends.items()}
        extra: Json = {
            "Metadata": {
                **(metadata if isinstance(metadata, dict) else {}),
                "aws:sam:connectors": {self._source.id: types},
            }
        }
        attributes = (*INHERITED, "UpdatePolicy", "DependsOn")
        self._work.emit(self._source, logical_id, type_, properties, attributes=attributes, extra=extra)
        return logical_id

    def _value(self, end: str, name: str) -> Any:
        values = self._ends[end].values
        if name not in values:
            message = f"{end}.{name} is missing."
            if name == "RoleName":
                message = f"Unable to get IAM role name from '{end}' resource."
            raise self._work.refuse(self._source, message, end)
        return values[name]

    def _fill(self, text: str) -> Any:
        """A text of the profile with the ends' values put in."""
        whole = re.fullmatch(_PLACEHOLDER, text)
        if whole:
            return self._value(whole[1], whole[2])
        variables = {f"{end}{name}": self._value(end, name) for end, name in re.findall(_PLACEHOLDER, text)}
        filled = re.sub(_PLACEHOLDER, r"${\1\2}", text)
        if variables:
            return {"Fn::Sub": [filled, variables]}
        return {"Fn::Sub": filled} if "${" in filled else filled

    def _role_policy(self, permissions: list[str]) -> None:
        role = self._value(self._profile.on, "RoleName")
        grants = [grant for name in permissions for grant in self._profile.access[name]]
        document = {"Version": VERSION, "Statement": [self._statement(grant) for grant in grants]}
        made = self._emit("Policy", "AWS::IAM::ManagedPolicy", {"PolicyDocument": document, "Roles": [role]})
        if self._profile.on == "Destination":
            self._delay_mapping(made)
        elif self._ends["Source"].type == STATE_MACHINE == self._ends["Destination"].type:
            self._delay(self._ends["Source"].logical_id, made)

    def _statement(self, grant: Grant) -> Json:
        service, _, actions = grant[0].partition(":")
        return {
            "Effect": "Allow",
            "Action": [f"{service}:{action}" for action in actions.split()],
            "Resource": [self._fill(resource) for resource in grant[1]],
        }

    def _lambda_permission(self, permission: str) -> None:
        properties: Json = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": self._value("Destination", "Arn"),
            "Principal": self._profile.service,
            "SourceArn": self._fill(self._profile.source),
        }
        if self._profile.service == "s3.amazonaws.com":
            properties["SourceAccount"] = {"Fn::Sub": "${AWS::AccountId}"}
        self._emit(f"{permission}LambdaPermission", "AWS::Lambda::Permission", properties)

    def _resource_policy(self) -> None:
        queue = self._profile.kind == QUEUE_POLICY
        arn = self._value("Destination", "Arn")
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": self._profile.service},
            "Resource": arn,
            "Action": "sqs:SendMessage" if queue else "sns:Publish",
            "Condition": {"ArnEquals": {"aws:SourceArn": self._value("Source", "Arn")}},
        }
        document = {"Version": VERSION, "Statement": [allowed]}
        if queue:
            properties = {"PolicyDocument": document, "Queues": [self._value("Destination", "QueueUrl")]}
            self._emit("QueuePolicy", "AWS::SQS::QueuePolicy", properties)
        else:
            self._emit("TopicPolicy", "AWS::SNS::TopicPolicy", {"PolicyDocument": document, "Topics": [arn]})

    def _delay_mapping(self, policy: str) -> None:
        """The one mapping between the two ends waits for the policy that it needs."""
        ends = {self._ends["Source"].logical_id, self._ends["Destination"].logical_id}
        found = [
            logical_id
            for logical_id, resource in self._work.output.items()
            if isinstance(resource, dict)
            and resource.get("Type") == "AWS::Lambda::EventSourceMapping"
            and _mapped(resource) == ends
        ]
        if len(found) == 1:
            self._delay(found[0], policy)

    def _delay(self, logical_id: str | None, policy: str) -> None:
        if logical_id is None or logical_id not in self._work.output:
            return
        resource = self._work.own(logical_id)
        names = as_list(resource.get("DependsOn") or [])
        resource["DependsOn"] = [*names, *([policy] if policy not in names else [])]


def _mapped(mapping: Json) -> set[Any]:
    """The logical ids of a mapping's source and function."""
    properties = mapping.get("Properties")
    found = set()
    for name in ("EventSourceArn", "FunctionName"):
        value = properties.get(name) if isinstance(properties, dict) else None
        target = intrinsic_argument(value, "Ref") or intrinsic_argument(value, "Fn::GetAtt")
        target = target[0] if isinstance(target, list) and target else target
        found.add(target if isinstance(target, str) else None)
    return found


def embedded_connectors(work: Work, logical_id: str, resource: Any) -> list[tuple[str, Json]]:
    """The connectors that a resource holds, as connector resources by their logical ids."""
    connectors = resource.get("Connectors") if isinstance(resource, dict) else None
    if connectors is None:
        return []
    if not isinstance(connectors, dict):
        at = work.positions.value(resource, "Connectors")
        raise Refused(at, "Attribute 'Connectors' should be a map.", "wrong-type")
    found = []
    for key, body in connectors.items():
        with work.collecting():
            found.append((f"{logical_id}{key}", _embedded(work, logical_id, connectors, key, body)))
    return found


def _embedded(work: Work, logical_id: str, connectors: Json, key: str, body: Any) -> Json:
    if not isinstance(body, dict) or not isinstance(body.get("Properties"), dict):
        at = work.locate(connectors, key, "Properties")
        raise Refused(at, f"Attribute 'Connectors.{key}.Properties' should be a map.", "wrong-type")
    properties = work.copy(body["Properties"])
    reference = properties.pop("SourceReference", {})
    if not isinstance(reference, dict) or "Id" in reference:
        at = work.locate(body, "Properties", "SourceReference")
        raise Refused(at, "'Id' shouldn't be defined in 'SourceReference'.", "invalid-property")
    properties["Source"] = work.adopt({"Id": logical_id, **reference}, work.key_at(connectors, key))
    made = work.copy(body)
    made.update(Type="AWS::Serverless::Connector", Properties=properties)
    return made


def transform_connector(work: Work, source: Source) -> None:
    Connector(work, source).transform()
