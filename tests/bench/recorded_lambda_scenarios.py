"""The calls of recorded Lambda scenarios, by the name of the recording."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from runner.model.events import EventBus
from runner.runtime.invoking import Answer
from runner.wire.lambda_.url_calls import HOST_MARK, UrlCalls
from tests.wire.lambda_.scene import PLACE, ROLE, archive

FN = "my-function"
ARN = PLACE.function(FN)
OTHER_REGION = "us-west-2"


def create(r: Any, name: str = FN, **given: Any) -> Any:
    """A function as the recordings' fixture makes it."""
    given = {
        "Runtime": "python3.12",
        "Handler": "handler.handler",
        "Timeout": 30,
        "Environment": {"Variables": {}},
        "Role": ROLE,
        **given,
    }
    answer = r.client.create_function(FunctionName=name, Code={"ZipFile": archive()}, **given)
    r.scene.settle()
    return answer


def wrapped(answer: Any) -> Any:
    return {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": answer}


def call(r: Any, operation: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(**given)


def quietly(make: Callable[[], Any]) -> Any:
    with contextlib.suppress(ClientError):
        return make()


def nonexisting_version(r: Any) -> None:
    create(r)
    r.see("version_not_found_exception", call(r, r.variant, FunctionName=FN, Qualifier="1221"))


def delete_nonexisting(r: Any) -> None:
    step = "delete_function_response_non_existent"
    r.see(step, call(r, "delete_function", FunctionName="nothing"))
    r.see(f"{step}_with_qualifier", call(r, "delete_function", FunctionName="nothing", Qualifier="1221"))


def wrong_region(r: Any) -> None:
    arn = ARN.replace("us-east-1", OTHER_REGION)
    r.see("wrong_region_exception", call(r, r.variant, FunctionName=arn))


LONG = "a" * 170
BAD_REGION_ARN = f"arn:aws:lambda:invalid-region:{PLACE.account}:function:my-function"
NAMES: dict[str, tuple[str, str | None]] = {
    "function_name_is_single_invalid": ("*", None),
    "invalid_characters_in_function_name": ("my-function!", None),
    "invalid_characters_in_qualifier": ("my-function", "invalid!"),
    "qualifier_too_long0": ("my-function", "a" * 129),
    "qualifier_too_long": ("my-function", "a" * 129),
    "qualifier_too_long1": ("my-function", "a" * 65),
    "invalid_account_id_in_partial_arn": ("invalid-account:function:my-function", None),
    "invalid_region_in_arn": (BAD_REGION_ARN, None),
    "non_lambda_arn": (f"arn:aws:ec2:us-east-1:{PLACE.account}:instance:i-1234567890abcdef0", None),
    "function_name_too_long": ("a" * 65, None),
    "function_name_too_long_and_invalid_region": (BAD_REGION_ARN + LONG, None),
    "full_arn_and_qualifier_too_long_and_invalid_region": (f"{BAD_REGION_ARN}-{LONG}", "a" * 129),
    "full_arn_with_multiple_qualifiers": (f"{ARN}:1:2", None),
    "incomplete_arn": (f"arn:aws:lambda:us-east-1:{PLACE.account}:function", None),
    "partial_arn_with_extra_qualifier": ("function:my-function:$LATEST:extra", None),
    "latest_version_with_additional_qualifier": (f"{ARN}:$LATEST", "1"),
    "lowercase_latest_qualifier": (ARN, "$latest"),
    "missing_region_in_arn": (f"arn:aws:lambda::{PLACE.account}:function:my-function", None),
    "missing_account_id_in_arn": ("arn:aws:lambda:us-east-1::function:my-function", None),
    "misspelled_latest_in_arn": (f"{ARN}:$LATES", None),
    "function_name_and_qualifier_too_long": ("my-function", "a" * 65),
}


def names(r: Any) -> None:
    case, _, operation = r.variant.rpartition("-")
    name, qualifier = NAMES[case]
    step = f"{operation}_exception"
    recorded = r.recorded.get(step)
    if recorded is None:
        return

    def told() -> Any:
        try:
            if operation == "create_function":
                named = f"{name}:{qualifier}" if qualifier else name
                r.client.create_function(
                    FunctionName=named,
                    Runtime="python3.12",
                    Handler="h.h",
                    Role=ROLE,
                    Code={"ZipFile": archive()},
                )
            else:
                given = {"Qualifier": qualifier} if qualifier else {}
                getattr(r.client, operation)(FunctionName=name, **given)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if "detected: " not in message:
                return {"Code": code, "Message": message}
            errors = message.partition("detected: ")[2].split("; ")
            return {"Code": code, "Count": len(errors), "Errors": sorted(_shortened(e) for e in errors)}
        return {}

    if "Errors" in recorded:
        recorded["Errors"] = sorted(_shortened(e) for e in recorded["Errors"])
    if "Message" in recorded:
        recorded["Message"] = recorded["Message"].replace("<a:len(65)>", "a" * 65)
    r.see(step, told)


def _shortened(text: str) -> str:
    """Long runs are told by their length in the recordings."""
    return text.partition("' at '")[2]


def alias_lifecycle(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    r.client.update_function_configuration(FunctionName=FN, Environment={"Variables": {"a": "b"}})
    r.scene.settle()
    r.client.publish_version(FunctionName=FN)
    custom = {"Description": "custom-alias"}
    routing = {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.2}}}
    aliases = [
        ("1_1", {"Name": "aliasname1_1", "FunctionVersion": "1", **custom, **routing}),
        ("1_2", {"Name": "aliasname1_2", "FunctionVersion": "1", **custom}),
        ("1_3", {"Name": "aliasname1_3", "FunctionVersion": "1"}),
        ("2", {"Name": "aliasname2", "FunctionVersion": "2", **custom}),
    ]
    for step, given in aliases:
        r.see(f"create_alias_{step}", call(r, "create_alias", FunctionName=FN, **given))
        r.see(f"get_alias_{step}", call(r, "get_alias", FunctionName=FN, Name=given["Name"]))
    missing = "get_function_alias_notfound_exc"
    r.see(missing, call(r, "get_function", FunctionName=FN, Qualifier="aliasdoesnotexist"))
    r.see("get_function_alias_byarn_notfound_exc", call(r, "get_function", FunctionName=f"{ARN}:aliasdoesnotexist"))
    paged = r.client.get_paginator("list_aliases").paginate(FunctionName=FN).build_full_result
    r.see("list_aliases_for_fnname", paged)
    empty = {"AdditionalVersionWeights": {}}
    update = call(r, "update_alias", FunctionName=FN, Name="aliasname1_1", RoutingConfig=empty)
    r.see("update_alias_1_1", update)
    r.see("get_alias_1_1_after_update", call(r, "get_alias", FunctionName=FN, Name="aliasname1_1"))
    r.see("list_aliases_for_fnname_after_update", call(r, "list_aliases", FunctionName=FN))
    r.see("update_alias_1_2", call(r, "update_alias", FunctionName=FN, Name="aliasname1_2", RoutingConfig=empty))
    r.see("get_alias_1_2_after_update", call(r, "get_alias", FunctionName=FN, Name="aliasname1_2"))
    r.see("list_aliases_for_fnname_after_update_2", call(r, "list_aliases", FunctionName=FN))
    r.see("list_aliases_for_version", call(r, "list_aliases", FunctionName=FN, FunctionVersion="1"))
    r.see("delete_alias_response", call(r, "delete_alias", FunctionName=FN, Name="aliasname1_1"))
    r.see("list_aliases_for_fnname_afterdelete", call(r, "list_aliases", FunctionName=FN))


def alias_naming(r: Any) -> None:
    given = {"Timeout": 3, "Handler": "index.handler", "Environment": {"Variables": {"testenv": "staging"}}}
    r.see("create_response", lambda: create(r, **given))
    r.see("publish_v1", call(r, "publish_version", FunctionName=FN))
    dated = {"FunctionName": FN, "Name": "2024-01-02", "FunctionVersion": "1", "Description": "custom-alias"}
    r.see("create_alias_date", call(r, "create_alias", **dated))
    r.see("get_alias_date", call(r, "get_alias", FunctionName=FN, Name="2024-01-02"))
    r.see("create_alias_number_exception", call(r, "create_alias", **{**dated, "Name": "2024"}))


def tag_on_create(r: Any) -> None:
    create(r, Tags={"testtag": "x"})
    r.see("list_tags_result", call(r, "list_tags", Resource=ARN))


def invoke_config_errors(r: Any) -> None:
    create(r)
    create(r, "other")
    r.client.publish_version(FunctionName=FN)
    alias = {"FunctionName": FN, "Name": "eventinvokealias", "FunctionVersion": "1"}
    r.see("fn_alias_result", call(r, "create_alias", **alias))

    def put(step: str, name: str = FN, **given: Any) -> None:
        r.see(step, call(r, "put_function_event_invoke_config", FunctionName=name, **given))

    def to(success: Any = None, failure: Any = None) -> dict[str, Any]:
        config = {"OnSuccess": success, "OnFailure": failure}
        return {"DestinationConfig": {key: value for key, value in config.items() if value is not None}}

    one = {"MaximumRetryAttempts": 1}
    put("put_functionname_name_notfound", "doesnotexist", **one)
    put("put_functionname_arn_notfound", PLACE.function("doesnotexist"), **one)
    put("put_functionname_nootherargs")
    put("put_destination_lambda_doesntexist", **to({"Destination": PLACE.function("doesnotexist")}))
    put("put_destination_recursive", **to({"Destination": ARN}))
    put("put_destination_other_lambda", **to({"Destination": PLACE.function("other")}))
    put("put_destination_invalid_service_arn", **to({"Destination": ARN.replace(":lambda:", ":iam:")}))
    put("put_destination_success_no_destination_arn", **to({}))
    put("put_destination_failure_no_destination_arn", **to(None, {}))
    put("put_destination_invalid_arn_pattern", **to(None, {"Destination": ARN.replace(":lambda:", ":_-/!lambda:")}))
    put("put_destination_latest", **one)
    put("put_destination_latest_explicit_qualifier", Qualifier="$LATEST", **one)
    put("put_destination_version", Qualifier="1", **one)
    put("put_alias_functionname_qualifier", Qualifier="eventinvokealias", **one)
    put("put_alias_doesnotexist", Qualifier="nope", **one)
    put("put_alias_qualifiedarn", f"{ARN}:eventinvokealias", **one)
    put("put_alias_qualifiedarn_qualifier", f"{ARN}:eventinvokealias", Qualifier="eventinvokealias", **one)
    put("put_alias_qualifiedarn_qualifierconflict", f"{ARN}:eventinvokealias", Qualifier="other", **one)
    put("put_alias_shorthand", f"{FN}:eventinvokealias", **one)
    put("put_alias_shorthand_qualifier", f"{FN}:eventinvokealias", Qualifier="eventinvokealias", **one)
    put("put_alias_shorthand_qualifierconflict", f"{FN}:eventinvokealias", Qualifier="other", **one)
    put("put_version_shorthand", f"{FN}:1", **one)
    put("put_shorthand_qualifier_match", f"{FN}:$LATEST", Qualifier="$LATEST", **one)
    put("put_shorthand_qualifier_mismatch_1", f"{FN}:$LATEST", Qualifier="1", **one)
    put("put_shorthand_qualifier_mismatch_2", f"{FN}:1", Qualifier="$LATEST", **one)
    put("put_shorthand_qualifier_mismatch_3", f"{FN}:1", Qualifier="2", **one)
    put("put_maxevent_maxvalue_result", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=21600)
    put("put_pre_overwrite", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60)
    put("put_post_overwrite", MaximumRetryAttempts=0)
    put("second_overwrite_existing_response", MaximumRetryAttempts=0)
    r.see("get_post_overwrite", call(r, "get_function_event_invoke_config", FunctionName=FN))
    put("pre_update_response", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60)
    update = "update_function_event_invoke_config"
    r.see("update_response", call(r, update, FunctionName=FN, MaximumRetryAttempts=0))
    r.see("update_response_existing", call(r, update, FunctionName=FN, MaximumRetryAttempts=0))
    listing = "list_function_event_invoke_configs"
    r.see("list_configs", call(r, listing, FunctionName=FN))
    delete = "delete_function_event_invoke_config"
    for step, qualifier in (("latest", None), ("version", "1"), ("alias", "eventinvokealias")):
        given = {"Qualifier": qualifier} if qualifier else {}
        r.see(f"delete_{step}", call(r, delete, FunctionName=FN, **given))
    r.see("list_configs_postdelete", call(r, listing, FunctionName=FN))
    r.see("delete_function_not_found", call(r, delete, FunctionName=FN))
    r.see("delete_function_doesnotexist", call(r, delete, FunctionName="doesnotexist"))
    r.see("list_function_doesnotexist", call(r, listing, FunctionName="doesnotexist"))
    get = "get_function_event_invoke_config"
    r.see("get_function_doesnotexist", call(r, get, FunctionName="doesnotexist"))
    r.see("get_qualifier_doesnotexist", call(r, get, FunctionName=FN, Qualifier="doesnotexist"))
    step = "update_eventinvokeconfig_function_doesnotexist"
    r.see(step, call(r, update, FunctionName="doesnotexist", MaximumRetryAttempts=0))
    r.see("get_eventinvokeconfig_doesnotexist", call(r, get, FunctionName=FN, Qualifier="eventinvokealias"))
    step = "update_eventinvokeconfig_config_doesnotexist_with_qualifier"
    r.see(step, call(r, update, FunctionName=FN, Qualifier="eventinvokealias", MaximumRetryAttempts=0))
    step = "update_eventinvokeconfig_config_doesnotexist_without_qualifier"
    r.see(step, call(r, update, FunctionName=FN, MaximumRetryAttempts=0))


def concurrency(r: Any) -> None:
    create(r)
    put = "put_function_concurrency"
    r.see(f"{put}_with_reserved_0", call(r, put, FunctionName=FN, ReservedConcurrentExecutions=0))
    r.see(f"{put}_with_reserved_1", call(r, put, FunctionName=FN, ReservedConcurrentExecutions=1))
    r.see("get_function_concurrency", call(r, "get_function_concurrency", FunctionName=FN))
    r.see("delete_response", call(r, "delete_function_concurrency", FunctionName=FN))
    r.see("get_function_concurrency_after_delete", call(r, "get_function_concurrency", FunctionName=FN))


def concurrency_limits(r: Any) -> None:
    create(r)
    put = "put_function_concurrency"
    step = f"{put}_account_limit_exceeded"
    r.see(step, call(r, put, FunctionName=FN, ReservedConcurrentExecutions=1001))
    step = f"{put}_below_unreserved_min_value"
    r.see(step, call(r, put, FunctionName=FN, ReservedConcurrentExecutions=950))


def provisioned_limits(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    put, given = "put_provisioned_concurrency", {"FunctionName": FN, "Qualifier": "1"}
    for step, number in (("account_limit_exceeded", 1001), ("below_unreserved_min_value", 950)):
        provision = call(r, f"{put}_config", **given, ProvisionedConcurrentExecutions=number)
        r.see(f"{put}_{step}", provision)


def provisioned_lifecycle(r: Any) -> None:
    create(r)
    r.see("publish_version_result", call(r, "publish_version", FunctionName=FN))
    r.see("create_alias_result", call(r, "create_alias", FunctionName=FN, Name="a", FunctionVersion="1"))
    put, get, delete = (f"{verb}_provisioned_concurrency_config" for verb in ("put", "get", "delete"))
    one = {"ProvisionedConcurrentExecutions": 1}
    r.see("put_provisioned_on_version", call(r, put, FunctionName=FN, Qualifier="1", **one))
    r.see("put_provisioned_on_alias_versionconflict", call(r, put, FunctionName=FN, Qualifier="a", **one))
    r.see("delete_provisioned_version", call(r, delete, FunctionName=FN, Qualifier="1"))
    r.see("get_provisioned_version_postdelete", call(r, get, FunctionName=FN, Qualifier="1"))
    r.see("put_provisioned_on_alias", call(r, put, FunctionName=FN, Qualifier="a", **one))
    r.see("put_provisioned_on_version_conflict", call(r, put, FunctionName=FN, Qualifier="1", **one))
    r.see("delete_alias_result", call(r, "delete_alias", FunctionName=FN, Name="a"))
    r.see("get_provisioned_alias_postaliasdelete", call(r, get, FunctionName=FN, Qualifier="a"))
    r.see("list_response_postdeletes", call(r, "list_provisioned_concurrency_configs", FunctionName=FN))


def permission(sid: str, source: bool = True, **more: Any) -> dict[str, Any]:
    given = {"Action": "lambda:InvokeFunction", "StatementId": sid, "Principal": "s3.amazonaws.com", **more}
    return given | ({"SourceArn": "arn:aws:s3:::bucket"} if source else {})


def remove_permissions(r: Any) -> None:
    create(r)
    r.see("add_permission_1", call(r, "add_permission", FunctionName=FN, **permission("s3", source=False)))
    sqs = permission("sqs", Principal="sqs.amazonaws.com")
    r.see("add_permission_2", call(r, "add_permission", FunctionName=FN, **sqs))
    r.see("policy_after_2_add", call(r, "get_policy", FunctionName=FN))
    step = "remove_permission_exception_nonexisting_sid"
    r.see(step, call(r, "remove_permission", FunctionName=FN, StatementId="non-existent"))
    r.client.remove_permission(FunctionName=FN, StatementId="sqs")
    r.see("policy_after_removal", call(r, "get_policy", FunctionName=FN))
    quietly(call(r, "remove_permission", FunctionName=FN, StatementId="sqs"))
    r.see("policy_after_removal_attempt", call(r, "get_policy", FunctionName=FN))
    r.client.remove_permission(FunctionName=FN, StatementId="s3")
    r.see("get_policy_exception_removed_all", call(r, "get_policy", FunctionName=FN))


def permission_versions(r: Any) -> None:
    create(r)
    get, add = "get_policy", "add_permission"
    r.see("add_permission", call(r, add, FunctionName=FN, **permission("s3")))
    r.see("get_policy", call(r, get, FunctionName=FN))
    r.see("publish_version_result", call(r, "publish_version", FunctionName=FN))
    r.see("get_function_result_after_publishing", call(r, "get_function", FunctionName=FN))
    r.see("get_policy_after_publishing_latest", call(r, get, FunctionName=FN))
    r.see("get_policy_after_publishing_new_version", call(r, get, FunctionName=FN, Qualifier="1"))
    r.client.add_permission(FunctionName=FN, Qualifier="1", **permission("s3"))
    r.see("get_policy_version", call(r, get, FunctionName=FN, Qualifier="1"))
    alias = {"FunctionName": FN, "Name": "permission-alias", "FunctionVersion": "1"}
    r.see("create_alias_response", call(r, "create_alias", **alias))
    r.see("get_alias", call(r, "get_alias", FunctionName=FN, Name="permission-alias"))
    step = "add_permission_alias_revision_exception"
    r.see(step, call(r, add, FunctionName=f"{FN}:permission-alias", RevisionId="wrong", **permission("s3")))
    r.client.add_permission(FunctionName=f"{FN}:permission-alias", **permission("s3"))
    r.see("get_policy_alias", call(r, get, FunctionName=f"{FN}:permission-alias"))
    r.see("get_policy_after_adding_to_new_version", call(r, get, FunctionName=FN))
    r.client.add_permission(FunctionName=FN, **permission("s3_2"))
    r.see("get_policy_after_adding_2", call(r, get, FunctionName=FN))


def revisions_basic(r: Any) -> None:
    handler = {"Handler": "index.handler"}
    r.see("create_function_response_rev1", lambda: _unsettled(r, **handler), wrapped)
    r.scene.settle()
    second = r.see("get_function_response_rev2", call(r, "get_function", FunctionName=FN))
    code = {"FunctionName": FN, "ZipFile": archive()}
    r.see("update_function_revision_exception", call(r, "update_function_code", **code, RevisionId="wrong"))
    revision = second["Configuration"]["RevisionId"]
    r.see("update_function_code_response_rev3", call(r, "update_function_code", **code, RevisionId=revision))
    r.scene.settle()
    fourth = r.see("get_function_response_rev4", call(r, "get_function", FunctionName=FN))
    update = {"FunctionName": FN, "Runtime": "python3.8"}
    step = "update_function_configuration_revision_exception"
    r.see(step, call(r, "update_function_configuration", **update, RevisionId="wrong"))
    revision = fourth["Configuration"]["RevisionId"]
    step = "update_function_configuration_response_rev5"
    r.see(step, call(r, "update_function_configuration", **update, RevisionId=revision))
    r.scene.settle()
    r.see("get_function_response_rev6", call(r, "get_function", FunctionName=FN))


def _unsettled(r: Any, **given: Any) -> Any:
    answer = create(r, **given)
    r.scene.settle(-1.0)
    return answer


def revisions_permissions(r: Any) -> None:
    create(r)
    step = "add_permission_revision_exception"
    r.see(step, call(r, "add_permission", FunctionName=FN, RevisionId="wrong", **permission("s3")))


def account_settings(r: Any) -> None:
    def keys(answer: Any) -> Any:
        return {key: sorted(value) if key != "ResponseMetadata" else value for key, value in answer.items()}

    r.see("acc_settings_modded", call(r, "get_account_settings"), keys)


def tag_errors(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    tags = {"Tags": {"a": "b"}}
    r.see("tag_lambda_invalidarn", call(r, "tag_resource", Resource="arn:aws:something", **tags))
    r.see("tag_lambda_doesnotexist", call(r, "tag_resource", Resource=PLACE.function("doesnotexist"), **tags))
    r.see("tag_lambda_qualifier_doesnotexist", call(r, "tag_resource", Resource=f"{ARN}:v1", **tags))
    r.see("list_tag_lambda_empty", call(r, "list_tags", Resource=ARN))
    r.see("untag_nomatch", call(r, "untag_resource", Resource=ARN, TagKeys=["nope"]))
    r.see("untag_empty_keys", call(r, "untag_resource", Resource=ARN, TagKeys=[]))
    r.see("tag_empty_tags", call(r, "tag_resource", Resource=ARN, Tags={}))


def tag_exceptions(r: Any) -> None:
    if not r.variant:
        tag_errors(r)
        return
    kinds = {
        "lambda_function": "function",
        "event_source_mapping": "event-source-mapping",
        "capacity_provider": "capacity-provider",
    }
    name = "11111111-2222-3333-4444-555555555555" if "mapping" in r.variant else "nothing"
    arn = PLACE.arn("lambda", f"{kinds[r.variant]}:{name}")
    tags = {"Tags": {"a": "b"}}
    r.see("not_found_exception_tag", call(r, "tag_resource", Resource=arn, **tags))
    r.see("not_found_exception_untag", call(r, "untag_resource", Resource=arn, TagKeys=["a"]))
    r.see("not_found_exception_list", call(r, "list_tags", Resource=arn))
    r.see("aliased_arn_exception", call(r, "tag_resource", Resource=f"{arn}:alias", **tags))
    r.see("invalid_arn_exception", call(r, "tag_resource", Resource=PLACE.arn("lambda", f"foobar:{name}"), **tags))


def tag_versions(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    tags = {"Tags": {"a": "b"}}
    r.see("tag_resource_exception", call(r, "tag_resource", Resource=f"{ARN}:1", **tags))
    r.see("tag_resource_latest_exception", call(r, "tag_resource", Resource=f"{ARN}:$LATEST", **tags))


def oversized_unzipped(r: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened, opened.open("zeros", "w") as file:
        for _ in range(26):
            file.write(bytes(10_485_760))
    given = {"FunctionName": FN, "Runtime": "python3.12", "Handler": "h.h", "Role": ROLE}
    r.see("invalid_param_exc", call(r, "create_function", **given, Code={"ZipFile": buffer.getvalue()}))


def oversized_request(r: Any) -> None:
    given = {"FunctionName": FN, "Runtime": "python3.12", "Handler": "h.h", "Role": ROLE}
    code = {"ZipFile": os.urandom(1024) * (54 * 1024)}
    r.see("invalid_param_exc", call(r, "create_function", **given, Code=code))


def url_errors(r: Any) -> None:
    given = {"Runtime": "nodejs20.x", "Handler": "lambda_handler.handler"}
    create(r, **given)
    r.see("fn_version_result", call(r, "publish_version", FunctionName=FN))
    r.see("create_alias_result", call(r, "create_alias", FunctionName=FN, Name="urlalias", FunctionVersion="1"))
    cases: list[tuple[str, dict[str, Any]]] = [
        ("name_doesnotexist", {"FunctionName": "doesnotexist"}),
        ("arn_doesnotexist", {"FunctionName": PLACE.function("doesnotexist")}),
        ("name_doesnotexist_qualifier", {"FunctionName": "doesnotexist", "Qualifier": "1"}),
        ("qualifier_version", {"FunctionName": FN, "Qualifier": "1"}),
        ("qualifier_version_doesnotexist", {"FunctionName": FN, "Qualifier": "2"}),
        ("qualifier_alias_doesnotexist", {"FunctionName": FN, "Qualifier": "doesnotexist"}),
        ("qualifier_alias_doesnotmatch_arn", {"FunctionName": f"{ARN}:doesnotexist", "Qualifier": "urlalias"}),
        ("qualifier_latest", {"FunctionName": FN, "Qualifier": "$LATEST"}),
        ("config_doesnotexist", {"FunctionName": FN}),
    ]
    for verb in ("create", "get", "delete", "update"):
        for step, named in cases:
            extra = {"AuthType": "NONE"} if verb in ("create", "update") else {}
            r.see(f"{verb}_function_url_config_{step}", call(r, f"{verb}_function_url_config", **named, **extra))
            if verb == "create":
                quietly(call(r, "delete_function_url_config", FunctionName=FN))


def url_deletion(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    r.client.create_alias(FunctionName=FN, Name="test-alias", FunctionVersion="1")
    create_url, get = "create_function_url_config", "get_function_url_config"
    aliased = {"FunctionName": FN, "Qualifier": "test-alias"}
    r.see("url_creation", call(r, create_url, FunctionName=FN, AuthType="NONE"))
    r.see("url_with_alias_creation", call(r, create_url, **aliased, AuthType="NONE"))
    r.see("get_url_config", call(r, get, FunctionName=FN))
    r.see("get_url_config_with_alias", call(r, get, **aliased))
    r.see("delete_function_url_config", call(r, "delete_function_url_config", FunctionName=FN))
    r.see("get_url_config_after_deletion", call(r, get, FunctionName=FN))
    r.see("get_url_config_with_alias_after_deletion", call(r, get, **aliased))


def update_errors(r: Any) -> None:
    create(r)
    update = "update_function_configuration"
    r.see("invalid_role_arn_exc", call(r, update, FunctionName=FN, Role="r1"))
    r.see("invalid_runtime_exc", call(r, update, FunctionName=FN, Runtime="non-existent-runtime"))
    r.see("uppercase_runtime_exc", call(r, update, FunctionName=FN, Runtime="PYTHON3.9"))


def layer_errors(r: Any) -> None:
    def publish(name: str = "layer", **given: Any) -> Callable[[], Any]:
        content = {"ZipFile": archive()}
        return call(r, "publish_layer_version", LayerName=name, Content=content, **given)

    some = {"CompatibleRuntimes": ["python3.12"], "CompatibleArchitectures": ["x86_64"]}
    r.see("publish_result", publish(**some))
    step = "list_layers_exc_compatibleruntime_invalid"
    r.see(step, call(r, "list_layers", CompatibleRuntime="runtimedoesnotexist"))
    step = "list_layers_exc_compatiblearchitecture_invalid"
    r.see(step, call(r, "list_layers", CompatibleArchitecture="archdoesnotexist"))
    r.see("list_nonexistent_layer", call(r, "list_layer_versions", LayerName="doesnotexist"))
    get, step = "get_layer_version", "get_layer_version_exc_layer"
    r.see(f"{step}_doesnotexist", call(r, get, LayerName="doesnotexist", VersionNumber=1))
    for suffix, number in (("negative", -1), ("zero", 0), ("2", 2)):
        given = call(r, get, LayerName="layer", VersionNumber=number)
        r.see(f"{step}_version_doesnotexist_{suffix}", given)
    arn = PLACE.arn("lambda", "layer:layer")
    r.see("get_layer_version_by_arn_exc_invalidarn", call(r, "get_layer_version_by_arn", Arn=arn))
    step = "get_layer_version_by_arn_exc_nonexistentversion"
    r.see(step, call(r, "get_layer_version_by_arn", Arn=f"{arn}:2"))
    delete = "delete_layer_version"
    r.see("delete_nonexistent_response", call(r, delete, LayerName="doesnotexist", VersionNumber=1))
    r.see("delete_nonexistent_version_response", call(r, delete, LayerName="layer", VersionNumber=2))
    r.see("delete_layer_response", call(r, delete, LayerName="layer", VersionNumber=1))
    r.see("delete_layer_again_response", call(r, delete, LayerName="layer", VersionNumber=1))
    step = "delete_layer_version_exc_layerversion_invalid_version"
    r.see(step, call(r, delete, LayerName="layer", VersionNumber=-1))
    empty: dict[str, Any] = {"CompatibleRuntimes": [], "CompatibleArchitectures": []}
    r.see("publish_empty_result", publish("other", **empty))
    bad = {"CompatibleRuntimes": ["invalidruntime"], "CompatibleArchitectures": ["invalidarch"]}
    r.see("publish_layer_version_exc_invalid_runtime_arch", publish(**bad))
    partly = {
        "CompatibleRuntimes": ["invalidruntime", "invalidruntime2", "nodejs20.x"],
        "CompatibleArchitectures": ["invalidarch", "x86_64"],
    }
    r.see("publish_layer_version_exc_partially_invalid_values", publish(**partly))


def layer_lifecycle(r: Any) -> None:
    create(r)
    r.see("get_fn_result", call(r, "get_function", FunctionName=FN))
    r.see("get_fn_config_result", call(r, "get_function_configuration", FunctionName=FN))
    given = {
        "LayerName": "layer",
        "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["x86_64"],
        "Description": "some",
        "LicenseInfo": "free",
        "Content": {"ZipFile": archive("layer")},
    }
    first = r.see("publish_result", call(r, "publish_layer_version", **given))
    r.see("publish_result_2", call(r, "publish_layer_version", **given))
    arn = first["LayerVersionArn"]
    r.see("update_fn_config", call(r, "update_function_configuration", FunctionName=FN, Layers=[arn]))
    r.scene.settle()
    r.see("get_fn_config", call(r, "get_function_configuration", FunctionName=FN))
    r.see("get_layer_ver_result", call(r, "get_layer_version", LayerName="layer", VersionNumber=1))
    r.see("get_layer_by_arn_version", call(r, "get_layer_version_by_arn", Arn=arn))
    r.see("list_layer_versions_predelete", call(r, "list_layer_versions", LayerName="layer"))
    r.see("delete_layer_1", call(r, "delete_layer_version", LayerName="layer", VersionNumber=1))
    r.see("get_fn_config_postdelete", call(r, "get_function_configuration", FunctionName=FN))
    r.see("delete_layer_2", call(r, "delete_layer_version", LayerName="layer", VersionNumber=2))
    r.see("list_layer_versions_postdelete", call(r, "list_layer_versions", LayerName="layer"))
    r.see("publish_result_3", call(r, "publish_layer_version", **given))


def layer_policy_errors(r: Any) -> None:
    given = {"CompatibleRuntimes": ["python3.12"], "CompatibleArchitectures": ["x86_64"]}
    content = {"ZipFile": archive()}
    r.see("publish_result", call(r, "publish_layer_version", LayerName="layer", Content=content, **given))
    add, get, remove = "add_layer_version_permission", "get_layer_version_policy", "remove_layer_version_permission"
    one: dict[str, Any] = {"LayerName": "layer", "VersionNumber": 1}
    allow = {"StatementId": "s1", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    r.see("layer_permission_nopolicy_get", call(r, get, **one))
    r.see("add_layer_permission_result", call(r, add, **one, **allow))
    r.see("layer_permission_action_invalid", call(r, add, **one, **{**allow, "StatementId": "s2", "Action": "*"}))
    r.see("layer_permission_duplicate_statement", call(r, add, **one, **allow))
    stale = {**allow, "StatementId": "s2", "RevisionId": "wrong"}
    r.see("layer_permission_wrong_revision", call(r, add, **one, **stale))
    for kind, named in (
        ("layername", {"LayerName": "layer-doesnotexist", "VersionNumber": 1}),
        ("layerversion", {"LayerName": "layer", "VersionNumber": 2}),
    ):
        r.see(f"layer_permission_{kind}_doesnotexist_add", call(r, add, **named, **allow))
        r.see(f"layer_permission_{kind}_doesnotexist_get", call(r, get, **named))
        r.see(f"layer_permission_{kind}_doesnotexist_remove", call(r, remove, **named, StatementId="s1"))
    step = "layer_permission_statementid_doesnotexist_remove"
    r.see(step, call(r, remove, **one, StatementId="doesnotexist"))
    step = "layer_permission_wrong_revision_remove"
    r.see(step, call(r, remove, **one, StatementId="s1", RevisionId="wrong"))


def layer_compatibilities(r: Any) -> None:
    recorded = r.recorded["publish_result"]
    given = {key: recorded[key] for key in ("CompatibleRuntimes", "CompatibleArchitectures")}
    content = {"ZipFile": archive()}
    r.see("publish_result", call(r, "publish_layer_version", LayerName="layer", Content=content, **given))


def function_arns(r: Any) -> None:
    def make(name: str) -> Callable[[], Any]:
        return lambda: create(r, name)

    r.see("create-function-arn-response", make(PLACE.function("one")), wrapped)
    r.see("create-function-partial-arn-response", make(f"{PLACE.account}:function:two"), wrapped)
    r.see("invalid_function_name_exc", make("invalid:function:name"))
    r.see("long_function_name_exc", make("a" * 65))
    r.see("long_function_arn_exc", make(PLACE.function("a" * 140)))
    other = "ap-southeast-1"
    r.see("function_arn_other_region_exc", make(PLACE.function("f").replace("us-east-1", other)))
    r.see("function_arn_other_account_exc", make(PLACE.function("f").replace(PLACE.account, "123456789012")))


def mapping_names(r: Any) -> None:
    create(r)
    r.client.publish_version(FunctionName=FN)
    r.client.create_alias(FunctionName=FN, Name="myalias", FunctionVersion="1")
    names = {
        "name_only": FN,
        "partial_arn_latest": f"{FN}:$LATEST",
        "partial_arn_version": f"{FN}:1",
        "partial_arn_alias": f"{FN}:myalias",
        "full_arn_latest": ARN,
        "full_arn_version": f"{ARN}:1",
        "full_arn_alias": f"{ARN}:myalias",
    }
    queue = r.scene.queue("source", VisibilityTimeout=60)
    for step, name in names.items():
        made = r.see(
            f"{step}_create_esm", call(r, "create_event_source_mapping", FunctionName=name, EventSourceArn=queue)
        )
        r.scene.settle()
        quietly(call(r, "delete_event_source_mapping", UUID=made.get("UUID", "")))


def mapping_batches(r: Any) -> None:
    create(r)
    queue = r.scene.queue("source", VisibilityTimeout=60)
    other = r.scene.queue("other", VisibilityTimeout=60)
    given = {"FunctionName": FN, "EventSourceArn": queue}
    made = r.see("create-event-source-mapping", call(r, "create_event_source_mapping", **given))
    r.scene.settle()
    step = "invalid-update-event-source-mapping"
    r.see(step, call(r, "update_event_source_mapping", UUID=made["UUID"], FunctionName=FN, BatchSize=15))
    given = {"FunctionName": FN, "EventSourceArn": other, "BatchSize": 15}
    r.see("invalid-create-event-source-mapping", call(r, "create_event_source_mapping", **given))


def mapping_toggle(r: Any) -> None:
    create(r)
    queue = r.scene.queue("source.fifo", FifoQueue=True, VisibilityTimeout=60)
    given = {"FunctionName": FN, "EventSourceArn": queue, "Enabled": False, "BatchSize": 1}
    made = r.see("create_esm_disabled", call(r, "create_event_source_mapping", **given))
    step = "update_esm_enabling"
    r.see(step, call(r, "update_event_source_mapping", UUID=made["UUID"], FunctionName=FN, Enabled=True))
    r.scene.settle()
    r.see("get_esm_enabled", call(r, "get_event_source_mapping", UUID=made["UUID"]))


FILTERS = {
    "None": None,
    "simple string": "simple string",
    "invalid_filter2": '{"eventSource": "aws:sqs"}',
    "invalid_filter3": '{"eventSource": []}',
    "single-string": "single-string",
}


def mapping_filters(r: Any) -> None:
    create(r)
    queue = r.scene.queue("source", VisibilityTimeout=60)
    pattern = FILTERS.get(r.variant, r.variant)
    criteria = {"Filters": [{"Pattern": pattern} if pattern is not None else {}]}
    given = {"FunctionName": FN, "EventSourceArn": queue, "FilterCriteria": criteria}
    for step in ("create_event_source_mapping_exception", "exception_event_source_creation"):
        r.see(step, call(r, "create_event_source_mapping", **given))


def concurrent_updates(r: Any) -> None:
    given = {"FunctionName": FN, "Runtime": "python3.12", "Handler": "handler.handler", "Role": ROLE}
    r.see("create-function-response", call(r, "create_function", **given, Code={"ZipFile": archive()}))
    r.scene.settle()
    r.client.update_function_code(FunctionName=FN, ZipFile=archive("two"))
    step = "update-during-in-progress-update-exc"
    r.see(step, call(r, "update_function_code", FunctionName=FN, ZipFile=archive("three")))


def logging_config(r: Any) -> None:
    first, update = LOGGING[r.variant] if r.variant else LOGGING["advanced"]
    _logging(r, first, update)


LOGGING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "advanced": ({"LogFormat": "JSON"}, {"LogGroup": "cool_lambda"}),
    "switch": ({}, {"LogFormat": "JSON"}),
    "partial_config0": ({}, {"LogFormat": "JSON"}),
    "partial_config1": ({}, {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}),
    "partial_config2": ({}, {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}),
    "partial_config3": ({}, {"LogGroup": "cool_lambda"}),
}


def logging_switch(r: Any) -> None:
    _logging(r, *LOGGING["switch"])
    r.scene.settle()
    back = {"LogFormat": "Text"}
    r.see("updated_config_v2", call(r, "update_function_configuration", FunctionName=FN, LoggingConfig=back))
    r.scene.settle()
    r.see("received_config_v2", call(r, "get_function_configuration", FunctionName=FN))


def _logging(r: Any, first: dict[str, Any], update: dict[str, Any]) -> None:
    given: dict[str, Any] = {"LoggingConfig": first} if first else {}
    sizes = {"MemorySize": 256, "Timeout": 5}
    r.see("create_response", lambda: create(r, **sizes, **given), wrapped)
    r.see("get_function_response", call(r, "get_function", FunctionName=FN))
    r.see("function_config", call(r, "get_function_configuration", FunctionName=FN))
    r.see("updated_config", call(r, "update_function_configuration", FunctionName=FN, LoggingConfig=update))
    r.scene.settle()
    r.see("received_config", call(r, "get_function_configuration", FunctionName=FN))


def recursion_error(r: Any) -> None:
    create(r)
    given = {"FunctionName": FN, "RecursiveLoop": "InvalidValue"}
    r.see("put_recursion_invalid_value_error", call(r, "put_function_recursion_config", **given))


def tag_on_mapping(r: Any) -> None:
    create(r)
    queue = r.scene.queue("source", VisibilityTimeout=60)
    given = {"FunctionName": FN, "EventSourceArn": queue, "Tags": {"testtag": "x"}}
    made = r.client.create_event_source_mapping(**given)
    r.see("list_tags_result", call(r, "list_tags", Resource=made["EventSourceMappingArn"]))


def s3_errors(r: Any) -> None:
    given = {"Runtime": "python3.12", "Handler": "h.h", "Role": ROLE}
    code = {"S3Bucket": "some-bucket", "S3Key": "key"}
    r.see("create-error-wrong-bucket", call(r, "create_function", FunctionName="other", Code=code, **given))
    create(r)
    r.see("update-error-wrong-bucket", call(r, "update_function_code", FunctionName=FN, **code))


def invalid_invoke(r: Any) -> None:
    arn = f"arn:aws:lambda:us-east-1:{PLACE.account}@function:myfn".replace(PLACE.account, "123400000000")
    r.see("invoke_function_name_pattern_exc", call(r, "invoke", FunctionName=arn))


def missing_invoke(r: Any) -> None:
    r.see("invoke_function_doesnotexist", call(r, "invoke", FunctionName="doesnotexist"))


def payload_errors(r: Any) -> None:
    create(r)
    payloads = {"body": b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "message": b"\x99\xeb,j\x07\xa1zYh"}
    kind = r.variant.partition("-")[0]
    invoke = call(r, "invoke", FunctionName=FN, Payload=payloads[kind])
    r.see(f"invoke_function_invalid_payload_{kind}", invoke)


def snapstart_update(r: Any) -> None:
    recorded = r.recorded["create_function_response"]
    given = {key: recorded[key] for key in ("Handler", "Runtime", "MemorySize", "Timeout")}
    code = {"ZipFile": archive()}
    r.see("create_function_response", call(r, "create_function", FunctionName=FN, Role=ROLE, Code=code, **given))
    r.scene.settle()
    apply = {"ApplyOn": "PublishedVersions"}
    step = "update_function_response"
    r.see(step, call(r, "update_function_configuration", FunctionName=FN, SnapStart=apply))


def snapstart_lifecycle(r: Any) -> None:
    recorded = r.recorded["create_function_response"]
    given = {key: recorded[key] for key in ("Handler", "Runtime", "MemorySize", "Timeout")}
    code = {"ZipFile": archive()}
    r.see("create_function_response", call(r, "create_function", FunctionName=FN, Role=ROLE, Code=code, **given))
    r.scene.settle()
    r.see("get_function_response_latest", call(r, "get_function", FunctionName=FN))
    r.client.publish_version(FunctionName=FN, Description="version1")
    # Publishing has given $LATEST another revision; the version has one of its own.
    r.see("get_function_response_version_1", call(r, "get_function", FunctionName=FN, Qualifier="1"))


def snapstart_error(r: Any) -> None:
    given = {"FunctionName": FN, "Runtime": "java17", "Handler": "h", "Role": ROLE, "Code": {"ZipFile": archive()}}
    step = "create_function_invalid_snapstart_apply"
    r.see(step, call(r, "create_function", **given, SnapStart={"ApplyOn": "invalidOption"}))


def put_destinations(r: Any) -> None:
    create(r)
    recorded = r.recorded["put_function_event_invoke_config"]
    queue = r.scene.queue("destination")
    r.scene.deploy("bus", EventBus(name="bus"))
    config = {kind: {"Destination": queue} for kind, to in recorded["DestinationConfig"].items() if to}
    given = {key: recorded[key] for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds") if key in recorded}
    put = call(r, "put_function_event_invoke_config", FunctionName=FN, DestinationConfig=config, **given)
    r.see("put_function_event_invoke_config", put)


def function_state(r: Any) -> None:
    recorded = r.recorded["create-fn-response"]
    given = {key: recorded[key] for key in ("Handler", "Runtime", "MemorySize", "Timeout")}
    code = {"ZipFile": archive()}
    r.see("create-fn-response", call(r, "create_function", FunctionName=FN, Role=ROLE, Code=code, **given))
    r.scene.settle()
    r.see("get-fn-response", call(r, "get_function", FunctionName=FN))


def recreated(r: Any) -> None:
    handler = r.recorded["create_function_response_one"]["CreateFunctionResponse"]["Handler"]
    r.see("create_function_response_one", lambda: create(r, Handler=handler), wrapped)
    r.client.delete_function(FunctionName=FN)
    r.see("create_function_response_two", lambda: create(r, Handler=handler), wrapped)


def concurrency_update(r: Any) -> None:
    handler = r.recorded["get_function_concurrency_info"]["Configuration"]["Handler"]
    create(r, Handler=handler)
    put = "put_function_concurrency"
    r.see(put, call(r, put, FunctionName=FN, ReservedConcurrentExecutions=3))
    r.see("get_function_concurrency_updated", call(r, "get_function_concurrency", FunctionName=FN))
    r.see("get_function_concurrency_info", call(r, "get_function", FunctionName=FN))
    r.client.delete_function_concurrency(FunctionName=FN)
    r.see("get_function_concurrency_deleted", call(r, "get_function_concurrency", FunctionName=FN))


ANSWERS: dict[str, Any] = {
    "dict": {"hello": "world"},
    "http-response": {"statusCode": "200", "body": "body123"},
    "http-response-json": {"statusCode": "200", "body": json.dumps({"hello": "world"})},
    "list-mixed": ["hello", 3, True],
    "string": "hello",
    "integer": 3,
    "float": 3.1,
    "boolean": True,
}


def called_url(r: Any) -> None:
    """A function with a URL, and what comes from it."""
    create(r)
    if (wanted := r.recorded.get("create_lambda_url_config")) is not None:
        mode = {"InvokeMode": wanted["InvokeMode"]} if "InvokeMode" in wanted else {}
        url = call(r, "create_function_url_config", FunctionName=FN, AuthType="NONE", **mode)
        r.see("create_lambda_url_config", url)
    else:
        r.client.create_function_url_config(FunctionName=FN, AuthType="NONE")
    answer = json.dumps(ANSWERS.get(r.variant, "hi")).encode()
    r.scene.functions.script = lambda _: Answer(answer, "$LATEST")
    calls = UrlCalls(r.scene.deployment, r.scene.functions, PLACE, r.scene.clock)
    r.scene.live.front.mount_hosts(HOST_MARK, calls.answer)
    r.see("lambda_url_invocation_missing_permission", lambda: _get(r)["content"])
    if (added := r.recorded.get("add_permission")) is not None:
        given = {"StatementId": added["Statement"]["Sid"], "Action": added["Statement"]["Action"], "Principal": "*"}
        step = "add_permission"
        r.see(step, call(r, step, FunctionName=FN, FunctionUrlAuthType="NONE", **given))
        if r.variant in ANSWERS:
            r.see("lambda_url_invocation", lambda: _get(r))


def _get(r: Any) -> Any:
    url = urlsplit(r.client.get_function_url_config(FunctionName=FN)["FunctionUrl"])
    connection = http.client.HTTPConnection("127.0.0.1", r.scene.live.port, timeout=30)
    connection.request("GET", "/", headers={"Host": url.netloc})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    headers = {name: response.headers[name] for name in ("Content-Length", "Content-Type")}
    text = body.decode()
    return {
        "statuscode": response.status,
        "headers": headers,
        "content": json.loads(text) if text.startswith("{") else text,
    }


def code_signing(r: Any) -> None:
    create(r)
    publishers = [PLACE.arn("signer", "/signing-profiles/test")]
    given = {
        "Description": "Testing CodeSigning Config",
        "AllowedPublishers": {"SigningProfileVersionArns": publishers},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"},
    }
    made = r.see("create_code_signing_config", call(r, "create_code_signing_config", **given))
    one = {"CodeSigningConfigArn": made["CodeSigningConfig"]["CodeSigningConfigArn"]}
    warn = {"UntrustedArtifactOnDeployment": "Warn"}
    step = "update_code_signing_config"
    r.see(step, call(r, step, **one, CodeSigningPolicies=warn))
    r.see("get_code_signing_config", call(r, "get_code_signing_config", **one))
    r.see("put_function_code_signing_config", call(r, "put_function_code_signing_config", FunctionName=FN, **one))
    r.see("get_function_code_signing_config", call(r, "get_function_code_signing_config", FunctionName=FN))
    listed = call(r, "list_code_signing_configs")
    r.see("list_code_signing_configs", listed, lambda answer: answer["CodeSigningConfigs"][0])
    step = "list_functions_by_code_signing_config"
    r.see(step, call(r, step, **one))
    r.see("delete_function_code_signing_config", call(r, "delete_function_code_signing_config", FunctionName=FN))
    r.see("delete_code_signing_config", call(r, "delete_code_signing_config", **one))


SCENARIOS: dict[str, Callable[[Any], None]] = {
    "test_account_settings": account_settings,
    "test_advanced_logging_configuration_format_switch": logging_switch,
    "test_alias_lifecycle": alias_lifecycle,
    "test_alias_naming": alias_naming,
    "test_assess_lambda_destination_invocation": put_destinations,
    "test_create_tag_on_esm_create": tag_on_mapping,
    "test_create_tag_on_fn_create": tag_on_create,
    "test_delete_on_nonexisting_version": delete_nonexisting,
    "test_dynamodb_invalid_event_filter": mapping_filters,
    "test_event_source_mapping_default_batch_size": mapping_batches,
    "test_fifo_message_group_parallelism": mapping_toggle,
    "test_function_advanced_logging_configuration": logging_config,
    "test_function_arns": function_arns,
    "test_function_concurrency": concurrency,
    "test_function_concurrency_limits": concurrency_limits,
    "test_function_name_and_qualifier_validation": names,
    "test_function_name_variations": mapping_names,
    "test_function_partial_advanced_logging_configuration_update": logging_config,
    "test_function_revisions_basic": revisions_basic,
    "test_function_revisions_permissions": revisions_permissions,
    "test_function_state": function_state,
    "test_function_code_signing_config": code_signing,
    "test_get_function_wrong_region": wrong_region,
    "test_invalid_invoke": invalid_invoke,
    "test_invoke_exceptions": missing_invoke,
    "test_lambda_code_location_s3_errors": s3_errors,
    "test_lambda_concurrent_code_updates": concurrent_updates,
    "test_lambda_destination_default_retries": put_destinations,
    "test_lambda_eventinvokeconfig_exceptions": invoke_config_errors,
    "test_lambda_invoke_payload_encoding_error": payload_errors,
    "test_lambda_permission_fn_versioning": permission_versions,
    "test_lambda_provisioned_lifecycle": provisioned_lifecycle,
    "test_lambda_permission_url_invocation": called_url,
    "test_lambda_url_echo_invoke": called_url,
    "test_lambda_url_invocation": called_url,
    "test_lambda_url_invocation_exception": called_url,
    "test_layer_compatibilities": layer_compatibilities,
    "test_layer_exceptions": layer_errors,
    "test_layer_lifecycle": layer_lifecycle,
    "test_layer_policy_exceptions": layer_policy_errors,
    "test_ops_on_nonexisting_version": nonexisting_version,
    "test_oversized_request_create_lambda": oversized_request,
    "test_lambda_concurrency_update": concurrency_update,
    "test_oversized_lambda": oversized_unzipped,
    "test_recreate_function": recreated,
    "test_oversized_unzipped_lambda": oversized_unzipped,
    "test_provisioned_concurrency_limits": provisioned_limits,
    "test_put_function_recursion_config_invalid_value": recursion_error,
    "test_remove_multi_permissions": remove_permissions,
    "test_request_id_invoke_url": called_url,
    "test_snapstart_exceptions": snapstart_error,
    "test_snapstart_lifecycle": snapstart_lifecycle,
    "test_snapstart_update_function_configuration": snapstart_update,
    "test_sqs_invalid_event_filter": mapping_filters,
    "test_tag_exceptions": tag_exceptions,
    "test_tag_versions": tag_versions,
    "test_update_lambda_exceptions": update_errors,
    "test_url_config_deletion_without_qualifier": url_deletion,
    "test_url_config_exceptions": url_errors,
}
