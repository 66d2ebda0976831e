"""What AWS's recorded answers say of Lambda's API.

    python -m tests.bench.recorded_lambda FOLDER [NAME]

FOLDER holds `lambda.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

from tests.bench.recorded import play
from tests.bench.recorded_lambda_scenarios import SCENARIOS
from tests.wire.lambda_.scene import Scene

if __name__ == "__main__":
    play("lambda", SCENARIOS, Scene, lambda scene, _: scene.client(parameter_validation=False))
