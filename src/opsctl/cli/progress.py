"""Listeners for the events of a run: a live board on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from opsctl.cli.screen import Screen, paint, redacted
from opsctl.cli.views.blocks import Block, lay_out
from opsctl.cli.views.board import Board, board_view, told
from opsctl.flows.events import Event

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_GRACE = 0.3
"""Seconds before anything live appears: a quick answer needs no board, and does not import Rich."""


class Progress(Protocol):
    def __call__(self, event: Event) -> None: ...

    def pause(self) -> None:
        """Clear the place for a question."""

    def resume(self) -> None: ...


@contextmanager
def progress(screen: Screen, *, tell_steps: bool) -> Iterator[Progress]:
    """A listener for this run. `tell_steps`: each step that ended leaves a line, as in a deploy; else only what has to be
    waited for.
    """
    shown: PlainProgress | LiveProgress
    shown = (
        LiveProgress(screen, tell_steps=tell_steps)
        if screen.live
        else PlainProgress(screen, tell_steps=tell_steps)
    )
    try:
        shown.resume()
        yield shown
    finally:
        shown.pause()


def _is_about_the_whole(event: Event) -> bool:
    return event.kind == "waiting" and not event.subject


class PlainProgress:
    """A line whenever a step ended."""

    def __init__(self, screen: Screen, *, tell_steps: bool) -> None:
        self._screen = screen
        self._tell_steps = tell_steps
        self._board = Board()
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            text = told(self._board, event)
            self._board = self._board.after(event)
            if text and (self._tell_steps or _is_about_the_whole(event)):
                self._screen.show([text])

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class LiveProgress:
    """A line whenever a step ended and, below, what each host is doing now."""

    def __init__(
        self, screen: Screen, *, tell_steps: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._screen = screen
        self._tell_steps = tell_steps
        self._monotonic = monotonic
        self._board = Board()
        self._clock_at_event = (monotonic(), 0.0)
        self._lock = Lock()
        self._timer: Timer | None = None
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            text = told(self._board, event)
            self._board = self._board.after(event)
            self._clock_at_event = (self._monotonic(), event.seconds)
            if text and (self._tell_steps or _is_about_the_whole(event)):
                self._screen.show([text]) if self._live is None else self._live.console.print(
                    self._text([text])
                )

    def pause(self) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            live, self._timer, self._live = self._live, None, None
        if live:
            live.stop()

    def resume(self) -> None:
        self._timer = Timer(_GRACE, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.live import Live

        with self._lock:
            if self._timer is None:
                return
            console = Console(
                file=cast("TextIO", self._screen.sink),
                force_terminal=True,
                no_color=not self._screen.colour,
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            self._live = Live(console=console, get_renderable=self._now, transient=True, refresh_per_second=8)
            self._live.start()

    def _now(self) -> Text:
        seen, at = self._clock_at_event
        return self._text(board_view(self._board, at + self._monotonic() - seen, self._screen.width))

    def _text(self, blocks: Iterable[Block]) -> Text:
        from rich.text import Text

        clean = redacted(blocks, self._screen.sink.clean)
        lines = [paint(one, colour=self._screen.colour) for one in lay_out(clean, self._screen.width)]
        return Text.from_ansi("\n".join(lines))
