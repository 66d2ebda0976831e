"""The `Globals` section: which properties it may hold, and how they merge into resources.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.values import Json, is_intrinsic
from runner.loader.sam.work import Refused, Work
from runner.loader.suggest import did_you_mean

PREFIX = "AWS::Serverless::"

SECTIONS: dict[str, tuple[str, ...]] = {
    section: tuple(names.split())
    for section, names in {
        "Api": "Auth Name DefinitionUri CacheClusterEnabled CacheClusterSize MergeDefinitions Variables "
        "EndpointConfiguration MethodSettings BinaryMediaTypes MinimumCompressionSize Cors GatewayResponses "
        "AccessLogSetting CanarySetting TracingEnabled OpenApiVersion Domain AlwaysDeploy PropagateTags "
        "SecurityPolicy EndpointAccessMode",
        "CapacityProvider": "VpcConfig OperatorRole Tags InstanceRequirements ScalingConfig KmsKeyArn PropagateTags "
        "LoggingConfig ManagedResourceTags",
        "Function": "Handler Runtime CodeUri DeadLetterQueue Description MemorySize Timeout VpcConfig Environment Tags "
        "PropagateTags Tracing KmsKeyArn AutoPublishAlias AutoPublishAliasAllProperties Layers DeploymentPreference "
        "RolePath PermissionsBoundary ReservedConcurrentExecutions ProvisionedConcurrencyConfig "
        "AssumeRolePolicyDocument EventInvokeConfig FileSystemConfigs CodeSigningConfigArn Architectures SnapStart "
        "EphemeralStorage FunctionUrlConfig RuntimeManagementConfig LoggingConfig RecursiveLoop SourceKMSKeyArn "
        "TenancyConfig DurableConfig CapacityProviderConfig FunctionScalingConfig PublishToLatestPublished "
        "VersionDeletionPolicy",
        "HttpApi": "Auth AccessLogSettings StageVariables Tags CorsConfiguration DefaultRouteSettings Domain "
        "RouteSettings FailOnWarnings PropagateTags",
        "LayerVersion": "PublishLambdaVersion",
        "MicrovmImage": "BuildRoleArn BaseImageArn BaseImageVersion Logging EgressNetworkConnectors CpuConfigurations "
        "Resources AdditionalOsCapabilities Hooks EnvironmentVariables Tags PropagateTags",
        "NetworkConnector": "OperatorRole Tags PropagateTags",
        "SimpleTable": "SSESpecification",
        "StateMachine": "PropagateTags",
        "WebSocketApi": "AccessLogSettings ApiKeySelectionExpression DefaultRouteSettings DisableExecuteApiEndpoint "
        "DisableSchemaValidation Domain FailOnWarnings IpAddressType PropagateTags RouteSelectionExpression "
        "RouteSettings StageVariables Tags",
    }.items()
}
"""What each section may hold, in the order in which AWS's error lists it."""

REPLACED_LISTS = {("Function", "Architectures"), ("CapacityProvider", "InstanceRequirements", "Architectures")}
"""Lists of which the resource's own stands alone; all others follow the global one."""

REPLACED_MAPS = {("CapacityProvider", "ManagedResourceTags")}
"""Maps of which only the resource's own keys survive."""


def read_globals(work: Work) -> dict[str, Json]:
    """The sections that are as they should be; the others are reported."""
    if "Globals" not in work.template:
        return {}
    document = work.template["Globals"]
    if not isinstance(document, dict):
        at = work.positions.value(work.template, "Globals")
        work.report.error(at, "invalid-globals", "'Globals' section is invalid. It must be a non-empty dictionary")
        return {}
    return {
        name: _known(work, name, section)
        for name, section in document.items()
        if _check_section(work, document, name, section)
    }


def _known(work: Work, name: str, section: Json) -> Json:
    """The section without what it may not hold."""
    if all(key in SECTIONS[name] for key in section):
        return section
    kept: Json = work.copy(section)
    for key in section:
        if key not in SECTIONS[name]:
            del kept[key]
    return kept


def _check_section(work: Work, document: Json, name: str, section: Any) -> bool:
    if name not in SECTIONS:
        message = f"'{name}' is not supported. Must be one of the following values - {list(SECTIONS)}"
        _refuse(work, document, name, message, did_you_mean(name, SECTIONS))
        return False
    if not isinstance(section, dict):
        at = work.positions.value(document, name)
        work.report.error(
            at, "invalid-globals", f"'Globals' section is invalid. Value of '{name}' must be a dictionary"
        )
        return False
    for key in section:
        if key not in SECTIONS[name]:
            allowed = list(SECTIONS[name])
            message = (
                f"'{key}' is not a supported property of '{name}'. Must be one of the following values - {allowed}"
            )
            _refuse(work, section, key, message, did_you_mean(key, allowed))
    return True


def _refuse(work: Work, container: Json, key: str, message: str, hint: str) -> None:
    at = work.key_at(container, key)
    work.report.error(at, "unknown-global", f"'Globals' section is invalid. {message}", hint)


def with_globals(work: Work, sections: dict[str, Json], logical_id: str, resource: Json) -> Json:
    """The properties of a resource after its type's section of `Globals`; the input is left as it is."""
    own = resource.get("Properties")
    own = own if isinstance(own, dict) else {}
    section_name = str(resource.get("Type", ""))[len(PREFIX) :]
    section = sections.get(section_name)
    if not section:
        return work.copy(own) if own else work.adopt({}, work.key_at(work.template["Resources"], logical_id))
    return Merge(work, section_name).maps(_kept(work, section, logical_id, resource), own, ())


def _kept(work: Work, section: Json, logical_id: str, resource: Json) -> Json:
    """The section without what the resource's attribute `IgnoreGlobals` names."""
    ignored = resource.get("IgnoreGlobals")
    if not ignored and not isinstance(ignored, dict):
        return section
    if ignored == "*":
        return {}
    message = f"Resource {logical_id} has invalid resource attribute 'IgnoreGlobals'"
    if not isinstance(ignored, list):
        raise Refused(work.positions.value(resource, "IgnoreGlobals"), f"{message}.", "invalid-attribute")
    for index, name in enumerate(ignored):
        if not isinstance(name, str) or name not in section:
            at = work.positions.value(ignored, index)
            raise Refused(at, f"{message} on item '{name}'.", "invalid-attribute", did_you_mean(str(name), section))
    kept: Json = work.copy(section)
    for name in ignored:
        kept.pop(name, None)
    return kept


class Merge:
    """Merges values key by key: maps into maps, lists after lists, else the resource's own value stands."""

    def __init__(self, work: Work, section: str) -> None:
        self._work = work
        self._section = section

    def maps(self, shared: Json, own: Json, path: tuple[str, ...]) -> Json:
        positions = self._work.positions
        merged: Json = self._work.copy(own) if self._work.positions.known(own) else self._work.copy(shared)
        merged.clear()
        if (self._section, *path) in REPLACED_MAPS and own:
            shared = {key: value for key, value in shared.items() if key in own}
        for key, value in shared.items():
            if key in own:
                merged[key] = self._values(value, own[key], (*path, key))
                positions.place(merged, key, positions.value(own, key), positions.key(own, key))
            else:
                merged[key] = value
                positions.place(merged, key, positions.value(shared, key), positions.key(shared, key))
        for key, value in own.items():
            if key not in shared:
                merged[key] = value
                positions.place(merged, key, positions.value(own, key), positions.key(own, key))
        return merged

    def _values(self, shared: Any, own: Any, path: tuple[str, ...]) -> Any:
        if is_intrinsic(shared) or is_intrinsic(own):
            return own
        if isinstance(shared, dict) and isinstance(own, dict):
            return self.maps(shared, own, path)
        if isinstance(shared, list) and isinstance(own, list) and (self._section, *path) not in REPLACED_LISTS:
            return self._lists(shared, own)
        return own

    def _lists(self, shared: list[Any], own: list[Any]) -> list[Any]:
        positions = self._work.positions
        joined = [*shared, *own]
        positions.mark(
            joined,
            positions.of(own),
            dict(
                enumerate(
                    [positions.value(shared, index) for index in range(len(shared))]
                    + [positions.value(own, index) for index in range(len(own))]
                )
            ),
        )
        return joined
