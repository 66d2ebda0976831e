"""A Lambda function as a stack declares it (CloudFormation's shapes) and as it is deployed: versions, aliases.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from runner.model.names import LATEST
from runner.model.noun import Document, Noun, Text


class Tag(Noun):
    key: Text = Field(alias="Key")
    value: Text = Field("", alias="Value")


class Code(Noun):
    """Where code comes from: a local path (ours: what `package` would upload), inline text, S3, an image."""

    path: str | None = Field(None, alias="Path", description="Local folder, zip or file, relative to the stack file")
    zip_file: str | None = Field(None, alias="ZipFile")
    s3_bucket: str | None = Field(None, alias="S3Bucket")
    s3_key: str | None = Field(None, alias="S3Key")
    s3_object_version: str | None = Field(None, alias="S3ObjectVersion")
    image_uri: str | None = Field(None, alias="ImageUri")
    source_kms_key_arn: str | None = Field(None, alias="SourceKMSKeyArn")
    s3_object_storage_mode: Literal["COPY", "REFERENCE"] | None = Field(None, alias="S3ObjectStorageMode")


class DeadLetterConfig(Noun):
    target_arn: str | None = Field(None, alias="TargetArn")


class Environment(Noun):
    variables: dict[str, Text] = Field(default_factory=dict, alias="Variables")


class EphemeralStorage(Noun):
    size_mb: int = Field(512, ge=512, le=32768, alias="Size")


class LoggingConfig(Noun):
    log_format: Literal["Text", "JSON"] = Field("Text", alias="LogFormat")
    application_log_level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] | None = Field(
        None, alias="ApplicationLogLevel"
    )
    system_log_level: Literal["DEBUG", "INFO", "WARN"] | None = Field(None, alias="SystemLogLevel")
    log_group: str | None = Field(None, alias="LogGroup", min_length=1, max_length=512)


class ImageConfig(Noun):
    command: tuple[str, ...] | None = Field(None, alias="Command")
    entry_point: tuple[str, ...] | None = Field(None, alias="EntryPoint")
    working_directory: str | None = Field(None, alias="WorkingDirectory")


class SnapStart(Noun):
    apply_on: Literal["PublishedVersions", "None"] = Field(alias="ApplyOn")


class TracingConfig(Noun):
    mode: Literal["Active", "PassThrough"] | None = Field(None, alias="Mode")


class VpcConfig(Noun):
    subnet_ids: tuple[str, ...] = Field((), alias="SubnetIds", max_length=16)
    security_group_ids: tuple[str, ...] = Field((), alias="SecurityGroupIds", max_length=5)
    ipv6_allowed_for_dual_stack: bool | None = Field(None, alias="Ipv6AllowedForDualStack")


class RuntimeManagementConfig(Noun):
    runtime_version_arn: str | None = Field(None, alias="RuntimeVersionArn")
    update_runtime_on: Literal["Auto", "FunctionUpdate", "Manual"] = Field("Auto", alias="UpdateRuntimeOn")


class Function(Noun):
    """`AWS::Lambda::Function`: what is versioned, and what is not (name, tags, reserved concurrency).

    Units: `memory_mb` MB, `timeout_s` seconds (1 to 900).
    """

    function_name: str | None = Field(None, alias="FunctionName", min_length=1)
    architectures: tuple[Literal["x86_64", "arm64"], ...] = Field(
        ("x86_64",), alias="Architectures", min_length=1, max_length=1
    )
    capacity_provider_config: Document | None = Field(None, alias="CapacityProviderConfig")
    code: Code = Field(alias="Code")
    code_signing_config_arn: str | None = Field(None, alias="CodeSigningConfigArn", max_length=200)
    dead_letter_config: DeadLetterConfig | None = Field(None, alias="DeadLetterConfig")
    description: Text = Field("", alias="Description", max_length=256)
    durable_config: Document | None = Field(None, alias="DurableConfig")
    environment: Environment = Field(default_factory=Environment, alias="Environment")
    ephemeral_storage: EphemeralStorage = Field(
        default_factory=lambda: EphemeralStorage(size_mb=512), alias="EphemeralStorage"
    )
    file_system_configs: tuple[Document, ...] = Field((), alias="FileSystemConfigs", max_length=1)
    function_scaling_config: Document | None = Field(None, alias="FunctionScalingConfig")
    handler: str | None = Field(None, alias="Handler", max_length=128, pattern=r"^[^\s]+$")
    image_config: ImageConfig | None = Field(None, alias="ImageConfig")
    kms_key_arn: str | None = Field(None, alias="KmsKeyArn")
    layers: tuple[str, ...] = Field((), alias="Layers", max_length=5)
    logging_config: LoggingConfig = Field(
        default_factory=lambda: LoggingConfig(log_format="Text"), alias="LoggingConfig"
    )
    memory_mb: int = Field(128, ge=128, le=32768, alias="MemorySize")
    package_type: Literal["Zip", "Image"] = Field("Zip", alias="PackageType")
    publish_to_latest_published: bool | None = Field(None, alias="PublishToLatestPublished")
    recursive_loop: Literal["Allow", "Terminate"] = Field("Terminate", alias="RecursiveLoop")
    reserved_concurrency: int | None = Field(None, ge=0, alias="ReservedConcurrentExecutions")
    role: str = Field("", alias="Role")
    runtime: str | None = Field(None, alias="Runtime")
    runtime_management_config: RuntimeManagementConfig | None = Field(None, alias="RuntimeManagementConfig")
    snap_start: SnapStart | None = Field(None, alias="SnapStart")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
    tenancy_config: Document | None = Field(None, alias="TenancyConfig")
    timeout_s: int = Field(3, ge=1, le=5400, alias="Timeout")
    tracing_config: TracingConfig | None = Field(None, alias="TracingConfig")
    vpc_config: VpcConfig | None = Field(None, alias="VpcConfig")


class ProvisionedConcurrencyConfig(Noun):
    executions: int = Field(alias="ProvisionedConcurrentExecutions", ge=1)


class Version(Noun):
    """`AWS::Lambda::Version`: a declaration that asks for a published version."""

    function_name: str = Field(alias="FunctionName", min_length=1, max_length=140)
    code_sha256: str | None = Field(None, alias="CodeSha256")
    description: Text | None = Field(None, alias="Description", max_length=256)
    function_scaling_config: Document | None = Field(None, alias="FunctionScalingConfig")
    provisioned: ProvisionedConcurrencyConfig | None = Field(None, alias="ProvisionedConcurrencyConfig")
    runtime_policy: Document | None = Field(None, alias="RuntimePolicy")


class VersionWeight(Noun):
    function_version: Text = Field(alias="FunctionVersion")
    weight: float = Field(alias="FunctionWeight", ge=0.0, le=1.0)


class RoutingConfig(Noun):
    weights: tuple[VersionWeight, ...] = Field((), alias="AdditionalVersionWeights")


class Alias(Noun):
    """`AWS::Lambda::Alias`; State key `<function>:<name>`."""

    function_name: str = Field(alias="FunctionName", min_length=1)
    name: str = Field(
        alias="Name", min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9\-_]*[a-zA-Z\-_][a-zA-Z0-9\-_]*$"
    )
    function_version: Text = Field(alias="FunctionVersion", max_length=1024)
    description: Text = Field("", alias="Description", max_length=256)
    provisioned: ProvisionedConcurrencyConfig | None = Field(None, alias="ProvisionedConcurrencyConfig")
    routing: RoutingConfig | None = Field(None, alias="RoutingConfig")


class Destination(Noun):
    """Where the record of a finished asynchronous invocation goes: an ARN."""

    arn: str = Field(alias="Destination", max_length=1024)


class DestinationConfig(Noun):
    on_success: Destination | None = Field(None, alias="OnSuccess")
    on_failure: Destination | None = Field(None, alias="OnFailure")


class EventInvokeConfig(Noun):
    """`AWS::Lambda::EventInvokeConfig`: retries and destinations of asynchronous invocations of one qualifier.

    Units: `max_age_s` seconds since acceptance; `max_retries` attempts after the first, function errors only.
    State key `<function>:<qualifier>`, `$LATEST` for the unqualified function.
    """

    function_name: str = Field(alias="FunctionName")
    qualifier: Text = Field(alias="Qualifier")
    max_age_s: int = Field(21600, ge=60, le=21600, alias="MaximumEventAgeInSeconds")
    max_retries: int = Field(2, ge=0, le=2, alias="MaximumRetryAttempts")
    destinations: DestinationConfig = Field(default_factory=DestinationConfig, alias="DestinationConfig")


class Permission(Noun):
    """`AWS::Lambda::Permission`: one statement of a resource policy; State key `<function>[:<qualifier>]/<sid>`."""

    action: str = Field(alias="Action", min_length=1)
    function_name: str = Field(alias="FunctionName", min_length=1)
    principal: Text = Field(alias="Principal", min_length=1)
    event_source_token: str | None = Field(None, alias="EventSourceToken")
    function_url_auth_type: Literal["AWS_IAM", "NONE"] | None = Field(None, alias="FunctionUrlAuthType")
    invoked_via_function_url: bool | None = Field(None, alias="InvokedViaFunctionUrl")
    principal_org_id: str | None = Field(None, alias="PrincipalOrgID")
    source_account: Text | None = Field(None, alias="SourceAccount")
    source_arn: str | None = Field(None, alias="SourceArn")
    statement_id: str | None = Field(None, alias="StatementId", description="Ours: AWS generates it")


class LayerContent(Noun):
    path: str | None = Field(None, alias="Path", description="Local folder or zip, relative to the stack file")
    s3_bucket: str | None = Field(None, alias="S3Bucket")
    s3_key: str | None = Field(None, alias="S3Key")
    s3_object_storage_mode: Literal["COPY", "REFERENCE"] | None = Field(None, alias="S3ObjectStorageMode")
    s3_object_version: str | None = Field(None, alias="S3ObjectVersion")


class LayerVersion(Noun):
    """`AWS::Lambda::LayerVersion`; State key `<layer>:<number>`."""

    content: LayerContent = Field(alias="Content")
    layer_name: str | None = Field(None, alias="LayerName", max_length=140)
    compatible_architectures: tuple[str, ...] = Field((), alias="CompatibleArchitectures", max_length=2)
    compatible_runtimes: tuple[str, ...] = Field((), alias="CompatibleRuntimes", max_length=15)
    description: Text = Field("", alias="Description", max_length=256)
    license_info: str | None = Field(None, alias="LicenseInfo", max_length=512)


class LayerCode(Noun):
    """The snapshot behind a deployed layer version; State key `<layer>:<number>`, as the layer version's."""

    artifact: str
    code_sha256: str = ""
    code_size: int = 0


class CodeSigningConfig(Noun):
    """Who may sign code, as the API keeps it; State key is the id, `csc-...`. Signatures themselves are not checked."""

    allowed_publishers: tuple[str, ...]
    untrusted_artifact: Literal["Warn", "Enforce"] = "Warn"
    description: str = ""


class Cors(Noun):
    allow_credentials: bool | None = Field(None, alias="AllowCredentials")
    allow_headers: tuple[str, ...] | None = Field(None, alias="AllowHeaders")
    allow_methods: tuple[str, ...] | None = Field(None, alias="AllowMethods")
    allow_origins: tuple[str, ...] | None = Field(None, alias="AllowOrigins")
    expose_headers: tuple[str, ...] | None = Field(None, alias="ExposeHeaders")
    max_age_s: int | None = Field(None, alias="MaxAge", ge=0, le=86400)


class Url(Noun):
    """`AWS::Lambda::Url`."""

    auth_type: Literal["AWS_IAM", "NONE"] = Field(alias="AuthType")
    target_function_arn: str = Field(alias="TargetFunctionArn")
    qualifier: str | None = Field(None, alias="Qualifier", min_length=1, max_length=128)
    invoke_mode: Literal["BUFFERED", "RESPONSE_STREAM"] = Field("BUFFERED", alias="InvokeMode")
    cors: Cors | None = Field(None, alias="Cors")


class FunctionVersion(Noun):
    """One deployed version: `$LATEST`, which is replaced in place, or a published number, which never changes.

    Shape:  `artifact` names the immutable code snapshot in the artifact store; `layers` the same for each layer,
            in order; `code_sha256` is base64, as the API shows it.
    State key `<name>` for `$LATEST` (under `functions`), `<name>:<number>` (under `versions`).
    """

    name: str
    version: str = LATEST
    config: Function
    artifact: str
    layers: tuple[str, ...] = ()
    code_sha256: str = ""
    code_size: int = 0
    description: str = ""
    next_version: int = 1  # of $LATEST only: numbers are never used twice, even after a delete
    provisioned: ProvisionedConcurrencyConfig | None = None  # of published versions only
    updated_at: float = 0.0  # when the API last changed code or configuration, epoch seconds; 0: a stack file did

    def identity(self) -> dict[str, Any]:
        """What makes two versions the same: code, layers and the versioned configuration.

        Tags, reserved concurrency and the code's whereabouts are not versioned on AWS.
        """
        versioned = self.config.model_copy(update={"tags": (), "reserved_concurrency": None, "code": Code()})
        return {"artifact": self.artifact, "layers": self.layers, "config": versioned.document()}
