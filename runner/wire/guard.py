"""Who may talk to the endpoint: local programs, not web pages.

A page that a browser opened may send requests to 127.0.0.1 too: under its own name, once that resolves to this machine
(DNS rebinding), or across origins. So the Host must be a name that only this machine answers to, or one under
amazonaws.com, whose DNS no page's author controls; and what a browser sent on behalf of a foreign page is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]", "host.docker.internal"))
AWS_ENDINGS = (".amazonaws.com", ".amazonaws.com.cn")
REMEMBERED = 64  # hosts found good; a stack has a handful


class Guard:
    """Judges a request by its headers."""

    def __init__(self) -> None:
        self._good_hosts: set[str] = set()

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why the request is refused; None if it is welcome."""
        host = headers.get("host", "")
        if host not in self._good_hosts:
            if host and not is_local(host) and not bare_name(host).endswith(AWS_ENDINGS):
                return f"The host {host[:200]!r} is not a name of this machine."
            if len(self._good_hosts) < REMEMBERED:
                self._good_hosts.add(host)
        origin = headers.get("origin")
        if origin is not None and not is_local(origin.partition("://")[2]):
            return f"Requests from the web page {origin[:200]!r} are refused."
        if headers.get("sec-fetch-site") == "cross-site":
            return "Requests from other web sites are refused."
        return None


def is_local(host: str) -> bool:
    """True for `name` or `name:port` where the name can only mean this machine."""
    name = bare_name(host)
    return name in LOCAL_NAMES or name.endswith(".localhost")


def bare_name(host: str) -> str:
    """The host without its port, in lower case."""
    name = host.lower()
    if not name.endswith("]"):
        head, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = head
    return name.removesuffix(".")
