"""Where code and content come from: S3, a local path, inline text or an image.

AWS sees S3 locations only, since packaging uploads what is local; here a local path stays as it is written, under the
key `Path`, for the loader to find.
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.values import Json
from runner.loader.sam.work import Refused, Source, Work

DYNAMIC_REFERENCES = ("{{resolve:ssm:", "{{resolve:ssm-secure:", "{{resolve:secretsmanager:")
S3 = "s3://"


def parse_s3(uri: str) -> tuple[str, str, str | None] | None:
    """Bucket, key and version of `s3://bucket/key[?versionId=v]`; None if it is no such address."""
    bucket, _, rest = uri.removeprefix(S3).partition("/")
    key, _, query = rest.partition("?")
    key = key.lstrip("/")
    if not uri.startswith(S3) or not bucket or not key:
        return None
    versions = [pair.partition("=")[2] for pair in query.split("&") if pair.startswith("versionId=")]
    return bucket, key, versions[0] if len(versions) == 1 else None


def location(work: Work, source: Source, name: str) -> Json:
    """A property such as `CodeUri` or `ContentUri` as `{Bucket, Key, Version?, StorageMode?}` or `{Path}`."""
    value = source.get(name)
    if isinstance(value, str):
        return _text_location(work, source, name, value)
    if not isinstance(value, dict):
        raise work.refuse(source, f"'{name}' must be of type dict or string.", name, code="wrong-type")
    if not value.get("Bucket") or not value.get("Key"):
        raise work.refuse(source, f"'{name}' requires Bucket and Key properties to be specified.", name)
    return {key: value[key] for key in ("Bucket", "Key", "Version", "StorageMode") if value.get(key)}


def _text_location(work: Work, source: Source, name: str, text: str) -> Json:
    if any(start in text for start in DYNAMIC_REFERENCES) and "/" in text:
        message = (
            f"Unsupported dynamic reference detected in '{name}'. "
            "Please consider using alternative 'FunctionCode' object format."
        )
        raise work.refuse(source, message, name, hint="give Bucket and Key as a map")
    if not text.startswith(S3):
        return {"Path": text}
    parsed = parse_s3(text)
    if parsed is None:
        message = (
            f"'{name}' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."
        )
        raise work.refuse(source, message, name)
    # Marked as the file's text, as the given text is where that is hashed.
    bucket, key, version = (part if part is None else type(text)(part) for part in parsed)
    return {"Bucket": bucket, "Key": key, **({"Version": version} if version is not None else {})}


S3_NAMES = {
    "Bucket": "S3Bucket",
    "Key": "S3Key",
    "Version": "S3ObjectVersion",
    "StorageMode": "S3ObjectStorageMode",
    "Path": "Path",
}


def lambda_location(work: Work, source: Source, name: str) -> Json:
    """The same in the words of `AWS::Lambda::*`: `{S3Bucket, S3Key, ...}` or `{Path}`."""
    return {S3_NAMES[key]: value for key, value in location(work, source, name).items()}


def function_code(work: Work, source: Source) -> Json:
    """The `Code` of a function; a zip function without any is taken to live in the stack file's folder."""
    package_type = source.get("PackageType") or "Zip"
    if package_type == "Image":
        return _image_code(work, source)
    if package_type != "Zip":
        raise work.refuse(source, f"invalid 'PackageType' : {package_type}", "PackageType", hint="use Zip or Image")
    if source.get("InlineCode"):
        code: Json = {"ZipFile": source.get("InlineCode")}
    elif source.get("CodeUri") is not None:
        code = lambda_location(work, source, "CodeUri")
    else:
        # SAM CLI packages the stack file's folder; the translator alone refuses with "Only one of 'InlineCode' or
        # 'CodeUri' can be set.", which nobody who deploys with the CLI ever sees.
        work.assumed_code.add(source.id)
        code = {"Path": "."}
    if source.get("SourceKMSKeyArn"):
        code["SourceKMSKeyArn"] = source.get("SourceKMSKeyArn")
    at = work.locate(source.properties, "InlineCode" if "ZipFile" in code else "CodeUri")
    adopted: Json = work.adopt(code, at)
    for key in code:
        work.positions.place(code, key, at)
    return adopted


def _image_code(work: Work, source: Source) -> Json:
    if "ImageUri" not in source.properties or source.get("ImageUri") is None:
        metadata = source.resource.get("Metadata")
        if isinstance(metadata, dict) and "Dockerfile" in metadata:
            # What SAM CLI builds gets its address when it is built.
            return {"ImageUri": f"{source.id.lower()}:{metadata.get('DockerTag', 'latest')}"}
        raise work.refuse(source, "'ImageUri' must be set.", code="missing-property")
    if not source.get("ImageUri"):
        message = "'ImageUri' requires that a image hosted at a registry be specified."
        raise work.refuse(source, message, "ImageUri")
    return {"ImageUri": source.get("ImageUri")}


def check_package(work: Work, source: Source) -> None:
    """What a zip function must have and an image function must not."""
    package_type = source.get("PackageType") or "Zip"
    if package_type == "Zip":
        if not source.get("Handler") or not source.get("Runtime"):
            missing = [name for name in ("Handler", "Runtime") if not source.get(name)]
            message = "Runtime and Handler needs to be present when PackageType is of type `Zip`"
            raise Refused(source.at, message, "missing-property", f"add {' and '.join(missing)}")
        if source.get("ImageConfig"):
            message = "ImageUri or ImageConfig cannot be present when PackageType is of type `Zip`"
            raise work.refuse(source, message, "ImageConfig")
    elif package_type == "Image":
        for name in ("Handler", "Runtime", "Layers"):
            if source.get(name):
                message = "Runtime, Handler, Layers cannot be present when PackageType is of type `Image`"
                raise work.refuse(source, message, name, hint=f"remove {name}")


def body_location(work: Work, source: Source, name: str) -> Any:
    """`DefinitionUri` in the words of API Gateway and Step Functions: `{Bucket, Key, Version?}` or `{Path}`."""
    found = location(work, source, name)
    found.pop("StorageMode", None)
    return work.adopt(found, work.locate(source.properties, name))
