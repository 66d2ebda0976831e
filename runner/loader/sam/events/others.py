"""Event sources of which only the CloudFormation resources are made: log groups, IoT rules, Alexa skills, user pools.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html
"""

from __future__ import annotations

from runner.loader.sam.events.event import Event
from runner.loader.sam.values import as_list, get_att, is_intrinsic, ref

USER_POOL = "AWS::Cognito::UserPool"


def add_log_subscription(event: Event) -> None:
    group = event.get("LogGroupName")
    arn = f"arn:{event.work.partition}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{__LogGroupName__}}:*"
    permission = event.permit("logs.amazonaws.com", arn={"Fn::Sub": [arn, {"__LogGroupName__": group}]})
    properties = {
        "LogGroupName": group,
        "FilterPattern": event.get("FilterPattern"),
        "DestinationArn": event.target.arn,
    }
    event.emit(event.id, "AWS::Logs::SubscriptionFilter", properties, extra={"DependsOn": [permission]})


def add_iot_rule(event: Event) -> None:
    arn = f"arn:{event.work.partition}:iot:${{AWS::Region}}:${{AWS::AccountId}}:rule/${{RuleName}}"
    event.permit(
        "iot.amazonaws.com",
        account={"Fn::Sub": "${AWS::AccountId}"},
        arn={"Fn::Sub": [arn, {"RuleName": ref(event.id)}]},
    )
    payload = {
        "Sql": event.get("Sql"),
        "RuleDisabled": False,
        "Actions": [{"Lambda": {"FunctionArn": event.target.arn}}],
        **event.pick("AwsIotSqlVersion"),
    }
    event.emit(event.id, "AWS::IoT::TopicRule", {"TopicRulePayload": payload})


def add_alexa_skill(event: Event) -> None:
    event.permit("alexa-appkit.amazon.com", token=event.get("SkillId"))


def add_user_pool(event: Event) -> None:
    """The user pool of the template gets the function as a trigger; all its events share one permission."""
    given = event.get("UserPool")
    pool_id = given.get("Ref") if is_intrinsic(given) else None
    resource = event.work.sources.get(pool_id) if isinstance(pool_id, str) else None
    if not isinstance(resource, dict) or resource.get("Type") != USER_POOL:
        message = "Cognito events must reference a Cognito UserPool in the same template."
        raise event.refuse(message, "UserPool", code="invalid-reference")
    event.permit("cognito-idp.amazonaws.com", prefix=f"{event.target.id}Cognito", arn=get_att(str(pool_id)))
    properties = event.work.own_properties(str(pool_id))
    triggers = event.work.own_child(properties, "LambdaConfig", {})
    for name in as_list(event.get("Trigger")):
        if name in triggers:
            raise event.refuse(f'Cognito trigger "{name}" defined multiple times.', "Trigger")
        triggers[name] = event.work.adopt(event.target.arn, event.at)
