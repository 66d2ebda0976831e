"""Roles, policies and log groups: records that are kept and shown.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

from pydantic import Field

from runner.model.function import Tag
from runner.model.noun import Document, Noun, Text


class InlinePolicy(Noun):
    policy_name: str = Field(alias="PolicyName")
    policy_document: Document = Field(alias="PolicyDocument")


class Role(Noun):
    """`AWS::IAM::Role`; State key is the role's name."""

    role_name: str | None = Field(None, alias="RoleName", min_length=1, max_length=64)
    assume_role_policy_document: Document = Field(alias="AssumeRolePolicyDocument")
    description: Text | None = Field(None, alias="Description", max_length=1000)
    managed_policy_arns: tuple[str, ...] = Field((), alias="ManagedPolicyArns")
    max_session_duration_s: int = Field(3600, ge=3600, le=43200, alias="MaxSessionDuration")
    path: str = Field("/", alias="Path")
    permissions_boundary: str | None = Field(None, alias="PermissionsBoundary")
    policies: tuple[InlinePolicy, ...] = Field((), alias="Policies")
    tags: tuple[Tag, ...] = Field((), alias="Tags")


class Policy(Noun):
    """`AWS::IAM::Policy`: an inline policy of the roles it names."""

    policy_name: str = Field(alias="PolicyName")
    policy_document: Document = Field(alias="PolicyDocument")
    groups: tuple[str, ...] = Field((), alias="Groups")
    roles: tuple[str, ...] = Field((), alias="Roles")
    users: tuple[str, ...] = Field((), alias="Users")


class ManagedPolicy(Noun):
    """`AWS::IAM::ManagedPolicy`; State key is the policy's ARN."""

    policy_document: Document = Field(alias="PolicyDocument")
    managed_policy_name: str | None = Field(None, alias="ManagedPolicyName")
    description: Text | None = Field(None, alias="Description", max_length=1000)
    path: str = Field("/", alias="Path")
    groups: tuple[str, ...] = Field((), alias="Groups")
    roles: tuple[str, ...] = Field((), alias="Roles")
    users: tuple[str, ...] = Field((), alias="Users")


class PolicyVersion(Noun):
    """One version of a managed policy. `created_at` is epoch seconds."""

    version_id: str  # `v1`, `v2`, ...
    policy_document: Document
    created_at: float = 0.0


class PolicyHistory(Noun):
    """What the API keeps of a managed policy beside its default document; State key is the policy's ARN."""

    versions: tuple[PolicyVersion, ...] = ()
    default_version_id: str = "v1"
    last_number: int = 1
    tags: tuple[Tag, ...] = ()


class LogGroup(Noun):
    """`AWS::Logs::LogGroup`; State key is the group's name."""

    log_group_name: str | None = Field(None, alias="LogGroupName", min_length=1, max_length=512)
    bearer_token_authentication_enabled: bool | None = Field(None, alias="BearerTokenAuthenticationEnabled")
    data_protection_policy: Document | None = Field(None, alias="DataProtectionPolicy")
    deletion_protection_enabled: bool | None = Field(None, alias="DeletionProtectionEnabled")
    field_index_policies: tuple[Document, ...] | None = Field(None, alias="FieldIndexPolicies")
    kms_key_id: str | None = Field(None, alias="KmsKeyId")
    log_group_class: str | None = Field(None, alias="LogGroupClass")
    resource_policy_document: Document | None = Field(None, alias="ResourcePolicyDocument")
    retention_days: int | None = Field(None, alias="RetentionInDays")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
