"""Whether a host gets its security updates, and runs them."""

from __future__ import annotations

import re

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, UnansweredError, failed, passed, skipped
from opsctl.checks.scripts import only, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

_KERNELS = """\
for mark in /run/reboot-required /var/run/reboot-required; do
    if [ -e "$mark" ]; then
        echo required
        if [ -r "$mark.pkgs" ]; then sort -u "$mark.pkgs" | while read -r name; do echo "package $name"; done; fi
        break
    fi
done
echo "running $(uname -r)"
for kernel in /boot/vmlinuz-*; do
    if [ -e "$kernel" ]; then echo "kernel ${kernel#/boot/vmlinuz-}"; fi
done
"""
_UPDATES = """\
if command -v apt-config >/dev/null 2>&1; then
    echo apt
    apt-config dump 2>/dev/null | grep -E '^APT::Periodic::(Enable|Unattended-Upgrade|Update-Package-Lists) ' |
        while read -r name value; do echo "$name $value"; done
    if command -v unattended-upgrade >/dev/null 2>&1; then echo installed; fi
elif command -v dnf >/dev/null 2>&1; then
    for timer in dnf-automatic.timer dnf-automatic-install.timer dnf5-automatic.timer; do
        echo "timer $timer $(systemctl is-enabled "$timer" 2>/dev/null)"
    done
else
    echo other
fi
"""
_RELEASE = re.compile(r"(\d+(?:[.-]\d+)*)(.*)")
_PERIODIC = "APT::Periodic::"
_NEVER = frozenset({'"0";', '"";'})


def _reboot(host: HostNow) -> Talk:
    facts = yield from told(host.name, _KERNELS)
    running = only(facts, "running")
    if "required" in facts:
        return failed(f"its packages ask for a reboot: {', '.join(facts.get('package', ())) or 'no names'}")
    kernels = facts.get("kernel", ())
    if not kernels:
        return skipped(f"no kernel in /boot: {running} is brought by somebody else, such as the provider")
    number, kind = _split(running)
    newer = [one for one in kernels if _split(one)[1] == kind and _split(one)[0] > number]
    if newer:
        return failed("a newer kernel is installed", expected=max(newer, key=_split), observed=running)
    return passed(running)


def _split(release: str) -> tuple[tuple[int, ...], str]:
    """The numbers of a release, and its kind, as of `6.1.0-18-cloud-amd64`: kinds are not compared with each other."""
    found = _RELEASE.match(release)
    if not found:
        return (), release
    return tuple(int(one) for one in re.split(r"[.-]", found[1])), found[2]


def _updates(host: HostNow) -> Talk:
    facts = yield from told(host.name, _UPDATES)
    if "apt" in facts:
        if "installed" not in facts:
            return failed("unattended-upgrades is not installed")
        off = [
            name
            for name in ("Unattended-Upgrade", "Update-Package-Lists")
            if facts.get(f"{_PERIODIC}{name}", ['"0";'])[0] in _NEVER
        ]
        if facts.get(f"{_PERIODIC}Enable", ['"1";'])[0] in _NEVER:
            off = ["Enable"]
        return failed(f"{', '.join(_PERIODIC + name for name in off)} is off") if off else passed("apt")
    if "timer" in facts:
        on = [line.split()[0] for line in facts["timer"] if line.endswith(" enabled")]
        return passed(on[0]) if on else failed("no timer of dnf-automatic is enabled")
    raise UnansweredError("neither apt nor dnf is on the host")


CHECKS = (
    Check(
        id="V-HST-003",
        title="The host runs what is installed",
        severity="medium",
        proves="No package asks for a reboot, and no newer kernel of the running one's kind is installed.",
        mend="reboot it at a quiet hour: containers come back by their restart policy; opsctl status afterwards",
        source="/run/reboot-required (Debian, Ubuntu); uname -r beside /boot/vmlinuz-*",
        cases=asked_of_each_host(_reboot),
        tags=frozenset({"host", "upgrade"}),
    ),
    Check(
        id="V-HST-004",
        title="Security updates install themselves",
        severity="low",
        proves="unattended-upgrades is installed and its two periods are on, or a timer of dnf-automatic is enabled.",
        mend="apt install unattended-upgrades, dpkg-reconfigure -plow unattended-upgrades; dnf: dnf-automatic.timer. Docker's own "
        "packages are better left out of it: their update restarts containers",
        source="apt-config dump; systemctl is-enabled",
        cases=asked_of_each_host(_updates),
        tags=frozenset({"host", "upgrade"}),
    ),
)
