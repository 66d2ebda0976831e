"""REST API events of state machines: a method of the API that starts an execution.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-statemachine-statemachineapi.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.loader.sam.apis.document import Document, conditional
from runner.loader.sam.apis.registry import Apis, Route, deep_copy
from runner.loader.sam.apis.rest_events import RestMethod
from runner.loader.sam.events.event import Event
from runner.loader.sam.events.executions import execution_role
from runner.loader.sam.values import Json

URI = "arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution"
RESPONSES = {"200": "OK", "400": "Bad Request"}


def add_rest_execution(apis: Apis, event: Event) -> None:
    route = apis.routes.get((event.source.id, event.key))
    if route is None:
        return
    role = execution_role(event, "apigateway.amazonaws.com")
    if route.api.document is not None and route.api.managed:
        marked = replace(event, properties=deep_copy(event.work, event.properties, marked=True))
        with route.api.document.editing(route.path):
            ExecutionMethod(marked, route, route.api.document, role).write()


class ExecutionMethod(RestMethod):
    """A method that starts an execution and answers by its id."""

    def __init__(self, event: Event, route: Route, document: Document, role: Any) -> None:
        super().__init__(event, route, document)
        self._role = role

    def write(self) -> None:
        responses = {status: {"description": text} for status, text in RESPONSES.items()}
        route = self._route
        self._document.integrate(route.path, route.method, self._integration(), self._condition, responses)
        if self._event.get("Auth"):
            self.write_auth()

    def _integration(self) -> Json:
        return {
            "type": "aws",
            "httpMethod": "POST",
            "uri": conditional(self._condition, {"Fn::Sub": URI}),
            "responses": {status: {"statusCode": status} for status in RESPONSES},
            "credentials": self._role,
            "requestTemplates": {"application/json": {"Fn::Sub": self._template()}},
        }

    def _template(self) -> str:
        escaped = "$util.escapeJavaScript($input.json('$'))"
        if self._event.get("UnescapeMappingTemplate"):
            escaped += '.replaceAll("\\\\\'","\'")'
        return f'{{"input": "{escaped}", "stateMachineArn": "${{{self._event.target.id}}}"}}'
