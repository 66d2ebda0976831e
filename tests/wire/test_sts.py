"""STS over HTTP: who am I, and credentials."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from runner.host.clock import Clock
from runner.model.names import Place
from runner.wire.sts import Sts
from tests.wire.live import Live

pytestmark = pytest.mark.slow


def test_identity_and_credentials() -> None:
    with Live([Sts(Place(), Clock())]) as live:
        sts = live.client("sts")
        identity = sts.get_caller_identity()
        assert identity["Account"] == "000000000000"
        assert identity["Arn"] == "arn:aws:iam::000000000000:root"
        role = "arn:aws:iam::000000000000:role/path/worker"
        assumed = sts.assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=900)
        assert assumed["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/worker/me"
        assert assumed["Credentials"]["AccessKeyId"].startswith("ASIA")
        left_s = (assumed["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds()
        assert 800 < left_s <= 900
        assert sts.get_session_token()["Credentials"]["SessionToken"]
        assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"] == "000000000000"
        with pytest.raises(ClientError) as raised:
            sts.assume_role(RoleArn="not-an-arn-but-long-enough", RoleSessionName="me")
        assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_the_aws_cli_asks_who_it_is() -> None:
    with Live([Sts(Place(), Clock())]) as live:
        asked = live.aws("sts", "get-caller-identity", "--output", "json")
        assert asked.returncode == 0, asked.stderr
        assert json.loads(asked.stdout)["Account"] == "000000000000"
