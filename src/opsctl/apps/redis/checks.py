"""What is asked of a Redis server: whether it takes commands, and what it says of its memory and of its writes."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.checks.check import Check
from opsctl.checks.questions import Inside, Talk, Verdict, failed, passed, ran, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow

_SHARE = 0.9
# As the service's own probe does: REDISCLI_AUTH of its environment, for the user probe where there is one. A password that
# does not fit shows as an answer, since redis-cli ends with 0 whatever the server says.
_ASK = """\
cli=redis-cli
command -v redis-cli >/dev/null || cli=valkey-cli
port=${1:-6379}
if [ -n "$2" ]; then exec "$cli" -p "$port" --no-auth-warning --user "$2"; fi
exec "$cli" -p "$port"
"""


def _question(one: ServiceNow, command: str) -> Inside:
    words = one.view.probe.split()
    user = words[words.index("--user") + 1] if "--user" in words[:-1] else ""
    port = words[words.index("-p") + 1] if "-p" in words[:-1] else ""
    return Inside(one.host.name, one.name, ("sh", "-c", _ASK, "opsctl", port, user), f"{command}\n".encode())


def _ping(one: ServiceNow) -> Talk:
    answer = yield from ran(_question(one, "PING"))
    if answer.text == "PONG":
        return passed()
    said = answer.last_line()
    if answer.code or not said:
        return unknown(f"redis-cli: {said}")
    return failed(said)


def _memory(one: ServiceNow) -> Talk:
    answer = yield from ran(_question(one, "INFO"))
    found = facts(answer.text)
    if "used_memory" not in found:
        hint = "; let the user of the probe have +info" if "NOPERM" in answer.text else ""
        return unknown(f"INFO: {answer.last_line()}{hint}")
    return judge(found)


def facts(text: str) -> dict[str, str]:
    """What INFO printed, by its names."""
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, colon, value in pairs if colon}


def judge(found: Mapping[str, str]) -> Verdict:
    """What INFO tells of memory and of what is written down."""
    used, most = int(found["used_memory"]), int(found.get("maxmemory", 0))
    wrong = []
    if most and found.get("maxmemory_policy") == "noeviction" and used >= _SHARE * most:
        wrong.append(
            f"{used / most:.0%} of maxmemory are taken, and noeviction refuses writes when it is full"
        )
    if found.get("rdb_last_bgsave_status", "ok") != "ok":
        wrong.append("the last snapshot failed")
    if found.get("aof_enabled") == "1":
        wrong += [
            f"the append-only file: {name} {found[name]}"
            for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
            if found.get(name, "ok") != "ok"
        ]
    if found.get("loading") == "1":
        wrong.append("it is still loading its data")
    if wrong:
        return failed("; ".join(wrong))
    return passed(f"{used / most:.0%} of maxmemory" if most else f"{used} bytes, without a maxmemory")


CHECKS = (
    Check(
        id="V-RDS-001",
        title="Redis takes a command from the user of its probe",
        severity="critical",
        proves="PING is answered with PONG, by the password that the container has.",
        mend="opsctl logs SERVICE; a password that was changed in the running server alone: opsctl rotate-secret",
        source="redis-cli 7.0 (run): it ends with 0 whatever the server answers",
        cases=asked_of_each("redis", _ping),
        tags=frozenset({"deploy", "data"}),
        software=True,
    ),
    Check(
        id="V-RDS-002",
        title="Redis has memory left, and writes down what it shall keep",
        severity="high",
        proves="Under noeviction less than 90 % of maxmemory are taken; the last snapshot and the append-only file went well.",
        mend="a higher maxmemory and memory limit, fewer keys; free disk where writing failed",
        source="INFO of Redis 7.0 (run): used_memory, maxmemory_policy, rdb_last_bgsave_status, aof_last_write_status",
        cases=asked_of_each("redis", _memory),
        tags=frozenset({"data"}),
        software=True,
    ),
)
