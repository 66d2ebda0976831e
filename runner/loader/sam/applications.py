"""`AWS::Serverless::Application`: a nested stack.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-application.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.tags import tag_list
from runner.loader.sam.values import Json, find_in_map, is_intrinsic
from runner.loader.sam.work import INHERITED, Source, Work

REPOSITORY_KEYS = ("ApplicationId", "SemanticVersion")


def transform_application(work: Work, source: Source) -> None:
    tags: list[Json] = [{"Key": "lambda:createdBy", "Value": "SAM"}]
    url: Any = source.get("Location")
    if isinstance(url, dict):
        url = None
        with work.collecting():
            application_id, version = _repository_location(work, source)
            tags.append({"Key": "serverlessrepo:applicationId", "Value": application_id})
            tags.append({"Key": "serverlessrepo:semanticVersion", "Value": version})
    properties = {
        "TemplateURL": url,
        "Parameters": source.get("Parameters"),
        "NotificationARNs": source.get("NotificationARNs"),
        "Tags": [*tags, *tag_list(source.get("Tags"))],
        "TimeoutInMinutes": source.get("TimeoutInMinutes"),
    }
    attributes = (*INHERITED, "DependsOn")
    work.emit(source, source.id, "AWS::CloudFormation::Stack", properties, attributes=attributes)


def _repository_location(work: Work, source: Source) -> tuple[Any, Any]:
    """Application and version in the Serverless Application Repository."""
    location: Json = source.get("Location")
    mappings = work.template.get("Mappings")
    found = []
    for name in REPOSITORY_KEYS:
        if name not in location:
            message = f"Resource is missing the required [{name}] property."
            raise work.refuse(source, message, "Location", code="missing-property", hint=f"add {name}")
        value = find_in_map(location[name], mappings if isinstance(mappings, dict) else {}, work.values)
        value = work.resolve(value)
        if is_intrinsic(value) and not work.awaited(value):
            message = f"Property '{name}' cannot be resolved. Only FindInMap and Ref intrinsic functions are supported."
            raise work.refuse(source, message, "Location", name)
        if not value:
            raise work.refuse(source, f"Property '{name}' cannot be blank.", "Location", name)
        found.append(value)
    return found[0], found[1]
