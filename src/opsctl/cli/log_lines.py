"""Lines of logs as they come, and the moment that `--since` means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from opsctl.cli.screen import Screen
from opsctl.cli.sink import ReaderLeft
from opsctl.cli.views.blocks import Span, Style, line
from opsctl.errors import UsageError
from opsctl.model.values import parse_duration

_STYLES: tuple[Style, ...] = ("change", "good", "warn", "strong")


class LogLines:
    """Writes lines, led by the container's name where there are several. Raises ReaderLeft."""

    def __init__(self, screen: Screen, *, several: bool, before_first: Callable[[], None]) -> None:
        self._screen = screen
        self._several = several
        self._before_first: Callable[[], None] | None = before_first
        self._styles: dict[str, Style] = {}
        self._width = 0

    def __call__(self, name: str, text: str) -> None:
        if self._before_first:
            self._before_first()
            self._before_first = None
        style = self._styles.setdefault(name, _STYLES[len(self._styles) % len(_STYLES)])
        self._width = max(self._width, len(name))
        lead = (Span(f"{name:<{self._width}}  ", style),) if self._several or "/" in name else ()
        self._screen.show([line(*lead, text)])
        if self._screen.sink.reader_left:
            raise ReaderLeft


def parse_since(text: str, *, now: float) -> float:
    """Seconds since the epoch, of `15m` (ago) or an ISO 8601 time (local where it has no zone). Raises UsageError."""
    try:
        return now - float(parse_duration(text))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise UsageError(
            f"--since {text} is neither a duration nor a time",
            hint="such as 15m, 2h30m or 2026-11-23T14:00:00Z",
        ) from error
