"""What the Caddy of a new image says of the Caddyfile that it shall run with, before the old one stops."""

from __future__ import annotations

import posixpath

from opsctl.apps.caddy.front import CADDYFILE
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Talk, failed, passed, ran, skipped
from opsctl.checks.throwaway import Throwaway

# cmd.LoadConfig of Caddy 2: "-" is stdin; validate provisions what the file names, modules and variables too.
_VALIDATE = ("caddy", "validate", "--config", "-", "--adapter", "caddyfile")
# Where the file of a program carries this capability (setcap), Linux starts it for nobody who must not have it.
_CAPABILITIES = ("NET_BIND_SERVICE",)


def takes_its_caddyfile(crossing: Crossing) -> Talk:
    """`caddy validate`, or the `check` of the file's on_change, with the service's variables; certificates from volumes
    are not there, and a Caddyfile that imports others beside it is not asked about.
    """
    service = crossing.now.service
    mine = next((one for one in service.files if one.target == CADDYFILE), None)
    if mine is None:
        return skipped(f"opsctl mounts no {CADDYFILE}")
    folder = posixpath.dirname(CADDYFILE)
    if beside := [one.target for one in service.files if one is not mine and one.target.startswith(folder)]:
        return skipped(f"it may import {', '.join(sorted(beside))}, and only one file can be shown to it")
    told = yield from ran(
        Throwaway(
            crossing.now.host.name,
            service.image,
            mine.reaction.check or _VALIDATE,
            mine.content,
            env=service.env,
            capabilities=_CAPABILITIES,
        )
    )
    if told.code:
        return failed(f"it does not take its Caddyfile: {told.last_line()}")
    return passed("it takes its Caddyfile")
