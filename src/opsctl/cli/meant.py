"""What a request means as far as hosts.toml alone tells: enough to dial hosts before any other file is read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from opsctl.cli.arguments import Words, choose_environment, read_words, require_known
from opsctl.cli.request import Request
from opsctl.errors import UsageError
from opsctl.inputs.draft import Draft
from opsctl.inputs.hosts_file import HOSTS_FILE, read_hosts
from opsctl.model.hosts import Host, HostsFile


def hosts_file_of(root: Path) -> HostsFile:
    """Raises InputError with the problems of all files, UsageError where hosts.toml cannot be opened."""
    draft = Draft()
    try:
        read_hosts(draft, (root / HOSTS_FILE).read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {root / HOSTS_FILE}: {error.strerror}") from error
    if draft.problems:
        from opsctl.inputs.project import load  # it tells the problems of all files

        return load(root).hosts_file
    return draft.hosts


def meant(request: Request, file: HostsFile) -> Words:
    """The environment and services that a request means. Raises UsageError."""
    known, default = file.environments.keys(), file.default_environment
    if request.environment is None and not request.services:
        return read_words(request.words, known, default, changes=request.changes)
    environment = choose_environment(request.environment, known, default, changes=request.changes)
    return Words(environment, request.services)


def hosts_meant(request: Request, file: HostsFile, environment: str) -> tuple[str, ...]:
    """The hosts a request is about. Raises UsageError for one that the environment does not have."""
    hosts = file.environments[environment].hosts
    require_known("host", request.hosts, hosts, where=f" in {environment}")
    return request.hosts or hosts


def state_folder(hosts: Iterable[Host]) -> str:
    """Where hosts with a local connection keep their directory; "" where none of these has one."""
    if all(host.connection != "local" for host in hosts):
        return ""
    from platformdirs import user_state_path  # 10 ms that a host far away need not wait for

    return str(user_state_path("opsctl"))
