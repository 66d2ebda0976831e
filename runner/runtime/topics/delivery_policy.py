"""When a post to an HTTP endpoint is tried again: AWS's delivery policies, as pure functions.

A topic's policy is the default of its subscriptions' policies; each is shown as it was set and as it takes effect.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT = "text/plain; charset=UTF-8"
HEALTHY: Mapping[str, Any] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
FUNCTIONS = ("linear", "arithmetic", "geometric", "exponential")
DELAY_MAX_S = 3_600
RETRIES_MAX = 100


class PolicyError(ValueError):
    """What is wrong with a delivery policy."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries in four phases: at once, at the least delay, in between by the function, at the greatest delay."""

    min_delay_s: int = 20
    max_delay_s: int = 20
    retries: int = 3
    at_once: int = 0
    at_min: int = 0
    at_max: int = 0
    function: str = "linear"

    def delay_s(self, failures: int) -> float | None:
        """Seconds until the try after `failures` failed ones; None: no more."""
        if failures > self.retries:
            return None
        if failures <= self.at_once:
            return 0.0
        if failures <= self.at_once + self.at_min:
            return float(self.min_delay_s)
        if failures > self.retries - self.at_max:
            return float(self.max_delay_s)
        steps = self.retries - self.at_once - self.at_min - self.at_max
        return self._between(failures - self.at_once - self.at_min - 1, steps)

    def _between(self, step: int, steps: int) -> float:
        """The `step`-th of `steps` delays that grow from the least to the greatest.

        AWS shows these functions as curves without their formulas: the shapes are inferred.
        """
        share = step / (steps - 1) if steps > 1 else 0.0
        span = self.max_delay_s - self.min_delay_s
        match self.function:
            case "arithmetic":
                part = share * (step + 1) / steps
            case "geometric":
                part = share**2
            case "exponential":
                part = (2**step - 1) / (2 ** (steps - 1) - 1) if steps > 1 else 0.0
            case _:
                part = share
        return self.min_delay_s + span * part


FIELDS = {
    "minDelayTarget": ("min_delay_s", DELAY_MAX_S),
    "maxDelayTarget": ("max_delay_s", DELAY_MAX_S),
    "numRetries": ("retries", RETRIES_MAX),
    "numNoDelayRetries": ("at_once", RETRIES_MAX),
    "numMinDelayRetries": ("at_min", RETRIES_MAX),
    "numMaxDelayRetries": ("at_max", RETRIES_MAX),
}


def retry_policy(document: Mapping[str, Any]) -> RetryPolicy:
    """The policy in `healthyRetryPolicy`. Raises PolicyError."""
    healthy = document.get("healthyRetryPolicy") or {}
    values: dict[str, Any] = {}
    for name, (field, largest) in FIELDS.items():
        value = healthy.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or not 0 <= value <= largest:
            raise PolicyError(f"{name} must be between 0 and {largest}")
        values[field] = value
    function = healthy.get("backoffFunction", "linear")
    if function not in FUNCTIONS:
        raise PolicyError(f"backoffFunction must be one of {', '.join(FUNCTIONS)}")
    policy = RetryPolicy(**values, function=function)
    if policy.max_delay_s < policy.min_delay_s:
        raise PolicyError("maxDelayTarget must not be less than minDelayTarget")
    if policy.at_once + policy.at_min + policy.at_max > policy.retries:
        raise PolicyError("the retries of the phases are more than numRetries")
    return policy


def parsed(policy: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """The policy's document. Raises PolicyError for text that is not a JSON object."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy) if policy else None
        except ValueError:
            raise PolicyError("failed to parse JSON.") from None
    if policy is None:
        return {}
    if not isinstance(policy, Mapping):
        raise PolicyError("failed to parse JSON.")
    return policy


def content_type(document: Mapping[str, Any]) -> str:
    """The Content-Type of posts."""
    request = document.get("requestPolicy") or {}
    return str(request.get("headerContentType") or TEXT)


# -- of topics


def topic_policy(text: str) -> dict[str, Any]:
    """What a topic keeps of a policy: the parts that are set. Raises PolicyError."""
    document = parsed(text)
    http = document.get("http")
    if not isinstance(http, Mapping):
        return {}
    retry_policy({"healthyRetryPolicy": http.get("defaultHealthyRetryPolicy")})
    return {"http": {name: value for name, value in http.items() if value is not None}}


def shown_topic_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {"http": {"disableSubscriptionOverrides": False, **policy["http"]}}


def effective_topic_policy(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    http = (policy or {}).get("http") or {}
    return {
        "http": {
            "disableSubscriptionOverrides": False,
            **http,
            "defaultHealthyRetryPolicy": {**HEALTHY, **(http.get("defaultHealthyRetryPolicy") or {})},
            "defaultRequestPolicy": http.get("defaultRequestPolicy") or {"headerContentType": TEXT},
        }
    }


# -- of subscriptions


def shown_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    healthy = policy.get("healthyRetryPolicy")
    return {
        "healthyRetryPolicy": {**HEALTHY, **healthy} if healthy else None,
        "sicklyRetryPolicy": policy.get("sicklyRetryPolicy"),
        "throttlePolicy": policy.get("throttlePolicy"),
        "requestPolicy": policy.get("requestPolicy"),
        "guaranteed": bool(policy.get("guaranteed")),
    }


def effective_policy(policy: Mapping[str, Any], topic: Mapping[str, Any] | None) -> dict[str, Any]:
    """The subscription's own parts; the topic's where it has none, or where the topic lets nobody have any."""
    http = effective_topic_policy(topic)["http"]
    own = shown_policy({} if http["disableSubscriptionOverrides"] else policy)
    return {
        **own,
        "healthyRetryPolicy": own["healthyRetryPolicy"] or http["defaultHealthyRetryPolicy"],
        "throttlePolicy": own["throttlePolicy"] or http.get("defaultThrottlePolicy"),
        "requestPolicy": own["requestPolicy"] or http["defaultRequestPolicy"],
    }
