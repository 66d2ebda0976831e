"""Tags: the map that SAM takes as the list that CloudFormation takes, SAM's own tag, and tags that are passed on."""

from __future__ import annotations

from typing import Any

from runner.loader.sam.values import Json
from runner.loader.sam.work import Source, Work

RESERVED = ("lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion")
TAGGED = (
    "AWS::Lambda::Function",
    "AWS::IAM::Role",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::IoT::TopicRule",
    "AWS::StepFunctions::StateMachine",
)
"""What `PropagateTags` of a function reaches."""


def tag_list(tags: Any) -> list[Json]:
    """`{Key: Value}` as `[{Key, Value}]`; a value of null is an empty one."""
    items = tags.items() if isinstance(tags, dict) else ()
    return [{"Key": key, "Value": "" if value is None else value} for key, value in items]


def sam_tags(work: Work, source: Source, key: str = "lambda:createdBy") -> list[Json]:
    """SAM's own tag and then the resource's."""
    tags = source.get("Tags")
    for reserved in RESERVED:
        if isinstance(tags, dict) and reserved in tags:
            message = (
                f"{reserved} is a reserved Tag key name and cannot be set on your resource. "
                "Please change the tag key in the input."
            )
            raise work.refuse(source, message, "Tags", reserved)
    return [{"Key": key, "Value": "SAM"}, *tag_list(tags)]


def propagates(source: Source) -> bool:
    """True if the resource's tags go to everything made of it."""
    return bool(source.get("PropagateTags") and source.get("Tags"))


def propagated_tags(source: Source) -> list[Json]:
    """The tags that a resource passes on; none if it does not."""
    return tag_list(source.get("Tags")) if propagates(source) else []


def propagate(work: Work, source: Source, types: tuple[str, ...] = TAGGED) -> None:
    """Put the resource's tags alone on everything made of it that can have tags."""
    if not propagates(source):
        return
    for logical_id in source.made:
        resource = work.output.get(logical_id)
        if resource is not None and resource["Type"] in types:
            resource["Properties"]["Tags"] = propagated_tags(source)


def merge_tags(tags: list[Json], more: list[Json]) -> list[Json]:
    """Two tag lists as one, the second winning."""
    merged = {tag["Key"]: tag for tag in [*tags, *more]}
    return list(merged.values())
