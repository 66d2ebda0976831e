"""Roles, policies and log groups.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "AWS::IAM::Role": {
        "RoleName": "text 1..64 ~^[\\w+=,.@\\-]+$; Name of the role; generated if absent",
        "AssumeRolePolicyDocument": "+ json; Who may take the role",
        "Description": "text ..1000; What the role is for",
        "ManagedPolicyArns": "[text]; ARNs of managed policies",
        "MaxSessionDuration": "inert int 3600..43200; Longest session in seconds",
        "Path": "text 1..512; Path of the role's ARN",
        "PermissionsBoundary": "inert text; Managed policy that bounds what the role may do",
        "Policies": "[{InlinePolicy}]; Policies of the role's own",
        "Tags": "[{Tag}]; Keys and values to tag the role with",
    },
    "AWS::IAM::Policy": {
        "PolicyName": "+ text 1..128 ~^[\\w+=,.@\\-]+$; Name of the policy",
        "PolicyDocument": "+ json; What is allowed and denied",
        "Groups": "inert [text]; Groups that get the policy",
        "Roles": "[text]; Roles that get the policy",
        "Users": "inert [text]; Users that get the policy",
    },
    "AWS::IAM::ManagedPolicy": {
        "PolicyDocument": "+ json; What is allowed and denied",
        "ManagedPolicyName": "text 1..128 ~^[\\w+=,.@\\-]+$; Name of the policy; generated if absent",
        "Description": "text ..1000; What the policy is for",
        "Path": "text 1..512; Path of the policy's ARN",
        "Groups": "inert [text]; Groups that get the policy",
        "Roles": "[text]; Roles that get the policy",
        "Users": "inert [text]; Users that get the policy",
    },
    "AWS::Logs::LogGroup": {
        "LogGroupName": "text 1..512 ~^[.\\-_/#A-Za-z0-9]+$; Name of the group; generated if absent",
        "BearerTokenAuthenticationEnabled": "inert bool; Whether bearer tokens may write",
        "DataProtectionPolicy": "inert json; What is masked in log lines",
        "DeletionProtectionEnabled": "inert bool; Whether the group can be deleted",
        "FieldIndexPolicies": "inert [object]; Fields that are indexed",
        "KmsKeyId": "inert text ..256; Key that encrypts the log",
        "LogGroupClass": "inert enum STANDARD|INFREQUENT_ACCESS|DELIVERY; Class of the group",
        "ResourcePolicyDocument": "inert json; Who may write to the group",
        "RetentionInDays": (
            "int =1|3|5|7|14|30|60|90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653;"
            " Days that lines are kept; for ever if absent"
        ),
        "Tags": "[{Tag}]; Keys and values to tag the group with",
    },
}

PARTS: dict[str, dict[str, str]] = {
    "InlinePolicy": {
        "PolicyName": "+ text 1..128; Name of the policy",
        "PolicyDocument": "+ json; What is allowed and denied",
    },
}
