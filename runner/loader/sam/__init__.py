"""SAM to CloudFormation, as AWS's own transform does it: pure, with a place in the stack file for everything made."""

from runner.loader.sam.transform import Expansion, expand, transform
from runner.loader.sam.work import Origin

__all__ = ["Expansion", "Origin", "expand", "transform"]
