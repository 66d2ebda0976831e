"""Execution environments and the code they run: artifacts, builds, pools, the Runtime API, function logging."""

from runner.runtime.functions.service import Functions

__all__ = ["Functions"]
