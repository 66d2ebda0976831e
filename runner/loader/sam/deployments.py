"""`DeploymentPreference`: the CodeDeploy resources that shift traffic to a new version, collected over all functions.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-deploymentpreference.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from runner.loader.sam.aliases import Alias
from runner.loader.sam.roles import managed_arn, trust
from runner.loader.sam.tags import merge_tags, propagated_tags
from runner.loader.sam.values import Json, find_in_map, get_att, intrinsic_argument, is_intrinsic, is_no_value, ref
from runner.loader.sam.work import Source, Work

APPLICATION = "ServerlessDeploymentApplication"
SERVICE_ROLE = "CodeDeployServiceRole"
SHARED_CONDITION = "ServerlessCodeDeployCondition"
BUILT_IN = {
    *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
    *(f"Linear10PercentEvery{minutes}" for minutes in ("1Minute", "2Minutes", "3Minutes", "10Minutes")),
    "AllAtOnce",
}
ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")


class Preference(NamedTuple):
    """One function's enabled preference."""

    source: Source
    own_role: bool
    passes_condition: bool


class Deployments:
    """The preferences of all functions, and the two resources that they share."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._preferences: list[Preference] = []

    def add(self, source: Source, alias: Alias | None) -> None:
        """Emit the deployment group of a function, if its preference is enabled, and tie the alias to it."""
        preference = source.get("DeploymentPreference")
        if not preference or not self._enabled(preference):
            return
        self._check(source, preference, alias)
        passes = self._passes_condition(source, preference)
        group_id = f"{source.id}DeploymentGroup"
        at = self._work.locate(source.properties, "DeploymentPreference")
        condition: Json = {"Condition": source.condition} if passes and source.condition else {}
        properties = self._group(source, preference)
        self._work.emit(
            source, group_id, "AWS::CodeDeploy::DeploymentGroup", properties, at=at, attributes=(), extra=condition
        )
        if alias is not None:
            alias.resource["UpdatePolicy"] = {"CodeDeployLambdaAliasUpdate": _alias_update(group_id, preference)}
        self._preferences.append(Preference(source, bool(preference.get("Role")), passes))

    def finish(self) -> None:
        """Emit what all deployment groups share."""
        if not self._preferences:
            return
        work, first = self._work, self._preferences[0].source
        at = work.locate(first.properties, "DeploymentPreference")
        tags: list[Json] = []
        for preference in self._preferences:
            tags = merge_tags(tags, propagated_tags(preference.source))
        extra: Json = {"Condition": condition} if (condition := self._shared_condition()) else {}
        shared: Json = {"ComputePlatform": "Lambda", "Tags": tags or None}
        work.emit(first, APPLICATION, "AWS::CodeDeploy::Application", shared, at=at, attributes=(), extra=extra)
        if all(preference.own_role for preference in self._preferences):
            return
        limited = "Limited" if work.partition in ("aws-iso", "aws-iso-b") else ""
        role = {
            "AssumeRolePolicyDocument": trust("codedeploy.amazonaws.com"),
            "ManagedPolicyArns": [managed_arn(work, f"service-role/AWSCodeDeployRoleForLambda{limited}")],
            "Tags": tags or None,
        }
        work.emit(first, SERVICE_ROLE, "AWS::IAM::Role", role, at=at, attributes=(), extra=extra)

    def _shared_condition(self) -> str | None:
        conditions = [item.source.condition if item.passes_condition else None for item in self._preferences]
        if None in conditions:
            return None
        distinct = sorted({str(condition) for condition in conditions})
        if len(distinct) == 1:
            return distinct[0]
        body = {"Fn::Or": [{"Condition": name} for name in distinct]}
        at = self._work.locate(self._preferences[0].source.properties, "DeploymentPreference")
        self._work.conditions[SHARED_CONDITION] = self._work.adopt(body, at)
        return SHARED_CONDITION

    def _known(self, value: Any) -> Any:
        mappings = self._work.template.get("Mappings")
        found = find_in_map(value, mappings if isinstance(mappings, dict) else {}, self._work.values)
        return self._work.resolve(found)

    def _enabled(self, preference: Any) -> bool:
        enabled = self._known(preference.get("Enabled", True)) if isinstance(preference, dict) else True
        return enabled not in (False, "false", "False")

    def _passes_condition(self, source: Source, preference: Json) -> bool:
        value = self._known(preference.get("PassthroughCondition", False))
        if value in (True, "true", "True"):
            return True
        if value in (False, "false", "False") or self._work.awaited(value):
            return False
        message = "Invalid value for property PassthroughCondition."
        if is_intrinsic(value):
            message = (
                "Unsupported intrinsic: the only intrinsic functions supported for property PassthroughCondition are "
                "FindInMap and parameter Refs."
            )
        raise self._work.refuse(source, message, "DeploymentPreference", "PassthroughCondition")

    def _check(self, source: Source, preference: Json, alias: Alias | None) -> None:
        path = "DeploymentPreference"
        if not preference.get("Type"):
            message = "'DeploymentPreference' is missing required Property 'Type'"
            raise self._work.refuse(source, message, path, code="missing-property")
        if alias is None and not source.get("AutoPublishAlias"):
            message = "'DeploymentPreference' requires AutoPublishAlias property to be specified."
            raise self._work.refuse(source, message, path, code="missing-property", hint="add AutoPublishAlias")
        if not isinstance(preference.get("Hooks") or {}, dict):
            message = "'Hooks' property of 'DeploymentPreference' must be a dictionary"
            raise self._work.refuse(source, message, path, "Hooks", code="wrong-type")

    def _group(self, source: Source, preference: Json) -> Json:
        return {
            "AlarmConfiguration": self._alarms(source, preference.get("Alarms")),
            "ApplicationName": ref(APPLICATION),
            "AutoRollbackConfiguration": {"Enabled": True, "Events": list(ROLLBACK_EVENTS)},
            "DeploymentConfigName": _config_name(self._known(preference["Type"])),
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ServiceRoleArn": preference.get("Role") or get_att(SERVICE_ROLE),
            "TriggerConfigurations": preference.get("TriggerConfigurations"),
            "Tags": propagated_tags(source) or None,
        }

    def _alarms(self, source: Source, alarms: Any) -> Any:
        if not alarms or is_no_value(alarms):
            return None
        branches = intrinsic_argument(alarms, "Fn::If")
        if isinstance(branches, list) and len(branches) == 3:
            yes, no = (self._alarm_configuration(source, branch) for branch in branches[1:])
            return {"Fn::If": [branches[0], yes, no]}
        return self._alarm_configuration(source, alarms)

    def _alarm_configuration(self, source: Source, alarms: Any) -> Json:
        if not isinstance(alarms, list):
            message = "Alarms must be a list"
            raise self._work.refuse(source, message, "DeploymentPreference", "Alarms", code="wrong-type")
        return _alarm_configuration(alarms)


def _alarm_configuration(alarms: list[Any]) -> Json:
    if alarms and is_no_value(alarms[0]):
        return {}
    return {"Enabled": True, "Alarms": [{"Name": alarm} for alarm in alarms]}


def _alias_update(group_id: str, preference: Json) -> Json:
    hooks = preference.get("Hooks") or {}
    update: Json = {"ApplicationName": ref(APPLICATION), "DeploymentGroupName": ref(group_id)}
    if hooks.get("PreTraffic"):
        update["BeforeAllowTrafficHook"] = hooks["PreTraffic"]
    if hooks.get("PostTraffic"):
        update["AfterAllowTrafficHook"] = hooks["PostTraffic"]
    return update


def _config_name(value: Any) -> Any:
    """A deployment configuration by SAM's short name, anywhere within intrinsics; other names as they are."""
    if isinstance(value, list):
        return [_config_name(item) for item in value]
    if isinstance(value, dict):
        return {key: _config_name(item) for key, item in value.items()}
    if isinstance(value, str) and value in BUILT_IN:
        return {"Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": value}]}
    return value
