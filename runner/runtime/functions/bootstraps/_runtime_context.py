# ruff: noqa: RUF023, UP031
# mypy: ignore-errors
"""What a handler is given beside the event. Runs on Python 3.9 and later."""

import json
import os
import sys
import time

from _runtime_faults import Fault


class CognitoIdentity:
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]

    def __repr__(self):
        return shown(self)


class Client:
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]

    def __repr__(self):
        return shown(self)


class ClientContext:
    __slots__ = ["custom", "env", "client"]

    def __repr__(self):
        return shown(self)


def shown(value, names=None):
    pairs = ["%s=%s" % (name, getattr(value, name)) for name in names or value.__slots__]
    return "%s([%s])" % (value.__class__.__name__, ",".join(pairs))


def filled(kind, values):
    if values is None:
        return None
    made = kind()
    for name in kind.__slots__:
        setattr(made, name, values.get(name))
    return made


def of_environment():
    """What every context says and stays the same for the life of the environment."""
    names = ("LOG_GROUP_NAME", "LOG_STREAM_NAME", "FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION")
    return tuple(os.environ.get("AWS_LAMBDA_" + name) for name in names)


class LambdaContext:
    """The second argument of every handler. `fixed`: `of_environment()`; `invocation`: as `Api` tells it."""

    def __init__(self, fixed, invocation):
        request_id, deadline, arn, _, client_context, identity, tenant_id, _, _ = invocation
        client_context = context_json(client_context, "Client Context") if client_context else None
        identity = context_json(identity, "Cognito Identity") if identity else None
        self.log_group_name, self.log_stream_name, self.function_name, self.memory_limit_in_mb, version = fixed
        self.function_version = version
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.tenant_id = tenant_id
        self._w3c = {} if client_context is None else trace_fields(client_context)
        self.client_context = None
        if client_context is not None:
            self.client_context = filled(ClientContext, client_context)
            self.client_context.client = filled(Client, self.client_context.client)
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = self.identity.cognito_identity_pool_id = None
        if identity is not None:
            self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = deadline

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self):
        """The W3C trace context of the invocation, where the caller passed one."""
        return dict(self._w3c)

    def log(self, msg):
        sys.stdout.write(str(msg))

    def __repr__(self):
        names = ["aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb"]
        names += ["function_version", "invoked_function_arn", "client_context", "identity", "tenant_id"]
        return shown(self, names)


def trace_fields(client_context):
    """Takes `w3c` out of the client context; the fields of it that are let through."""
    fields = client_context.pop("w3c", None) if isinstance(client_context, dict) else None
    if not isinstance(fields, dict):
        return {}
    return {key: fields[key] for key in ("traceparent", "tracestate", "baggage") if isinstance(fields.get(key), str)}


def context_json(header, name):
    try:
        return json.loads(header.encode("latin-1").decode("utf-8"))
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, error)) from None
