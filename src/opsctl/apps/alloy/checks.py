"""What is asked of an Alloy: whether its configuration is loaded and runs."""

from __future__ import annotations

from opsctl.apps.options import flag, listen_port
from opsctl.checks.check import Check, Patience
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk, skipped
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow

_LISTENS, _PORT = "server.http.listen-addr", 12345
_LOOPBACK = ("127.", "localhost", "[::1]")


def _ready(one: ServiceNow) -> Talk:
    words = one.view.words("entrypoint", "command")
    address = flag(words, _LISTENS) or f"127.0.0.1:{_PORT}"
    if address.startswith(_LOOPBACK) and one.view.definition.get("network_mode") != "host":
        return skipped(f"it listens on {address}, inside the container alone (--{_LISTENS})")
    return (yield from answers_ok(one, listen_port(words, _LISTENS, _PORT), "/-/ready"))


CHECKS = (
    Check(
        id="V-ALY-001",
        title="Alloy is ready",
        severity="high",
        proves="/-/ready answers 200: its configuration was loaded, and its parts run.",
        mend="opsctl logs SERVICE",
        source="grafana.com/docs/alloy, HTTP endpoints (read, not run)",
        cases=asked_of_each("alloy", _ready),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=30.0, interval=3.0),
        software=True,
    ),
)
