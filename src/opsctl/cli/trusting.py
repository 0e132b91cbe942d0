"""Trusting a host: its key fetched, shown, and after a yes added to the environment's known_hosts file."""

from __future__ import annotations

from pathlib import Path

from opsctl.cli.arguments import require_known
from opsctl.cli.consent import ask
from opsctl.cli.invocation import Invocation
from opsctl.cli.meant import hosts_file_of
from opsctl.cli.views.hosts import keys_view
from opsctl.edges.ssh.host_keys import ScannedKey, scan, trust
from opsctl.errors import CouldNotFindOut, Exit, Refused, UsageError
from opsctl.inputs.hosts_file import find_root
from opsctl.model.hosts import Environment, Host, HostsFile


def trust_host(invocation: Invocation, name: str, *, yes: bool) -> int:
    """Raises UsageError for a host without SSH or environment, ConnectFailed, CouldNotFindOut where the host shows no key
    that can be trusted, Refused where hosts.toml pins another one.
    """
    root = find_root(invocation.folder)
    file = hosts_file_of(root)
    require_known("host", [name], file.hosts)
    host, environment = file.hosts[name], _environment_of(file, name)
    if host.connection == "local":
        raise UsageError(f"{name} is this machine: there is no key to trust")
    keys = scan(name, host, environment, root)
    if not keys:
        raise CouldNotFindOut(
            f"{name} shows no host key of a kind that can be trusted",
            hint="ed25519, ecdsa and rsa keys can be; see HostKey in the host's sshd_config",
        )
    invocation.data.show(keys_view(name, keys))
    if keys[0].known:
        invocation.data.say("it is trusted already")
        return Exit.YES
    if host.host_key:
        raise _pinned(name, keys[0])
    return _add(invocation, root / environment.known_hosts, name, host, keys[0], yes=yes)


def _add(
    invocation: Invocation, known_hosts: Path, name: str, host: Host, shown: ScannedKey, *, yes: bool
) -> int:
    if not yes and not ask(invocation, f"Is {shown.fingerprint} the key of {name}?"):
        invocation.data.say("nothing done")
        return Exit.YES
    trust(known_hosts, name, host.addresses, shown.key)
    invocation.data.say(f"{known_hosts.name} trusts it now; keep that file in the repository")
    return Exit.YES


def _environment_of(file: HostsFile, name: str) -> Environment:
    for environment in file.environments.values():
        if name in environment.hosts:
            return environment
    raise UsageError(f"{name} is in no environment", hint="name it in the hosts of one in hosts.toml")


def _pinned(name: str, shown: ScannedKey) -> Refused:
    return Refused(
        f"hosts.toml pins another key for {name}",
        hint=f'if the host was installed anew, write host_key = "{shown.key}" in [hosts.{name}]',
    )
