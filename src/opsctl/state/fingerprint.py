"""Keyed hashes of what makes a container what it is; they travel as labels of the container.

A bare hash of an environment with a weak password is an oracle for guessing it, and labels are exported to logs and
metrics; hence HMAC-SHA256 with a random key that only the host and opsctl's memory know.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.state.desired import DesiredHost, DesiredMerge, DesiredService

DEFINITION_LABEL = "opsctl.definition-hash"
ENV_LABEL = "opsctl.env-hash"
FILES_LABEL = "opsctl.files-hash"
NETWORK_HASH_LABEL = "opsctl.definition-hash"

# Compose leaves these out of its own hash too (pkg/compose/hash.go, v5.3.1): they make no difference to a container.
WITHOUT_EFFECT = frozenset({"depends_on", "profiles", "pull_policy"})


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Three keyed hashes of one service, 32 hex digits each."""

    definition: str
    env: str
    files: str

    def labels(self) -> dict[str, str]:
        return {DEFINITION_LABEL: self.definition, ENV_LABEL: self.env, FILES_LABEL: self.files}


def fingerprint(host: DesiredHost, service: DesiredService, key: bytes) -> Fingerprint:
    """The fingerprint of a service on its host; the same inputs give the same digits on every machine."""
    definition = {name: value for name, value in service.definition.items() if name not in WITHOUT_EFFECT}
    networks = {name: host.networks.get(name, {}) for name in service.networks}
    files: list[list[object]] = [
        [file.path, file.target, file.mode, hashlib.sha256(file.content).hexdigest()]
        for file in sorted(service.files, key=lambda file: file.path)
        if file.reaction.kind == "recreate"
    ]
    files += [
        [merge.path, merge.meaning]
        for merge in sorted(service.merges, key=lambda merge: merge.path)
        if merge.reaction.kind == "recreate"
    ]
    return Fingerprint(
        definition=_keyed(key, "definition", {"service": definition, "networks": networks}),
        env=_keyed(key, "env", dict(service.env)),
        files=_keyed(key, "files", files),
    )


def merge_hash(merge: DesiredMerge, key: bytes) -> str:
    """Of what the managed keys mean; 32 hex digits, keyed as the labels are."""
    return _keyed(key, "merge", [merge.path, merge.meaning])


def network_hash(definition: Mapping[str, Any]) -> str:
    """Of a network's definition; it holds no secret, so it needs no key and survives the loss of one."""
    return hashlib.sha256(_canonical(definition)).hexdigest()[:32]


def value_hash(key: bytes, purpose: str, value: object) -> str:
    """Of anything that may hold a secret and can be written as JSON; 32 hex digits, as those of a fingerprint."""
    return _keyed(key, purpose, value)


def _keyed(key: bytes, purpose: str, value: object) -> str:
    return hmac.new(key, purpose.encode() + b"\0" + _canonical(value), hashlib.sha256).hexdigest()[:32]


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
