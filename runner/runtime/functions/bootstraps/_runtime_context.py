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


class LambdaContext:
    """The second argument of every handler."""

    _fixed = None

    def __init__(self, headers, client_context, identity):
        self.__dict__.update(self.of_environment())
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._w3c = trace_fields(client_context)
        self.client_context = None
        if client_context is not None:
            self.client_context = filled(ClientContext, client_context)
            self.client_context.client = filled(Client, self.client_context.client)
        self.identity = filled(CognitoIdentity, {})
        if identity is not None:
            self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms", 0))

    @classmethod
    def of_environment(cls):
        """What stays the same for the life of the environment, read once."""
        if cls._fixed is None:
            names = {
                "log_group_name": "LOG_GROUP_NAME",
                "log_stream_name": "LOG_STREAM_NAME",
                "function_name": "FUNCTION_NAME",
                "memory_limit_in_mb": "FUNCTION_MEMORY_SIZE",
                "function_version": "FUNCTION_VERSION",
            }
            cls._fixed = {name: os.environ.get("AWS_LAMBDA_" + variable) for name, variable in names.items()}
        return cls._fixed

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
    if not header:
        return None
    try:
        return json.loads(header.encode("latin-1").decode("utf-8"))
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, error)) from None
