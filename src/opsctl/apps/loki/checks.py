"""What is asked of a Loki: whether it takes lines and questions."""

from __future__ import annotations

from opsctl.apps.config_file import config_file
from opsctl.apps.options import flag
from opsctl.checks.check import Check, Patience
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow

_CONFIG, _PORT = "/etc/loki/local-config.yaml", 3100


def _port(one: ServiceNow) -> int:
    file = config_file(one.view, flag(one.view.words("entrypoint", "command"), "config.file") or _CONFIG)
    said = file.section("server").get("http_listen_port") if file else None
    return said if isinstance(said, int) else _PORT


def _ready(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, _port(one), "/ready"))


CHECKS = (
    Check(
        id="V-LOK-001",
        title="Loki is ready",
        severity="high",
        proves="/ready answers 200: its parts take lines and answer questions. For some 15 s after a start it does not.",
        mend="opsctl logs SERVICE; its volume, and the disk under it",
        source="Loki 3.7 docs, HTTP API (read, not run)",
        cases=asked_of_each("loki", _ready),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=30.0, interval=3.0),
        software=True,
    ),
)
