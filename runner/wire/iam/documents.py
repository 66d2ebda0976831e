"""Policy documents: read from text, judged as IAM judges them at the door, written as IAM sends them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from runner.model.errors import ApiError

VERSIONS = ("2012-10-17", "2008-10-17")
SYNTAX = "Syntax errors in policy."
TOP_KEYS = frozenset(("Version", "Id", "Statement"))
STATEMENT_KEYS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)


def malformed(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message, 400)


def identity_document(text: str) -> dict[str, Any]:
    """A policy that says what its holder may do. Raises ApiError."""
    document = _read(text)
    for statement in _statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        _check_actions(statement)
        if not (statement.keys() & {"Resource", "NotResource"}):
            raise malformed("Policy statement must contain resources.")
    return document


def trust_document(text: str) -> dict[str, Any]:
    """A policy that says who may assume a role. Raises ApiError."""
    document = _read(text)
    for statement in _statements(document):
        for key in ("Resource", "NotResource"):
            if key in statement:
                raise malformed(f"Has prohibited field {key}")
        if not (statement.keys() & {"Principal", "NotPrincipal"}):
            raise malformed("Missing required field Principal")
        for action in _check_actions(statement):
            if action != "*" and not action.lower().startswith("sts:"):
                raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return document


def to_wire(document: Any) -> str:
    """URL-encoded JSON, as IAM sends documents; SDKs decode it."""
    return quote(json.dumps(document, separators=(",", ":")), safe="")


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict):
        raise malformed(SYNTAX)
    if not document.keys() <= TOP_KEYS or "Statement" not in document:
        raise malformed(SYNTAX)
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise malformed(SYNTAX)
    return document


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    given = document["Statement"]
    statements = given if isinstance(given, list) else [given]
    for statement in statements:
        if not isinstance(statement, dict) or not statement.keys() <= STATEMENT_KEYS:
            raise malformed(SYNTAX)
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise malformed(SYNTAX)
    return statements


def _check_actions(statement: dict[str, Any]) -> list[str]:
    given = statement.get("Action", statement.get("NotAction"))
    if not given:
        raise malformed("Policy statement must contain actions.")
    actions = given if isinstance(given, list) else [given]
    for action in actions:
        if not isinstance(action, str):
            raise malformed(SYNTAX)
        if action != "*" and ":" not in action:
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    return actions
