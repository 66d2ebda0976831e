"""What every test shares: hypothesis judges answers, never the machine's speed."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("runner", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("runner")
