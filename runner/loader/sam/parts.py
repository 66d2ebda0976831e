"""What stands within properties that are maps, in the notation of `runner.loader.sam.shapes`, by the path to them.

AWS ignores what it does not know there, so a slip is a warning here; a part of the wrong kind is an error.
"""

from __future__ import annotations

DEAD_LETTER_CONFIG = {
    "Arn": "any; ARN of a queue",
    "Type": "any; SQS, for a queue to be created",
    "QueueLogicalId": "any; Logical id of the created queue",
}
ON_FAILURE = {"Type": "any; SQS, SNS, S3 or Kafka", "Destination": "any; ARN of the destination"}
EVENT_AUTH = {
    "Authorizer": "any; Authorizer of the API, AWS_IAM or NONE",
    "AuthorizationScopes": "list; Scopes that the caller must have",
    "ApiKeyRequired": "any; Whether an API key is needed",
    "InvokeRole": "any; On whose behalf the function is invoked",
    "ResourcePolicy": "map; Who may call this method",
    "OverrideApiAuth": "any; Whether this goes before the API's own document",
}
ROUTE53 = {
    "HostedZoneId": "any; Id of the hosted zone",
    "HostedZoneName": "any; Name of the hosted zone",
    "DistributionDomainName": "any; Domain of an own CloudFront distribution",
    "EvaluateTargetHealth": "any; Whether health is inherited",
    "IpV6": "any; Whether there is an AAAA record",
    "Region": "any; Region of latency routing",
    "SetIdentifier": "any; Which of the records of one name this is",
    "SeparateRecordSetGroup": "any; Whether the records have a group of their own",
    "VpcEndpointDomainName": "any; Domain of the VPC endpoint",
    "VpcEndpointHostedZoneId": "any; Hosted zone of the VPC endpoint",
}
DOMAIN = {
    "DomainName": "any; Name of the domain",
    "CertificateArn": "any; ARN of the certificate",
    "EndpointConfiguration": "any; EDGE, REGIONAL or PRIVATE",
    "BasePath": "any; Paths under which the API is reached",
    "NormalizeBasePath": "any; Whether all but letters and digits are dropped from paths",
    "MutualTlsAuthentication": "any; Trust store for client certificates",
    "SecurityPolicy": "any; Oldest TLS version that is taken",
    "EndpointAccessMode": "any; Access mode of the endpoint",
    "IpAddressType": "any; ipv4 or dualstack",
    "OwnershipVerificationCertificateArn": "any; Certificate that proves the ownership",
    "Policy": "any; Policy of a private domain",
    "AccessAssociation": "map; VPC endpoint that reaches a private domain",
    "Route53": "map; Records of the domain",
}

PARTS: dict[str, dict[str, dict[str, str]]] = {
    "AWS::Serverless::Function": {
        "DeadLetterQueue": {"Type": "any; SQS or SNS", "TargetArn": "any; ARN of the queue or topic"},
        "EventInvokeConfig": {
            "MaximumEventAgeInSeconds": "any; Seconds after which an event is given up",
            "MaximumRetryAttempts": "any; Attempts after the first, 0 to 2",
            "DestinationConfig": "any; Where outcomes are told",
        },
        "EventInvokeConfig.DestinationConfig": {
            "OnSuccess": "any; Destination of successful invocations",
            "OnFailure": "any; Destination of failed invocations",
        },
        "DeploymentPreference": {
            "Type": "any; How traffic moves, such as Canary10Percent5Minutes",
            "Enabled": "any; Whether traffic is moved by CodeDeploy",
            "Alarms": "any; Alarms that stop the deployment",
            "Hooks": "any; Functions that test before and after",
            "Role": "any; Role of CodeDeploy; one is generated if absent",
            "TriggerConfigurations": "any; Topics that are told of the deployment",
            "PassthroughCondition": "any; Whether the function's condition is the deployment's too",
        },
        "DeploymentPreference.Hooks": {
            "PreTraffic": "any; Function that tests before traffic moves",
            "PostTraffic": "any; Function that tests after traffic has moved",
        },
        "FunctionUrlConfig": {
            "AuthType": "any; AWS_IAM or NONE",
            "Cors": "any; Cross-origin sharing",
            "InvokeMode": "any; BUFFERED or RESPONSE_STREAM",
        },
        "Environment": {"Variables": "any; Names and values"},
        "ProvisionedConcurrencyConfig": {
            "ProvisionedConcurrentExecutions": "any; Environments to keep initialised",
        },
    },
    "AWS::Serverless::SimpleTable": {
        "PrimaryKey": {"Name": "any; Name of the key", "Type": "any; String, Number or Binary"},
    },
    "AWS::Serverless::Application": {
        "Location": {
            "ApplicationId": "any; ARN of the application in the repository",
            "SemanticVersion": "any; Version of the application",
        },
    },
    "AWS::Serverless::Api": {
        "Domain": DOMAIN,
        "Domain.Route53": ROUTE53,
        "Domain.AccessAssociation": {"VpcEndpointId": "any; Id of the VPC endpoint"},
    },
    "AWS::Serverless::HttpApi": {"Domain": DOMAIN, "Domain.Route53": ROUTE53},
}

EVENT_PARTS: dict[str, dict[str, dict[str, str]]] = {
    "Schedule": {"DeadLetterConfig": DEAD_LETTER_CONFIG},
    "ScheduleV2": {"DeadLetterConfig": DEAD_LETTER_CONFIG},
    "CloudWatchEvent": {"DeadLetterConfig": DEAD_LETTER_CONFIG, "Target": {"Id": "any; Id of the rule's target"}},
    "EventBridgeRule": {"DeadLetterConfig": DEAD_LETTER_CONFIG, "Target": {"Id": "any; Id of the rule's target"}},
    "SNS": {
        "SqsSubscription": {
            "QueueArn": "any; ARN of a queue of your own",
            "QueueUrl": "any; URL of the same queue",
            "QueuePolicyLogicalId": "any; Logical id of the queue's policy",
            "BatchSize": "any; Most records in one invocation",
            "Enabled": "any; Not used by SAM: the queue is always polled",
        }
    },
    "Api": {"Auth": EVENT_AUTH},
    "HttpApi": {
        "Auth": {
            "Authorizer": "any; Authorizer of the API, AWS_IAM or NONE",
            "AuthorizationScopes": "any; Scopes that the caller must have",
        }
    },
    **{
        polled: {"DestinationConfig": {"OnFailure": "any; Where records go that were given up"}}
        for polled in ("SQS", "Kinesis", "DynamoDB", "MSK", "MQ", "DocumentDB", "SelfManagedKafka")
    },
}
