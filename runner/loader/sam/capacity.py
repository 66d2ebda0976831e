"""`AWS::Serverless::CapacityProvider`: instances that functions run on, and the role that operates them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-capacityprovider.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.roles import managed_arn, trust
from runner.loader.sam.tags import propagate, sam_tags
from runner.loader.sam.values import Json, get_att
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work

INSTANCES = {"AllowedTypes": "AllowedInstanceTypes", "ExcludedTypes": "ExcludedInstanceTypes"}
METRIC = "LambdaCapacityProviderAverageCPUUtilization"


def transform_capacity_provider(work: Work, source: Source) -> None:
    tags: list[Json] = []
    with work.collecting():
        tags = sam_tags(work, source)
    network = source.get("VpcConfig")
    if isinstance(network, dict) and not network.get("SubnetIds"):
        message = "Property 'VpcConfig.SubnetIds' is required."
        work.refused(work.refuse(source, message, "VpcConfig", code="missing-property"))
    role = source.get("OperatorRole")
    if role is None:
        role = _operator_role(work, source, tags[:1])
    instances = source.get("InstanceRequirements")
    properties: Json = {
        "CapacityProviderName": source.get("CapacityProviderName"),
        "VpcConfig": network,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": role},
        "InstanceRequirements": {INSTANCES.get(name, name): item for name, item in instances.items()}
        if isinstance(instances, dict)
        else None,
        "CapacityProviderScalingConfig": _scaling(source.get("ScalingConfig")),
        "KmsKeyArn": source.get("KmsKeyArn"),
        "Tags": tags,
    }
    work.emit(source, source.id, "AWS::Lambda::CapacityProvider", properties, attributes=MAIN_ATTRIBUTES)
    propagate(work, source)


def _operator_role(work: Work, source: Source, tags: list[Json]) -> Json:
    role_id = f"{source.id}OperatorRole"
    properties = {
        "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
        "ManagedPolicyArns": [managed_arn(work, "AWSLambdaManagedEC2ResourceOperator")],
        "Tags": list(tags),
    }
    work.emit(source, role_id, "AWS::IAM::Role", properties)
    return get_att(role_id)


def _scaling(config: Any) -> Json | None:
    """With a target the bounds are kept by hand, without one Lambda scales."""
    if not isinstance(config, dict):
        return None
    scaling: Json = {} if config.get("MaxVCpuCount") is None else {"MaxVCpuCount": config["MaxVCpuCount"]}
    target = config.get("AverageCPUUtilization")
    if target is None:
        return {**scaling, "ScalingMode": "Auto"}
    policies = [{"PredefinedMetricType": METRIC, "TargetValue": target}]
    return {**scaling, "ScalingMode": "Manual", "ScalingPolicies": policies}
