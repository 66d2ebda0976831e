"""Statements that AddPermission writes into a queue's policy and RemovePermission takes out again.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.runtime.queues import errors

VERSION = "2008-10-17"


def with_permission(
    policy: Mapping[str, Any] | None, label: str, arn: str, accounts: Sequence[str], actions: Sequence[str]
) -> dict[str, Any]:
    """The policy with one more statement. Raises ApiError where the label is taken."""
    policy = policy or {"Version": VERSION, "Id": f"{arn}/SQSDefaultPolicy", "Statement": []}
    statements = _statements(policy)
    if any(statement.get("Sid") == label for statement in statements):
        raise errors.invalid_value(label, "Label", "Already exists.")
    partition = arn.split(":", 2)[1]
    added = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all([f"arn:{partition}:iam::{account}:root" for account in accounts])},
        "Action": _one_or_all([f"SQS:{action}" for action in actions]),
        "Resource": arn,
    }
    return {**policy, "Statement": [*statements, added]}


def without_permission(policy: Mapping[str, Any] | None, label: str) -> dict[str, Any] | None:
    """The policy without a statement; None once there is nothing left. Raises ApiError where there is no such label."""
    statements = _statements(policy or {})
    kept = [statement for statement in statements if statement.get("Sid") != label]
    if len(kept) == len(statements):
        raise errors.invalid_value(label, "Label", "can't find label.")
    return {**(policy or {}), "Statement": kept} if kept else None


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement") or []
    return [found] if isinstance(found, Mapping) else list(found)


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
