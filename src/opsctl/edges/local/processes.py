"""Children: how they are started, ended and what they see."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence

# What a session over SSH would have too. Not COMPOSE_*, which would change what Compose does, and nothing in which
# people keep secrets.
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TERM", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
_KILL_AFTER = 2.0


def child_environment(ours: Mapping[str, str], engine_socket: str) -> dict[str, str]:
    """The short environment of every child; DOCKER_HOST also wins over `docker context`."""
    kept = {name: ours[name] for name in _KEPT if name in ours}
    return kept | {"LC_ALL": "C", "DOCKER_HOST": f"unix://{engine_socket}"}


def start(
    words: Sequence[str], environment: Mapping[str, str], stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """A child in a process group of its own. Raises OSError where it cannot be started."""
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=dict(environment),
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a child and all that it started: TERM, and KILL for what does not listen."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_AFTER)
            return


@contextlib.contextmanager
def interrupts_left_to_the_child() -> Iterator[None]:
    """Ctrl-C reaches the whole foreground group; the child decides what it means.

    A handler, not SIG_IGN: a child would inherit that.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
