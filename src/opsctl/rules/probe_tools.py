"""Which images lack the tools that a healthcheck is usually written with, and what works in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsctl.model.references import Reference

_FETCHERS = frozenset({"curl", "wget"})
_SHELLS = frozenset({"sh", "bash", "ash"})
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
# A word that stands where a command can: at the start, or behind what separates commands and arguments.
_WORD = re.compile(r"(?:^|(?<=[\s;|&(`'\"/]))(?:curl|wget|bash|ash|sh)(?=$|[\s;|&)`'\"])")


@dataclass(frozen=True, slots=True)
class Bare:
    """Images of one repository that lack `tools`, from `since` on; a tag with the word `but` in it has them.

    `works` is the `test` of a healthcheck that needs none of them.
    """

    repository: str
    tools: frozenset[str]
    works: str
    source: str
    since: tuple[int, ...] = ()
    but: str = ""


_PYTHON = "[CMD, python, -c, \"import urllib.request as u;u.urlopen('http://127.0.0.1:4000/health/readiness',timeout=5)\"]"
_LITELLM = "services 1.2: the image has python, no curl"


def _tcp(port: int, path: str) -> str:
    ask = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.0\\\\r\\\\n\\\\r\\\\n' >&3; head -1 <&3 | grep -q ' 200'"
    return f'[CMD, bash, -c, "{ask}"]'


BARE = (
    Bare(
        "qdrant/qdrant",
        _FETCHERS,
        _tcp(6333, "/readyz"),
        "qdrant Dockerfile v1.19.0: debian slim, ca-certificates tzdata libunwind8",
    ),
    Bare(
        "grafana/loki",
        _FETCHERS | _SHELLS,
        "[CMD, /usr/bin/loki, -health], since 3.6.5",
        "services 9.4: distroless since 3.6",
        since=(3, 6),
    ),
    Bare(
        "grafana/alloy",
        _FETCHERS,
        _tcp(12345, "/-/ready"),
        "services 9.5: ubuntu with bash, without wget and curl",
    ),
    *(
        Bare(
            name,
            _FETCHERS | _SHELLS,
            "[CMD, headscale, health], since 0.27",
            "services 7: distroless, -debug has a shell",
            but="debug",
        )
        for name in ("headscale/headscale", "juanfont/headscale")
    ),
    *(
        Bare(f"berriai/{name}", _FETCHERS, _PYTHON, _LITELLM)
        for name in ("litellm", "litellm-database", "litellm-non_root")
    ),
)
"""Read, not run: none of these images could be pulled where opsctl is made."""


def bare(reference: Reference) -> Bare | None:
    """What is known of an image, whatever its registry or mirror; a tag without a version counts as the newest."""
    for one in BARE:
        if reference.path == one.repository or reference.path.endswith(f"/{one.repository}"):
            found = _VERSION.search(reference.tag)
            older = found is not None and tuple(int(part or 0) for part in found.groups()) < one.since
            spared = bool(one.but) and one.but in reference.tag
            return None if older or spared else one
    return None


def missing_tool(probe: str, lacking: Bare, *, by_shell: bool) -> str:
    """The first tool that a probe needs and the image lacks; "" where it has all. `by_shell`: the engine runs it with sh."""
    if by_shell and "sh" in lacking.tools:
        return "sh"
    return next((word for word in _WORD.findall(probe) if word in lacking.tools), "")
