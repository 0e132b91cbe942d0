"""Whether an image has what a host needs."""

from __future__ import annotations

from collections.abc import Iterable


def fits(platform: str, offered: Iterable[str]) -> bool:
    """Whether one of the offered platforms runs on a host of this one; both `os/architecture[/variant]`.

    A missing variant fits each; arm runs what was built for an older one (containerd platforms/compare.go).
    """
    wanted_os, wanted_architecture, wanted_variant = _parts(platform)
    for one in offered:
        system, architecture, variant = _parts(one)
        if (system, architecture) != (wanted_os, wanted_architecture):
            continue
        if not variant or not wanted_variant or variant == wanted_variant:
            return True
        if architecture == "arm" and variant < wanted_variant:
            return True
    return False


def _parts(platform: str) -> tuple[str, str, str]:
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return system, architecture, variant
