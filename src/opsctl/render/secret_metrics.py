"""What a host tells its monitoring of secrets, and other checkouts: names and moments, never a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from opsctl.model.secrets import Secret, StoreFile
from opsctl.state.desired import Desired, DesiredHost

PATH = "metrics/secrets.prom"
"""Below the host's directory, for a collector of text files such as node_exporter's."""

_CHANGED = "opsctl_secret_changed_timestamp_seconds"
_LINE = re.compile(rf'^{_CHANGED}{{[^}}]*\bsecret="([^"]+)"[^}}]*}} (\d{{1,12}})$', re.MULTILINE)
_METRICS = (
    ("opsctl_secret_created_timestamp_seconds", "When the value in use was made."),
    (_CHANGED, "When the value in use came into force, by being made, restored or put back."),
    (
        "opsctl_secret_due_timestamp_seconds",
        "When the secret is to be rotated; absent where nothing says so.",
    ),
    ("opsctl_secret_expires_timestamp_seconds", "When the value ends by itself; absent where it does not."),
)


def with_secret_metrics(desired: Desired, file: StoreFile, due: Callable[[Secret], float | None]) -> Desired:
    """The same with a metrics file on each host that uses a secret; `due` gives the moment in seconds since the epoch.

    The file depends on the store alone, not on the time: a second deploy finds it as it is.
    """
    hosts = tuple(_with_file(desired.environment, host, file, due) for host in desired.hosts)
    return replace(desired, hosts=hosts)


def changed_moments(content: bytes) -> dict[str, int]:
    """By secret, when its value came into force, from such a file; what is not of its form is passed over."""
    found = _LINE.findall(content.decode(errors="replace"))
    return {secret: int(moment) for secret, moment in found}


def _with_file(
    environment: str, host: DesiredHost, file: StoreFile, due: Callable[[Secret], float | None]
) -> DesiredHost:
    used = {name for service in host.services.values() for name in service.known_secrets}
    secrets = {name: file.secrets[name] for name in sorted(used) if name in file.secrets}
    if not secrets:
        return host
    lines = []
    for metric, told in _METRICS:
        lines += [f"# HELP {metric} {told}", f"# TYPE {metric} gauge"]
        for name, secret in secrets.items():
            moment = dict(_moments(secret, due)).get(metric)
            if moment is not None:
                labels = f'environment="{environment}",secret="{name}",class="{secret.class_}"'
                lines.append(f"{metric}{{{labels}}} {int(moment)}")
    return replace(host, own_files={**host.own_files, PATH: ("\n".join(lines) + "\n").encode()})


def _moments(secret: Secret, due: Callable[[Secret], float | None]) -> Iterator[tuple[str, float | None]]:
    created, changed, until, expires = (metric for metric, _told in _METRICS)
    yield created, secret.versions[secret.current].created if secret.current else None
    yield changed, secret.changed if secret.current else None
    yield until, due(secret)
    yield expires, secret.expires
