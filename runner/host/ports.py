"""Who listens on a port: for the message that says why ours cannot."""

from __future__ import annotations

import psutil


def listener(port: int) -> str:
    """`process 123 (python3 app.py)`, or nothing where the system does not tell."""
    try:
        connections = psutil.net_connections("tcp")
        found = next(
            (
                c.pid
                for c in connections
                if c.pid and c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN
            ),
            None,
        )
        if found is None:
            return ""
        command = " ".join(psutil.Process(found).cmdline())
    except (psutil.Error, OSError):
        return ""
    return f"process {found} ({command[:120]})"
