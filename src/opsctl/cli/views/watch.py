"""One change that a watch saw, as a line and as an object for scripts."""

from __future__ import annotations

from typing import Any

from opsctl.cli.views.audit import local_time
from opsctl.cli.views.blocks import Line, Span, line
from opsctl.cli.views.verify import RESULT_STYLES
from opsctl.flows.watching.ledger import Change


def change_line(change: Change, at: float) -> Line:
    """`at` in seconds since the epoch."""
    now = change.now
    about = "  ".join(filter(None, (now.check, now.host, " ".join(filter(None, (now.service, now.subject))))))
    return line(
        Span(local_time(at), "dim"),
        "  ",
        Span(f"{now.result:<12}", RESULT_STYLES[now.result]),
        f"  {about}",
        f"  {now.message}" if now.message else "",
        Span(f"  was {change.before}" if change.before else "", "dim"),
    )


def change_json(change: Change, at: float) -> dict[str, Any]:
    now = change.now
    return {
        "at": round(at, 3),
        "check": now.check,
        "host": now.host,
        "service": now.service or None,
        "subject": now.subject or None,
        "result": now.result,
        "before": change.before,
        "message": now.message or None,
    }
