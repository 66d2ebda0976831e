# ruff: noqa: E501  the rows of the tables
"""What AWS's transform refuses: the code, the place and AWS's own words, one row a mistake, the mark at its place."""

from __future__ import annotations

import pytest

from runner.model.diagnostic import Severity
from tests.loader.findings import marked
from tests.loader.sam.stacks import transform_text

FUNCTION = "Resources:\n  B: {Type: 'AWS::S3::Bucket'}\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: h\n      Runtime: python3.12\n      CodeUri: s3://b/k\n      "
EVENT = FUNCTION + "Events:\n        Ev: "
ONE = "Resources:\n  R:\n    Type: AWS::Serverless::"
POLLED = "{Type: SQS, Properties: {Queue: q, "

# fmt: off
ERRORS = [
    ("an unknown property",            "unknown-property",   FUNCTION + "«Handlr: x", "property Handlr not defined for resource of type AWS::Serverless::Function"),
    ("a map where text belongs",       "wrong-type",         FUNCTION + "FunctionName: «[a]", "Type of property 'FunctionName' is invalid."),
    ("text where a map belongs",       "wrong-type",         FUNCTION + "Tags: «x", "Property 'Tags' should be a map."),
    ("Properties that are no map",     "wrong-type",         ONE + "Function\n    Properties: «[a]", "Attribute 'Properties' should be a map."),
    ("a dash in a logical id",         "invalid-logical-id", "Resources:\n  «a-b: {Type: 'AWS::Serverless::Function'}", "Logical ids must be alphanumeric."),
    ("a condition that is no name",    "wrong-type",         "Resources:\n  R:\n    Type: AWS::Serverless::SimpleTable\n    Condition: «[C]", "Every Condition member must be a string."),
    ("a zip without a handler",        "missing-property",   "Resources:\n  «Fn: {Type: 'AWS::Serverless::Function', Properties: {Runtime: python3.12, CodeUri: .}}", "Runtime and Handler needs to be present when PackageType is of type `Zip`"),
    ("an image with a handler",        "invalid-property",   "Resources:\n  Fn: {Type: 'AWS::Serverless::Function', Properties: {PackageType: Image, ImageUri: u, Handler: «h}}", "Runtime, Handler, Layers cannot be present when PackageType is of type `Image`"),
    ("an image without an address",    "missing-property",   "Resources:\n  «Fn: {Type: 'AWS::Serverless::Function', Properties: {PackageType: Image}}", "'ImageUri' must be set."),
    ("an unknown package type",        "invalid-property",   FUNCTION + "PackageType: «Tar", "invalid 'PackageType' : Tar"),
    ("an S3 address without a key",    "invalid-property",   ONE + "LayerVersion\n    Properties: {ContentUri: «'s3://b'}", "'ContentUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."),
    ("a location without a key",       "invalid-property",   ONE + "LayerVersion\n    Properties: {ContentUri: «{Bucket: b}}", "'ContentUri' requires Bucket and Key properties to be specified."),
    ("a reserved tag",                 "invalid-property",   FUNCTION + "Tags: {'lambda:createdBy': «x}", "lambda:createdBy is a reserved Tag key name"),
    ("a role's choice of two",         "invalid-property",   FUNCTION + "Role: «!If [C, a]", "Malformed 'Role' property: Fn::If requires 3 arguments."),
    ("an unknown policy template",     "invalid-policy",     FUNCTION + "Policies: [«{SQSSendMesagePolicy: {QueueName: q}}]", "Policy at index 0 in the 'Policies' property is not valid"),
    ("a template without its value",   "invalid-policy",     FUNCTION + "Policies: [«{SQSPollerPolicy: {}}]", "Following required parameters of template 'SQSPollerPolicy' don't have values: ['QueueName']"),
    ("a template without values",      "invalid-policy",     FUNCTION + "Policies: [«{SQSPollerPolicy: }]", "Must specify valid parameter values for policy template 'SQSPollerPolicy'"),
    ("policies of two kinds",          "invalid-policy",     FUNCTION + "Policies: [«!If [C, AmazonS3FullAccess, {Statement: []}]]", "Different policy types within the same Fn::If statement is unsupported."),
    ("dead letters without a target",  "missing-property",   FUNCTION + "DeadLetterQueue: «{Type: SQS}", "'DeadLetterQueue' requires Type and TargetArn properties to be specified."),
    ("dead letters to the wrong kind", "invalid-property",   FUNCTION + "DeadLetterQueue: {Type: «Lambda, TargetArn: a}", "'DeadLetterQueue' requires Type of ['SQS', 'SNS']"),
    ("an alias with a dot",            "invalid-property",   FUNCTION + "AutoPublishAlias: «a.b", "AutoPublishAlias name ('a.b') must contain only alphanumeric characters"),
    ("an alias that is not known",     "invalid-property",   FUNCTION + "AutoPublishAlias: «!GetAtt A.B", "'AutoPublishAlias' must be a string or a Ref to a template parameter"),
    ("concurrency without an alias",   "invalid-property",   FUNCTION + "ProvisionedConcurrencyConfig: «{ProvisionedConcurrentExecutions: 1}", "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function"),
    ("a deployment without an alias",  "missing-property",   FUNCTION + "DeploymentPreference: «{Type: AllAtOnce}", "'DeploymentPreference' requires AutoPublishAlias property to be specified."),
    ("a deployment without a type",    "missing-property",   FUNCTION + "AutoPublishAlias: a\n      DeploymentPreference: «{Role: r}", "'DeploymentPreference' is missing required Property 'Type'"),
    ("alarms that are no list",        "wrong-type",         FUNCTION + "AutoPublishAlias: a\n      DeploymentPreference: {Type: AllAtOnce, Alarms: «x}", "Alarms must be a list"),
    ("version policy without an alias", "invalid-property",  FUNCTION + "VersionDeletionPolicy: «Delete", "'VersionDeletionPolicy' requires 'AutoPublishAlias'."),
    ("a URL without an AuthType",      "invalid-property",   FUNCTION + "FunctionUrlConfig: «{InvokeMode: BUFFERED}", "AuthType is required to configure function property `FunctionUrlConfig`."),
    ("an unknown CORS key",            "unknown-property",   FUNCTION + "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigin: «[a]}}", "AllowOrigin is not a valid property for configuring Cors."),
    ("a CORS value of the wrong kind", "wrong-type",         FUNCTION + "FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: «x}}", "MaxAge must be of type int."),
    ("an unknown destination type",    "invalid-property",   FUNCTION + "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: «Foo}}}", "'Type: Foo' must be one of ['SQS', 'SNS', 'EventBridge', 'Lambda', 'S3Bucket']"),
    ("a destination that is missing",  "invalid-property",   FUNCTION + "EventInvokeConfig: {DestinationConfig: {OnFailure: «{Type: Lambda}}}", "Destination is required if Type is not ['SQS', 'SNS']"),
    ("tenancy with a polled event",    "invalid-property",   FUNCTION + "TenancyConfig: {A: b}\n      Events: {Ev: {Type: «SQS, Properties: {Queue: q}}}", "Event source 'SQS' is not supported for functions enabled with tenancy configuration."),
    ("an unknown event type",          "invalid-event",      EVENT + "{Type: «Foo}", "Resource dict has missing or invalid value for key Type. Event Type is: Foo."),
    ("an event without a type",        "invalid-event",      FUNCTION + "Events:\n        «Ev: {Properties: {}}", "Resource dict has missing or invalid value for key Type. Event Type is: None."),
    ("an event that is text",          "wrong-type",         EVENT + "«x", "Event 'Ev' should be a map of Type and Properties."),
    ("an event without its queue",     "missing-property",   FUNCTION + "Events:\n        «Ev: {Type: SQS}", "Missing required property 'Queue'."),
    ("an unknown event property",      "unknown-property",   EVENT + POLLED + "«BatchSise: 5}}", "property BatchSise not defined for resource of type SQS"),
    ("a number written as text",       "wrong-type",         EVENT + POLLED + "BatchSize: «'5'}}", "Type of property 'BatchSize' is invalid."),
    ("a filter of the wrong form",     "invalid-event",      EVENT + POLLED + "FilterCriteria: «{Filter: []}}}", "FilterCriteria field has a wrong format"),
    ("a consumer group off Kafka",     "invalid-event",      EVENT + POLLED + "ConsumerGroupId: «g}}", "Property ConsumerGroupId not defined for resource of type SQS."),
    ("an unknown stream destination",  "invalid-event",      EVENT + POLLED + "DestinationConfig: {OnFailure: {Type: «X, Destination: d}}}}", "The only valid values for 'Type' are 'SQS', 'SNS', 'S3', and 'Kafka'"),
    ("state and Enabled",              "invalid-event",      EVENT + "{Type: Schedule, Properties: {Schedule: rate(1 day), State: ENABLED, Enabled: «true}}", "State and Enabled Properties cannot both be specified."),
    ("two kinds of dead letters",      "invalid-event",      EVENT + "{Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: {Arn: a, Type: «SQS}}}", "You can either define 'Arn' or 'Type' property of DeadLetterConfig."),
    ("dead letters of neither kind",   "invalid-event",      EVENT + "{Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: «{QueueLogicalId: Q}}}", "No 'Arn' or 'Type' property provided for DeadLetterConfig."),
    ("dead letters to a topic",        "invalid-event",      EVENT + "{Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: {Type: «SNS}}}", "The only valid value for 'Type' property of DeadLetterConfig is 'SQS'."),
    ("a name with OmitName",           "invalid-event",      EVENT + "{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), OmitName: true, Name: «n}}", "Name cannot be set when OmitName is True"),
    ("a bucket that is not here",      "invalid-reference",  EVENT + "{Type: S3, Properties: {Bucket: «!Ref X, Events: e}}", "S3 events must reference an S3 bucket in the same template."),
    ("a pool that is not here",        "invalid-reference",  EVENT + "{Type: Cognito, Properties: {UserPool: «!Ref X, Trigger: PreSignUp}}", "Cognito events must reference a Cognito UserPool in the same template."),
    ("a queue without a URL",          "invalid-event",      EVENT + "{Type: SNS, Properties: {Topic: t, SqsSubscription: «{QueueArn: a}}}", "No QueueARN or QueueURL provided."),
    ("a broker without credentials",   "invalid-event",      FUNCTION + "Events:\n        «Ev: {Type: MQ, Properties: {Broker: b}}", "No SourceAccessConfigurations for Amazon MQ event provided."),
    ("Kafka without brokers",          "invalid-event",      FUNCTION + "Events:\n        «Ev: {Type: SelfManagedKafka, Properties: {Topics: [t]}}", "No KafkaBootstrapServers provided for self managed kafka as an event source"),
    ("an API event without a method",  "missing-property",   FUNCTION + "Events:\n        «Ev: {Type: Api, Properties: {Path: /a}}", "Property 'Method' is required."),
    ("an API that is not here",        "invalid-reference",  EVENT + "{Type: Api, Properties: {Path: /a, Method: get, RestApiId: «!Ref X}}", "RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource in same template."),
    ("an HTTP API that is not here",   "invalid-reference",  EVENT + "{Type: HttpApi, Properties: {Path: /a, Method: get, ApiId: «!Ref X}}", "ApiId must be a valid reference to an 'AWS::Serverless::HttpApi' resource in same template."),
    ("an authorizer that is not here", "invalid-event",      EVENT + "{Type: Api, Properties: {Path: /a, Method: get, Auth: {Authorizer: «X}}}", "Unable to set Authorizer [X] on API method [get] for path [/a] because the related API does not define any Authorizers."),
    ("an id that is taken",            "duplicate-logical-id", "Resources:\n  «FnRole: {Type: 'AWS::IAM::Role'}\n" + FUNCTION.removeprefix("Resources:\n"), "Transforming resource with id [Fn] attempts to create a new resource with id [FnRole] and type \"AWS::IAM::Role\"."),
    ("globals that are no map",        "invalid-globals",    "Globals: «x\nResources: {}", "'Globals' section is invalid. It must be a non-empty dictionary"),
    ("an unknown section of globals",  "unknown-global",     "Globals: {«Functoin: {}}\nResources: {}", "'Globals' section is invalid. 'Functoin' is not supported."),
    ("a property no global can be",    "unknown-global",     "Globals: {Function: {«FunctionName: x}}\nResources: {}", "'Globals' section is invalid. 'FunctionName' is not a supported property of 'Function'."),
    ("an ignored global that is none", "invalid-attribute",  "Globals: {Function: {Timeout: 5}}\n" + FUNCTION + "Timeout: 6\n    IgnoreGlobals: [«Foo]", "Resource Fn has invalid resource attribute 'IgnoreGlobals' on item 'Foo'."),
    ("a layer without content",        "missing-property",   "Resources:\n  «R: {Type: 'AWS::Serverless::LayerVersion', Properties: {LayerName: x}}", "Missing required property 'ContentUri'."),
    ("a retention policy of no kind",  "invalid-property",   ONE + "LayerVersion\n    Properties: {ContentUri: x, RetentionPolicy: «Keep}", "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete']."),
    ("an unknown architecture",        "invalid-property",   ONE + "LayerVersion\n    Properties: {ContentUri: x, CompatibleArchitectures: [«arm]}", "CompatibleArchitectures needs to be a list of 'x86_64' or 'arm64'"),
    ("a key without a type",           "missing-property",   ONE + "SimpleTable\n    Properties: {PrimaryKey: «{Name: id}}", "Property 'PrimaryKey.Type' is required."),
    ("a key of an unknown type",       "invalid-property",   ONE + "SimpleTable\n    Properties: {PrimaryKey: {Name: id, Type: «Bool}}", "Invalid 'Type' \"Bool\"."),
    ("an application from nowhere",    "missing-property",   ONE + "Application\n    Properties: {Location: «{ApplicationId: a}}", "Resource is missing the required [SemanticVersion] property."),
    ("a connector from nowhere",       "invalid-reference",  ONE + "Connector\n    Properties: {Source: {Id: X}, Destination: {Id: «Y}, Permissions: [Read]}", "Unable to find resource with logical ID 'Y'."),
    ("a connector that cannot be",     "unsupported-connector", "Resources:\n  B: {Type: 'AWS::S3::Bucket'}\n  R:\n    Type: AWS::Serverless::Connector\n    Properties: {Source: {Id: B}, Destination: «{Id: B}, Permissions: [Read]}", "Unable to create connector from AWS::S3::Bucket to AWS::S3::Bucket; it's not supported or the template is invalid."),
    ("an API without a stage",         "missing-property",   "Resources:\n  «R: {Type: 'AWS::Serverless::Api', Properties: {Name: x}}", "Missing required property 'StageName'."),
    ("an API with two definitions",    "invalid-property",   ONE + "Api\n    Properties: {StageName: p, DefinitionUri: «x, DefinitionBody: {swagger: 2, paths: {}}}", "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both."),
    ("an unknown key of Auth",         "unknown-property",   ONE + "Api\n    Properties: {StageName: p, Auth: {Authorisers: «{}}}", "Invalid value for 'Auth' property"),
    ("a default authorizer of none",   "invalid-reference",  ONE + "Api\n    Properties: {StageName: p, Auth: {DefaultAuthorizer: «N, Authorizers: {T: {FunctionArn: a}}}}", "Unable to set DefaultAuthorizer because 'N' was not defined in 'Authorizers'."),
    ("credentials for everybody",      "invalid-property",   ONE + "Api\n    Properties: {StageName: p, Cors: {AllowCredentials: «true}}", "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is"),
    ("a path that is no map",          "invalid-openapi",    ONE + "Api\n    Properties: {StageName: p, Cors: x, DefinitionBody: {swagger: 2, paths: {/a: «5}}}", "Value of '/a' path must be a dictionary according to Swagger spec."),
    ("a state machine of nothing",     "missing-property",   "Resources:\n  «R: {Type: 'AWS::Serverless::StateMachine', Properties: {Name: x}}", "Either 'Definition' or 'DefinitionUri' property must be specified."),
]
# fmt: on


@pytest.mark.parametrize(("code", "text", "message"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_refused(code: str, text: str, message: str) -> None:
    plain, line, column = marked(text)
    errors = transform_text(plain).errors
    assert [(found.code, found.at.line, found.at.column) for found in errors] == [(code, line, column)]
    assert message in errors[0].message


def test_everything_wrong_is_found_at_once() -> None:
    text = (
        FUNCTION
        + "Tags: x\n      Foo: 1\n      Events: {A: {Type: SQS}, B: {Type: X}, C: {Type: Schedule, Properties: {Schedule: s}}}"
    )
    result = transform_text(text)
    assert sorted(found.code for found in result.errors) == [
        "invalid-event",
        "missing-property",
        "unknown-property",
        "wrong-type",
    ]
    assert "FnC" in result.resources


def test_a_route_twice_is_refused_at_the_second() -> None:
    events = (
        "{A: {Type: Api, Properties: {Path: /a, Method: get}}, B: {Type: Api, Properties: {Path: «/a, Method: GET}}}"
    )
    plain, line, column = marked(FUNCTION + "Events: " + events)
    (error,) = transform_text(plain).errors
    assert (error.code, error.at.line, error.at.column) == ("duplicate-route", line, column)
    assert error.message == 'API method "get" defined multiple times for path "/a".'


# fmt: off
SLIPS = [
    ("a function's destinations",  FUNCTION + "EventInvokeConfig: {«MaximumRetries: 1}", "did you mean"),
    ("a dead-letter queue",        FUNCTION + "DeadLetterQueue: {Type: SQS, TargetArn: a, «TargetArm: b}", "did you mean 'TargetArn'?"),
    ("an event's dead letters",    EVENT + "{Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: {Arn: a, «Typ: SQS}}}", "did you mean 'Type'?"),
]
# fmt: on


@pytest.mark.parametrize(("text", "hint"), [row[1:] for row in SLIPS], ids=[row[0] for row in SLIPS])
def test_what_aws_would_ignore_is_a_warning(text: str, hint: str) -> None:
    plain, line, column = marked(text)
    result = transform_text(plain)
    assert not result.errors
    (found,) = result.diagnostics
    assert (found.severity, found.code) == (Severity.WARNING, "unknown-property")
    assert (found.at.line, found.at.column) == (line, column)
    assert hint in found.hint or hint == "did you mean"


def test_hints_name_what_was_meant() -> None:
    plain, _, _ = marked(FUNCTION + "«Handlr: x")
    assert transform_text(plain).errors[0].hint == "did you mean 'Handler'?"
