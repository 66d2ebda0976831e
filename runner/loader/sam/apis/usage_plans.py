"""`Auth.UsagePlan`: usage plan and API key of one API, or one of each for all APIs that share them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apiusageplan.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.registry import Api
from runner.loader.sam.tags import tag_list
from runner.loader.sam.values import Json, ref
from runner.loader.sam.work import Work
from runner.loader.suggest import did_you_mean

KEYS = ("CreateUsagePlan", "Description", "Quota", "Tags", "Throttle", "UsagePlanName")
KINDS = ["SHARED", "PER_API", "NONE"]
SHARED_CONDITION = "SharedUsagePlanCondition"


class UsagePlans:
    """The plans of all APIs; the shared one is emitted when all are known."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._shared: list[Api] = []

    def add(self, api: Api) -> None:
        auth = api.get("Auth")
        plan = auth.get("UsagePlan") if isinstance(auth, dict) else None
        if plan is None:
            return
        self._check(api, plan)
        if plan["CreateUsagePlan"] == "PER_API":
            self._emit([api], api.id, plan, api.source.condition)
        elif plan["CreateUsagePlan"] == "SHARED":
            self._shared.append(api)

    def finish(self) -> None:
        if not self._shared:
            return
        merged: Json = {}
        for api in self._shared:
            merged.update(api.get("Auth")["UsagePlan"])
        self._emit(self._shared, "Serverless", merged, self._shared_condition())

    def _shared_condition(self) -> str | None:
        conditions = [api.source.condition for api in self._shared]
        if None in conditions:
            return None
        distinct = sorted({str(name) for name in conditions})
        body: Json = {"Fn::Or": [{"Condition": name} for name in distinct]}
        if len(distinct) == 1:
            body = {"Condition": distinct[0]}
        self._work.conditions[SHARED_CONDITION] = self._work.adopt(body, self._shared[0].source.at)
        return SHARED_CONDITION

    def _check(self, api: Api, plan: Any) -> None:
        path = ("Auth", "UsagePlan")
        if not isinstance(plan, dict):
            message = "'UsagePlan' must be a dictionary"
            raise self._work.refuse(api.source, message, *path, code="wrong-type")
        for key in plan:
            if key not in KEYS:
                message = "Invalid property for 'UsagePlan'"
                hint = did_you_mean(key, KEYS)
                raise self._work.refuse(api.source, message, *path, key, code="unknown-property", hint=hint)
        kind = plan.get("CreateUsagePlan")
        if not kind:
            message = "'CreateUsagePlan' is a required field for UsagePlan."
            raise self._work.refuse(api.source, message, *path, code="missing-property")
        if kind not in KINDS:
            message = f"'CreateUsagePlan' accepts one of {KINDS}."
            raise self._work.refuse(api.source, message, *path, "CreateUsagePlan")

    def _emit(self, apis: list[Api], prefix: str, plan: Json, condition: str | None) -> None:
        work, source = self._work, apis[0].source
        at = work.locate(source.properties, "Auth", "UsagePlan")
        attributes = ("DeletionPolicy", "UpdateReplacePolicy")
        tags = tag_list(source.get("Tags")) if source.get("PropagateTags") else []
        own: Json = {"Condition": condition} if condition else {}
        plan_id, key_id = f"{prefix}UsagePlan", f"{prefix}ApiKey"
        properties: Json = {
            "ApiStages": [{"ApiId": ref(api.id), "Stage": ref(api.stage_id)} for api in apis],
            **{name: plan.get(name) for name in ("UsagePlanName", "Description", "Quota", "Throttle")},
            "Tags": plan.get("Tags") or tags or None,
        }
        depends = {"DependsOn": [api.id for api in apis], **own}
        work.emit(
            source, plan_id, "AWS::ApiGateway::UsagePlan", properties, at=at, attributes=attributes, extra=depends
        )
        key: Json = {
            "Enabled": True,
            "StageKeys": [{"RestApiId": ref(api.id), "StageName": ref(api.stage_id)} for api in apis],
            "Tags": tags or None,
        }
        depends = {"DependsOn": [plan_id], **own}
        work.emit(source, key_id, "AWS::ApiGateway::ApiKey", key, at=at, attributes=attributes, extra=depends)
        pair = {"KeyId": ref(key_id), "KeyType": "API_KEY", "UsagePlanId": ref(plan_id)}
        depends = {"DependsOn": [key_id], **own}
        pair_type = "AWS::ApiGateway::UsagePlanKey"
        work.emit(source, f"{plan_id}Key", pair_type, pair, at=at, attributes=attributes, extra=depends)
        for api in apis:
            for name, logical_id in (("UsagePlan", plan_id), ("ApiKey", key_id), ("UsagePlanKey", f"{plan_id}Key")):
                work.references[api.id, name] = logical_id
