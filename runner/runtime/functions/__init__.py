"""Execution environments and the code they run: artifacts, builds, pools, the Runtime API, function logging."""
