"""`AWS::Serverless::SimpleTable`: a table with one key.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-simpletable.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.tags import tag_list
from runner.loader.sam.values import Json
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work

KEY_TYPES = {"String": "S", "Number": "N", "Binary": "B"}


def transform_table(work: Work, source: Source) -> None:
    name: Any = "id"
    type_: Any = "S"
    with work.collecting():
        name, type_ = _primary_key(work, source)
    throughput = source.get("ProvisionedThroughput")
    capacity: Json = {"ProvisionedThroughput": throughput} if throughput else {"BillingMode": "PAY_PER_REQUEST"}
    properties = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_}],
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
        **capacity,
        "SSESpecification": source.get("SSESpecification"),
        "PointInTimeRecoverySpecification": source.get("PointInTimeRecoverySpecification"),
        "TableName": source.get("TableName"),
        "Tags": tag_list(source.get("Tags")) or None,
    }
    work.emit(source, source.id, "AWS::DynamoDB::Table", properties, attributes=MAIN_ATTRIBUTES)


def _primary_key(work: Work, source: Source) -> tuple[Any, Any]:
    key = source.get("PrimaryKey")
    if not key:
        return "id", "S"
    for name in ("Name", "Type"):
        if name not in key:
            message = f"Property 'PrimaryKey.{name}' is required."
            raise work.refuse(source, message, "PrimaryKey", code="missing-property")
    if key["Type"] not in KEY_TYPES:
        message = f"Invalid 'Type' \"{key['Type']}\"."
        raise work.refuse(source, message, "PrimaryKey", "Type", hint=f"one of {', '.join(KEY_TYPES)}")
    return key["Name"], KEY_TYPES[key["Type"]]
