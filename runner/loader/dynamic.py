"""Dynamic references, `{{resolve:SERVICE:...}}`: resolved after functions, from the local file of values.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from runner.loader.localvalues import NAME, LocalValues
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.suggest import did_you_mean
from runner.loader.values import Unknown
from runner.model.diagnostic import Position

REFERENCE = re.compile(r"\{\{resolve:([^{}]*)\}\}")
SERVICES = ("ssm", "ssm-secure", "secretsmanager")
PARAMETER = re.compile(r"[a-zA-Z0-9_.\-/]+(:\d+)?\Z")
SECRET_ARN_PARTS = 7


class DynamicReferences:
    """Replaces references in resolved values. `local` is None where nothing beside the template is looked at."""

    def __init__(self, local: LocalValues | None, positions: Positions, report: Report) -> None:
        self.local = local
        self.positions = positions
        self.report = report

    def resolve(self, container: Any) -> None:
        """Replace every reference in a container and what is in it, in place."""
        work = [container] if isinstance(container, dict | list) else []
        while work:
            node = work.pop()
            for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
                if isinstance(value, dict | list):
                    work.append(value)
                elif isinstance(value, str) and "{{resolve:" in value:
                    node[key] = self._text(value, self.positions.value(node, key))

    def _text(self, text: str, at: Position) -> str:
        unknown = isinstance(text, Unknown)

        def replacement(match: re.Match[str]) -> str:
            nonlocal unknown
            value = self._value(match.group(1), at)
            unknown = unknown or value is None
            return match.group(0) if value is None else value

        made = REFERENCE.sub(replacement, text)
        return Unknown(made) if unknown else made

    def _value(self, reference: str, at: Position) -> str | None:
        service, _, rest = reference.partition(":")
        if "${" in rest:
            return None
        if service not in SERVICES:
            message = f"Incorrect format is used in the following dynamic reference: [{reference}]"
            hint = did_you_mean(service, SERVICES) or f"the services are {', '.join(SERVICES)}"
            self.report.error(at, "invalid-dynamic-reference", message, hint)
            return None
        return self._secret(rest, at) if service == "secretsmanager" else self._parameter(service, rest, at)

    def _parameter(self, service: str, name: str, at: Position) -> str | None:
        if not PARAMETER.match(name):
            message = f"Incorrect format is used in the following SSM reference: [{service}:{name}]"
            hint = "write {{resolve:ssm:NAME}} or {{resolve:ssm:NAME:VERSION}}"
            self.report.error(at, "invalid-dynamic-reference", message, hint)
            return None
        plain = name.partition(":")[0]
        values = self.local.ssm if self.local else {}
        return self._found(values, plain, f"Parameters: [ssm:{name}] cannot be found.", at)

    def _secret(self, rest: str, at: Position) -> str | None:
        parts = rest.split(":")
        size = SECRET_ARN_PARTS if parts[0] == "arn" else 1
        identity, more = ":".join(parts[:size]), parts[size:]
        if not identity or (more and more[0] not in ("SecretString", "")):
            message = f"Incorrect format is used in the following Secrets Manager reference: [{rest}]"
            hint = "write {{resolve:secretsmanager:ID:SecretString:KEY}}"
            self.report.error(at, "invalid-dynamic-reference", message, hint)
            return None
        name = re.sub(r"-[A-Za-z0-9]{6}\Z", "", identity.rpartition(":")[2]) if size > 1 else identity
        secrets = self.local.secrets if self.local else {}
        key = more[1] if len(more) > 1 else ""
        text = self._found(secrets, name, "Secrets Manager can't find the specified secret.", at, plain=not key)
        return self._member(secrets.get(name), key, at) if key and text is not None else text

    def _found(
        self, values: Mapping[str, Any], name: str, message: str, at: Position, *, plain: bool = True
    ) -> str | None:
        if self.local is None:
            return None
        if name not in values:
            hint = did_you_mean(name, values) or f"put it into {NAME} beside the stack file"
            self.report.warning(at, "missing-local-value", f"{message} ({name})", hint)
            return None
        value = values[name]
        if isinstance(value, list):
            return ",".join(text_of(item) for item in value)
        return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) and plain else text_of(value)

    def _member(self, secret: Any, key: str, at: Position) -> str | None:
        if isinstance(secret, str):
            try:
                secret = json.loads(secret)
            except (ValueError, RecursionError):
                message = "Could not parse SecretString JSON"
                self.report.error(at, "invalid-dynamic-reference", message, f"make the secret an object in {NAME}")
                return None
        if not isinstance(secret, dict) or key not in secret:
            message = "Could not find a value associated with JSONKey in SecretString"
            hint = did_you_mean(key, secret) if isinstance(secret, dict) else ""
            self.report.error(at, "invalid-dynamic-reference", f"{message}: {key}", hint or f"add the key in {NAME}")
            return None
        return text_of(secret[key])
