"""OpenSSH's client configuration, as far as opsctl follows it: HostName, User, Port, IdentityFile, IdentitiesOnly,
IdentityAgent, HostKeyAlias, ProxyJump, ProxyCommand, with Host, Match (but not `exec`) and top-level Include.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paramiko import ConfigParseError, CouldNotCanonicalize, SSHConfig

from opsctl.errors import UsageError

_INCLUDE = re.compile(r"^\s*include[\s=]+(.+)$", re.IGNORECASE)
_BLOCK = re.compile(r"^\s*(host|match)[\s=]", re.IGNORECASE)
# As OpenSSH's readconf.c, READCONF_MAX_DEPTH.
_MAX_DEPTH = 16
_OTHER_FILE = 'name another file with ssh_config = "…" in hosts.toml'


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the configuration says of one name; None or empty where it says nothing."""

    hostname: str
    user: str | None = None
    port: int | None = None
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    """A socket instead of $SSH_AUTH_SOCK; "none" for no agent."""
    host_key_alias: str | None = None
    proxy_jump: tuple[str, ...] = ()
    proxy_command: str | None = None


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The lines of a file, or none."""

    path: Path | None = None
    lines: tuple[str, ...] = field(default=(), repr=False)

    def options(self, name: str, user: str | None = None, port: int | None = None) -> HostOptions:
        """What the file says of a name; user and port count as given on ssh's command line. Raises UsageError."""
        given = ([f"User {user}"] if user else []) + ([f"Port {port}"] if port else [])
        parsed = SSHConfig()
        try:
            parsed.parse([*given, "Host *", *self.lines])
            found = parsed.lookup(name)
            port = int(found.get("port", port or 0)) or None
        except ImportError as error:
            raise UsageError(f"{self.path}: `Match exec` is not supported", hint=_OTHER_FILE) from error
        except (ConfigParseError, CouldNotCanonicalize, ValueError) as error:
            raise UsageError(f"{self.path}: {error}", hint=_OTHER_FILE) from error
        jump = found.get("proxyjump", "none")
        return HostOptions(
            hostname=found["hostname"],
            user=found.get("user"),
            port=port,
            identity_files=tuple(
                Path(file).expanduser() for file in found.get("identityfile", []) if file != "none"
            ),
            identities_only=found.get("identitiesonly", "no") == "yes",
            agent=found.get("identityagent"),
            host_key_alias=found.get("hostkeyalias"),
            proxy_jump=() if jump == "none" else tuple(part.strip() for part in jump.split(",")),
            proxy_command=found.get("proxycommand"),
        )


def read_config(setting: str | None, root: Path) -> ClientConfig:
    """The file that hosts.toml names (relative to `root`; "none" reads none), or ~/.ssh/config if it exists.

    Raises UsageError where it cannot be read.
    """
    if setting == "none":
        return ClientConfig()
    path = root / Path(setting).expanduser() if setting else Path("~/.ssh/config").expanduser()
    if not setting and not path.exists():
        return ClientConfig()
    try:
        return ClientConfig(path, tuple(_expanded(path)))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read the SSH configuration {path}: {reason}") from error


def _expanded(path: Path, depth: int = 0) -> Iterator[str]:
    """The file's lines with top-level Includes replaced by the lines of those files (paramiko 5.1 ignores Include)."""
    block = False
    for line in path.read_text(encoding="utf-8").splitlines():
        block = block or bool(_BLOCK.match(line))
        include = _INCLUDE.match(line)
        if not include:
            yield line
            continue
        if block:
            raise UsageError(
                f"{path}: `Include` inside a Host or Match block is not supported",
                hint=f"move it to the top of the file, or {_OTHER_FILE}",
            )
        if depth >= _MAX_DEPTH:
            raise UsageError(f"{path}: Include goes deeper than {_MAX_DEPTH} files")
        for pattern in include[1].split():
            wanted = Path("~/.ssh").expanduser() / Path(pattern.strip('"')).expanduser()
            for file in sorted(glob.glob(str(wanted))):  # noqa: PTH207 - the pattern may be absolute
                yield from _expanded(Path(file), depth + 1)
        yield "Host *"
