"""Whether a host's sshd lets nobody in by a password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, UnansweredError, failed, passed
from opsctl.checks.scripts import told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

# Who is not root may not read the host's keys, without which sshd says nothing of its settings: any other key will do.
_SETTINGS = """\
need sshd
tell() {
    sshd -T "$@" 2>/dev/null | while read -r word value; do
        case $word in
        permitrootlogin | passwordauthentication | kbdinteractiveauthentication) echo "$word $value" ;;
        challengeresponseauthentication | permitemptypasswords | authenticationmethods) echo "$word $value" ;;
        esac
    done
}
if [ "$(id -u)" = 0 ]; then
    tell
else
    need ssh-keygen
    umask 077
    folder=$(mktemp -d) || exit
    trap 'rm -rf -- "$folder"' EXIT
    trap 'exit 143' HUP INT PIPE TERM
    ssh-keygen -q -t ed25519 -N '' -f "$folder/key" && tell -h "$folder/key"
fi
"""


def _settings(host: HostNow) -> Talk:
    facts = yield from told(host.name, _SETTINGS, privilege="files")
    settings = {word: values[0] for word, values in facts.items() if values}
    if "passwordauthentication" not in settings:
        raise UnansweredError("sshd -T told nothing: its settings may be root's alone to read")
    found = list(_open_doors(settings))
    return failed("; ".join(found)) if found else passed("keys alone")


def _open_doors(settings: Mapping[str, str]) -> Iterator[str]:
    """The settings by which a password alone lets somebody in; root must not even come in with a forgotten one."""
    if settings.get("permitemptypasswords") == "yes":
        yield "PermitEmptyPasswords yes"
    if keys_needed(settings.get("authenticationmethods", "any")):
        return
    if settings.get("passwordauthentication") == "yes":
        yield "PasswordAuthentication yes"
    # ChallengeResponseAuthentication before OpenSSH 8.7.
    asks = settings.get("kbdinteractiveauthentication", settings.get("challengeresponseauthentication"))
    if asks == "yes":
        yield "KbdInteractiveAuthentication yes (PAM asks for a password)"
    if settings.get("permitrootlogin") == "yes":
        yield "PermitRootLogin yes: write prohibit-password, or no"


def keys_needed(methods: str) -> bool:
    """Whether each of these lists of AuthenticationMethods has a key among its methods (sshd_config(5))."""
    lists = [one.split(",") for one in methods.split()]
    return bool(lists) and all(
        any(method.partition(":")[0] in {"publickey", "hostbased"} for method in one) for one in lists
    )


CHECKS = (
    Check(
        id="V-HST-001",
        title="sshd takes no passwords",
        severity="high",
        proves="PasswordAuthentication and KbdInteractiveAuthentication are off and PermitRootLogin is not yes, or "
        "AuthenticationMethods asks for a key each time; empty passwords are off.",
        mend="a file in /etc/ssh/sshd_config.d: PasswordAuthentication no, KbdInteractiveAuthentication no, PermitRootLogin "
        "prohibit-password; sshd -t, then systemctl reload ssh, with a second session open",
        source="sshd -T: the files as sshd reads them, without Match blocks; a sshd that was not reloaded may still have the old ones",
        cases=asked_of_each_host(_settings),
        tags=frozenset({"host", "network"}),
    ),
)
