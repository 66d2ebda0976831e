"""STS: who am I, and credentials that are as good as any."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.names import Arn, Place
from runner.wire.operation import Context, Members, Operation, RawOperation

DEFAULT_DURATION_S = 3600
SESSION_DURATION_S = 43200


class Sts:
    """Answers for the one account there is; nothing is kept."""

    name = "sts"

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self.operations: Mapping[str, Operation] = {
            "AssumeRole": self.assume_role,
            "AssumeRoleWithWebIdentity": self.assume_role_with_web_identity,
            "DecodeAuthorizationMessage": self.decode_authorization_message,
            "GetAccessKeyInfo": self.get_access_key_info,
            "GetCallerIdentity": self.get_caller_identity,
            "GetFederationToken": self.get_federation_token,
            "GetSessionToken": self.get_session_token,
        }
        self.raw_operations: Mapping[str, RawOperation] = {}

    async def get_caller_identity(self, members: Members, context: Context) -> Members:
        account = self._place.account
        arn = f"arn:{self._place.partition}:iam::{account}:root"
        return {"UserId": account, "Account": account, "Arn": arn}

    async def get_access_key_info(self, members: Members, context: Context) -> Members:
        return {"Account": self._place.account}

    async def assume_role(self, members: Members, context: Context) -> Members:
        arn = Arn.parse(members["RoleArn"])
        if arn is None:
            raise ApiError("ValidationError", f"{members['RoleArn']} is invalid", 400)
        return self._assumed(arn, members)

    async def assume_role_with_web_identity(self, members: Members, context: Context) -> Members:
        arn = Arn.parse(members["RoleArn"])
        if arn is None:
            raise ApiError("ValidationError", "Request ARN is invalid", 400)
        return {
            **self._assumed(arn, members),
            "Provider": members.get("ProviderId", "local"),
            "SubjectFromWebIdentityToken": members["RoleSessionName"],
            "Audience": "runner",
        }

    async def get_session_token(self, members: Members, context: Context) -> Members:
        duration_s = members.get("DurationSeconds", SESSION_DURATION_S)
        return {"Credentials": self._credentials("session", context.access_key, duration_s)}

    async def get_federation_token(self, members: Members, context: Context) -> Members:
        account, name = self._place.account, members["Name"]
        return {
            "Credentials": self._credentials("federation", name, members.get("DurationSeconds", SESSION_DURATION_S)),
            "FederatedUser": {
                "FederatedUserId": f"{account}:{name}",
                "Arn": f"arn:{self._place.partition}:sts::{account}:federated-user/{name}",
            },
            "PackedPolicySize": 0,
        }

    async def decode_authorization_message(self, members: Members, context: Context) -> Members:
        raise ApiError("InvalidAuthorizationMessageException", "The message was not made here.", 400)

    def _assumed(self, role: Arn, members: Members) -> dict[str, Any]:
        session = members["RoleSessionName"]
        name = role.resource.rpartition("/")[2]
        role_id = "AROA" + _derived(role.resource, 17)
        arn = f"arn:{self._place.partition}:sts::{role.account}:assumed-role/{name}/{session}"
        answer: dict[str, Any] = {
            "Credentials": self._credentials(
                role.resource, session, members.get("DurationSeconds", DEFAULT_DURATION_S)
            ),
            "AssumedRoleUser": {"AssumedRoleId": f"{role_id}:{session}", "Arn": arn},
        }
        if members.get("Policy"):
            answer["PackedPolicySize"] = 1
        if members.get("SourceIdentity"):
            answer["SourceIdentity"] = members["SourceIdentity"]
        return answer

    def _credentials(self, kind: str, name: str, duration_s: int) -> dict[str, Any]:
        expires_at = self._clock.now() + duration_s
        seed = f"{kind}/{name}/{expires_at}"
        return {
            "AccessKeyId": "ASIA" + _derived(seed + "/id", 16),
            "SecretAccessKey": _derived(seed + "/secret", 40),
            "SessionToken": _derived(seed + "/token", 64),
            "Expiration": float(int(expires_at)),
        }


def _derived(seed: str, length: int) -> str:
    """Capital letters and digits, always the same for the same seed."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    digest = hashlib.sha512(seed.encode()).digest()
    return "".join(alphabet[byte % 32] for byte in digest)[:length]
