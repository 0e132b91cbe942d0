"""Whether a host's engine and Compose are new enough for opsctl."""

from __future__ import annotations

from opsctl.checks.check import Check
from opsctl.checks.questions import EngineGet, Talk, Verdict, engine, failed, passed, unknown
from opsctl.checks.scripts import only, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow
from opsctl.model.requirements import OLDEST_COMPOSE, OLDEST_ENGINE_API, at_least

_COMPOSE = """\
need docker
if found=$(docker compose version --short 2>&1 </dev/null); then
    printf 'compose %s\\n' "$found" | head -n 1
else
    echo "none"
fi
"""


def _engine(host: HostNow) -> Talk:
    told_of = (yield from engine(EngineGet(host.name, "/version"))) or {}
    return _judged(
        told_of.get("Version", ""), told_of.get("ApiVersion", ""), OLDEST_ENGINE_API, "Docker", "API "
    )


def _compose(host: HostNow) -> Talk:
    facts = yield from told(host.name, _COMPOSE, privilege="engine")
    if "none" in facts:
        return failed("docker compose is missing", expected=f"{OLDEST_COMPOSE} or later")
    version = only(facts, "compose")
    return _judged(version, version, OLDEST_COMPOSE, "Docker Compose", "")


def _judged(version: str, compared: str, oldest: str, what: str, kind: str) -> Verdict:
    match at_least(compared, oldest):
        case None:
            return unknown(f"{what} says {compared!r}, which is no version")
        case False:
            return failed(
                f"{what} {version} is too old",
                expected=f"{kind}{oldest} or later",
                observed=f"{kind}{compared}",
            )
        case _:
            return passed(f"{what} {version}")


CHECKS = (
    Check(
        id="V-ENG-001",
        title="The Docker engine is new enough",
        severity="high",
        proves=f"It speaks API {OLDEST_ENGINE_API} (Docker 20.10) or later, which is what opsctl asks it in.",
        mend="docs.docker.com/engine/install; a distribution's own package may be years old",
        source="ApiVersion of the engine's /version",
        cases=asked_of_each_host(_engine),
        tags=frozenset({"host", "upgrade"}),
    ),
    Check(
        id="V-ENG-002",
        title="Docker Compose is new enough",
        severity="high",
        proves=f"It is {OLDEST_COMPOSE} or later; with an older one a deploy ends before it changes anything.",
        mend="docs.docker.com/compose/install: the plugin",
        source="docker compose version --short",
        cases=asked_of_each_host(_compose),
        tags=frozenset({"host", "upgrade"}),
    ),
)
