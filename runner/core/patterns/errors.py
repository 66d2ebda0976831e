"""What a pattern that cannot be compiled is answered with."""

from __future__ import annotations

from typing import NamedTuple

STEM = "Event pattern is not valid. Reason: "
SOURCE_SHOWN = 500  # characters of the pattern that a location repeats


class Place(NamedTuple):
    """A place in a pattern's text; line and column count from 1, columns in UTF-16 units as Java counts them."""

    source: str
    line: int
    column: int

    @property
    def source_text(self) -> str:
        """The source as Jackson shows it: cut after 500 units, control characters spelled out."""
        units = self.source.encode("utf-16-le", "surrogatepass")
        shown = units[: 2 * SOURCE_SHOWN].decode("utf-16-le", "replace")
        text = "".join(c if c in "\r\n" or c.isprintable() or ord(c) > 0x9F else f"\\u{ord(c):04X}" for c in shown)
        hidden = len(units) // 2 - SOURCE_SHOWN
        return f'(String)"{text}"' + (f"[truncated {hidden} chars]" if hidden > 0 else "")

    def __str__(self) -> str:
        return f"[Source: {self.source_text}; line: {self.line}, column: {self.column}]"


class PatternError(ValueError):
    """The pattern is not valid. `message` is EventBridge's own text, `reason` the same without the stem and location.

    `path` leads to the offending part (keys and indexes), as far as it was known; `place` is None where AWS gives
    no location. `syntax`: the text is no JSON. `repeats`: how often AWS prints the location.
    """

    def __init__(
        self,
        reason: str,
        place: Place | None = None,
        *,
        path: tuple[str | int, ...] = (),
        syntax: bool = False,
        repeats: int = 1,
    ) -> None:
        self.reason = reason
        self.place = place
        self.path = path
        self.syntax = syntax
        self.repeats = repeats
        self.located_reason = reason + (f"\n at {place}" * repeats if place else "")
        self.message = STEM + self.located_reason
        super().__init__(self.message)

    @property
    def line(self) -> int | None:
        return self.place.line if self.place else None

    @property
    def column(self) -> int | None:
        return self.place.column if self.place else None
