"""Kafka as an event source: Amazon MSK, and brokers of the user's own.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-selfmanagedkafka.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event
from runner.loader.sam.events.mapping import ACCESS, VPC_ACTIONS, add_mapping, decrypt_statements
from runner.loader.sam.roles import VERSION, statement
from runner.loader.sam.values import Json, intrinsic_argument, is_intrinsic

SECRET_AUTH = (
    "SASL_SCRAM_256_AUTH",
    "SASL_SCRAM_512_AUTH",
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "OAUTHBEARER_AUTH",
)
IAM_AUTH = ("IAM_AUTH", "IAM_OAUTHBEARER_AUTH")
VPC = ("VPC_SUBNET", "VPC_SECURITY_GROUP")
ROOT_CA = "SERVER_ROOT_CA_CERTIFICATE"
BEARER_DETAILS = (
    "OAUTHBEARER_SCOPE",
    "OAUTHBEARER_AUDIENCE",
    "OAUTHBEARER_LOGICAL_CLUSTER",
    "OAUTHBEARER_IDENTITY_POOL",
)
KAFKA = "self managed kafka event"


def add_msk(event: Event) -> None:
    """Amazon MSK: the role may also need a client certificate and a schema registry."""
    add_mapping(event, event.get("Stream"))
    access = event.get(ACCESS)
    statements = registry_statements(event)
    for entry in access if isinstance(access, list) else []:
        if isinstance(entry, dict) and entry.get("Type") == "CLIENT_CERTIFICATE_TLS_AUTH":
            statements.append(statement(["secretsmanager:GetSecretValue"], entry.get("URI")))
    if statements:
        event.grants.add_once("MSKExecutionRolePolicy", statements)


def registry_statements(event: Event) -> list[Json]:
    """What the role needs for the schema registry."""
    found: list[Json] = []
    registry = event.get("SchemaRegistryConfig")
    if not isinstance(registry, dict) or is_intrinsic(registry):
        return found
    access = registry.get("AccessConfigs")
    entries = [entry for entry in access if isinstance(entry, dict)] if isinstance(access, list) else []
    found.extend(statement(["secretsmanager:GetSecretValue"], entry.get("URI")) for entry in entries)
    address = registry.get("SchemaRegistryURI")
    text = intrinsic_argument(address, "Fn::Sub") or address
    text = text[0] if isinstance(text, list) and text else text
    if isinstance(text, str) and text.startswith("arn:") and ":glue:" in text:
        name = text.rpartition("/")[2]
        schemas = f"arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:schema/{name}/*"
        found.append(statement(["glue:GetRegistry"], address))
        found.append(statement(["glue:GetSchemaVersion"], [{"Fn::Sub": schemas}]))
    return found


def add_kafka(event: Event) -> None:
    """Kafka brokers of the user's own: the role reads the credentials and joins the network."""
    brokers, topics = event.get("KafkaBootstrapServers"), event.get("Topics")
    if not brokers:
        message = "No KafkaBootstrapServers provided for self managed kafka as an event source"
        raise event.refuse(message, "KafkaBootstrapServers")
    if not topics:
        raise event.refuse("No Topics provided for self managed kafka as an event source", "Topics")
    if isinstance(topics, list) and len(topics) != 1:
        raise event.refuse("Topics for self managed kafka only supports single configuration entry.", "Topics")
    statements = kafka_statements(event)
    endpoints = {"Endpoints": {"KafkaBootstrapServers": brokers}}
    add_mapping(event, None, {"SelfManagedEventSource": endpoints})
    if statements:
        event.grants.add_once("SelfManagedKafkaExecutionRolePolicy", statements, version=VERSION)


def kafka_statements(event: Event) -> list[Json]:
    """What the role needs to log in at the brokers and reach them."""
    access = event.get(ACCESS)
    if not access:
        raise event.refuse(f"No {ACCESS} for {KAFKA} provided.", ACCESS)
    auth: Any = None
    has_auth, root_ca, vpc = False, None, set[str]()
    for index, entry in enumerate(access if isinstance(access, list) else []):
        kind = entry.get("Type") if isinstance(entry, dict) else None
        if kind in VPC:
            vpc.add(kind)
        elif kind in SECRET_AUTH or kind in IAM_AUTH:
            if has_auth:
                message = f"Multiple auth mechanism properties specified in {ACCESS} for {KAFKA}."
                raise event.refuse(message, ACCESS, index)
            has_auth = True
            auth = _uri(event, index, entry) if kind in SECRET_AUTH else None
        elif kind == ROOT_CA:
            root_ca = _uri(event, index, entry)
        elif kind in BEARER_DETAILS:
            _uri(event, index, entry)
        else:
            raise event.refuse(f"Invalid {ACCESS} Type provided for {KAFKA}.", ACCESS, index, "Type")
    if len(vpc) == 1:
        message = f"{VPC[0]} and {VPC[1]} in {ACCESS} for SelfManagedKafka must be both provided."
        raise event.refuse(message, ACCESS)
    return [
        *(statement(["secretsmanager:GetSecretValue"], uri) for uri in (auth, root_ca) if uri),
        *([statement(list(VPC_ACTIONS), "*")] if vpc else []),
        *decrypt_statements(event, ["kms:Decrypt"]),
        *registry_statements(event),
    ]


def _uri(event: Event, index: int, entry: Json) -> Any:
    uri = entry.get("URI")
    if not uri:
        message = f"No auth mechanism URI property specified in {ACCESS} for {KAFKA}."
        raise event.refuse(message, ACCESS, index)
    if not isinstance(uri, str) and not is_intrinsic(uri):
        message = f"Wrong Type for auth mechanism URI property specified in {ACCESS} for {KAFKA}."
        raise event.refuse(message, ACCESS, index, "URI", code="wrong-type")
    return uri
