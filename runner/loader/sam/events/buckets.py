"""S3 buckets as event sources: the bucket of the template is told to notify the function.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-s3.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event
from runner.loader.sam.tags import propagated_tags, propagates
from runner.loader.sam.values import Json, as_list, is_intrinsic, no_value, ref
from runner.loader.sam.work import Refused

BUCKET = "AWS::S3::Bucket"


def add_bucket(event: Event) -> None:
    bucket_id = _bucket_id(event)
    # The bucket depends on the permission, so the permission cannot name the bucket: only the account.
    permission = event.permit("s3.amazonaws.com", account=ref("AWS::AccountId"))
    bucket = event.work.own(bucket_id)
    _depend(event, bucket, permission)
    _notify(event, bucket_id)
    if propagates(event.source) and not event.source.condition:
        event.work.own_properties(bucket_id)["Tags"] = event.work.adopt(propagated_tags(event.source), event.at)


def _bucket_id(event: Event) -> str:
    given = event.get("Bucket")
    missing = "S3 events must reference an S3 bucket in the same template."
    if not is_intrinsic(given) or "Ref" not in given:
        raise event.refuse(missing, "Bucket", code="invalid-reference", hint="give !Ref and the bucket's logical id")
    bucket_id = given["Ref"]
    if not isinstance(bucket_id, str):
        raise event.refuse("'Ref' value in S3 events is not a valid string.", "Bucket")
    resource = event.work.sources.get(bucket_id)
    if not isinstance(resource, dict):
        raise event.refuse(missing, "Bucket", code="invalid-reference")
    if resource.get("Type") != BUCKET:
        message = f"Resource has incorrect Type; expected '{BUCKET}', got '{resource.get('Type')}'"
        raise event.refuse(message, "Bucket", code="invalid-reference")
    return bucket_id


def _depend(event: Event, bucket: Json, permission: str) -> None:
    condition = event.source.condition
    if condition:
        # A dependency cannot be conditional, a reference in a tag can.
        tags = event.work.own_child(event.work.own_child(bucket, "Properties", {}), "Tags", [])
        value = {"Fn::If": [condition, ref(permission), "no dependency"]}
        tag = {"Key": f"sam:ConditionalDependsOn:{permission}", "Value": value}
        tags.append(event.work.adopt(tag, event.at))
        return
    standing = bucket.get("DependsOn")
    if standing is not None and not isinstance(standing, str | list):
        at = event.work.positions.value(bucket, "DependsOn")
        raise Refused(at, "Invalid type for field 'DependsOn'. Expected a string or list of strings.", "wrong-type")
    names = as_list(standing) if standing else []
    if permission not in names:
        bucket["DependsOn"] = event.work.adopt([*names, permission], event.at)


def _notify(event: Event, bucket_id: str) -> None:
    work = event.work
    configuration = work.own_child(work.own_properties(bucket_id), "NotificationConfiguration", {})
    standing = configuration.get("LambdaConfigurations")
    if standing is not None and not isinstance(standing, list):
        at = work.positions.value(configuration, "LambdaConfigurations")
        raise Refused(at, "Invalid type for LambdaConfigurations. Must be a list.", "wrong-type")
    entries = work.own_child(configuration, "LambdaConfigurations", [])
    for name in as_list(event.get("Events")):
        entry: Any = {"Function": event.target.arn, **event.pick("Filter"), "Event": name}
        if event.source.condition:
            entry = {"Fn::If": [event.source.condition, entry, no_value()]}
        if entry not in entries:
            entries.append(work.adopt(entry, event.at))
