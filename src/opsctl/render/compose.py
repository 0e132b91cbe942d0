"""compose.yml as it lies on a host, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsctl.render import yaml_text
from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.fingerprint import NETWORK_HASH_LABEL, fingerprint, network_hash

HELD_PROFILE = "held"
"""The profile of a service that `opsctl stop` keeps down: a typed `docker compose up -d` leaves it alone (trap 14)."""

_HEADER = """\
# Written by opsctl from the project's hosts.toml, stacks/ and templates/: edits here are found and undone.
# It works without opsctl too: docker compose up -d
"""

Labels = Callable[[DesiredHost, DesiredService], Mapping[str, str]]


def compose_file(
    host: DesiredHost,
    key: bytes,
    *,
    held: frozenset[str] = frozenset(),
    keep: Mapping[str, Any] | None = None,
    keep_networks: Mapping[str, Any] | None = None,
    keep_volumes: Mapping[str, Any] | None = None,
) -> bytes:
    """The final text of `compose_document`, which takes the same arguments."""
    return compose_text(
        compose_document(
            host, key, held=held, keep=keep, keep_networks=keep_networks, keep_volumes=keep_volumes
        )
    )


def compose_document(
    host: DesiredHost,
    key: bytes,
    *,
    held: frozenset[str] = frozenset(),
    keep: Mapping[str, Any] | None = None,
    keep_networks: Mapping[str, Any] | None = None,
    keep_volumes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What compose.yml will hold: canonical, every `$` of a value doubled, fingerprints in the labels.

    Equal to what `read_compose` gives for its text. `keep`, `keep_networks` and `keep_volumes` hold entries of the host's present compose.yml (as `read_compose` gives
    them: doubled and labelled) that stand in place of the rendered ones, or beside them where the host no longer wants
    them. Of a kept service only its being held, and what follows from that for depends_on, is brought up to date.
    """

    def keyed(host: DesiredHost, service: DesiredService) -> Mapping[str, str]:
        return fingerprint(host, service, key).labels()

    document = compose_mapping(host, keyed)
    for section, kept in (("services", keep), ("networks", keep_networks), ("volumes", keep_volumes)):
        document[section] = {**document[section], **(kept or {})}
    return ordered(document, held)


def compose_mapping(host: DesiredHost, labels: Labels) -> dict[str, Any]:
    """The document with every `$` doubled and the labels that `labels` gives each service."""
    services = {}
    for name, service in host.services.items():
        own = {**(service.definition.get("labels") or {}), **labels(host, service)}
        services[name] = doubled({**service.definition, "labels": own})
    return {
        "name": host.project,
        "services": services,
        "networks": {name: _labelled(network) for name, network in host.networks.items()},
        "volumes": doubled(host.volumes),
    }


def ordered(document: Mapping[str, Any], held: Iterable[str] = ()) -> dict[str, Any]:
    """The document in canonical order, with profiles and depends_on made to agree."""
    services = _settled(document["services"], frozenset(held))
    found: dict[str, Any] = {
        "name": document["name"],
        "services": {name: _image_first(services[name]) for name in sorted(services)},
    }
    for section in ("networks", "volumes"):
        found[section] = {name: _sorted(document[section][name] or {}) for name in sorted(document[section])}
    return found


def compose_text(document: Mapping[str, Any]) -> bytes:
    """The bytes of compose.yml; sections without an entry are left out."""
    filled = {name: entries for name, entries in document.items() if entries or name == "services"}
    return (_HEADER + yaml_text.dump(filled)).encode()


def doubled(value: Any) -> Any:
    """Plain data with every `$` of its texts doubled; Compose interpolates values, never keys (trap 9)."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: doubled(entry) for key, entry in value.items()}
    return [doubled(entry) for entry in value] if isinstance(value, list | tuple) else value


def read_compose(data: bytes) -> dict[str, Any]:
    """A compose.yml of a host as plain data, `$` still doubled. Raises ValueError for what is not one."""
    try:
        document = read_yaml(data.decode())
    except UnicodeDecodeError:
        raise ValueError("compose.yml is not UTF-8 text") from None
    if not isinstance(document, dict) or not isinstance(document.get("services", {}), dict):
        raise ValueError("compose.yml is not a mapping with services")  # noqa: TRY004
    for section in ("services", "networks", "volumes"):
        document[section] = {str(name): entry or {} for name, entry in (document.get(section) or {}).items()}
    return document


def read_yaml(text: str) -> Any:
    """YAML 1.2 as plain data. Raises ValueError with the line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"not YAML{line}: {error.problem}") from None
    except YAMLError:
        raise ValueError("not YAML") from None


def _labelled(network: Mapping[str, Any]) -> Any:
    """An external network belongs to somebody else: Compose refuses labels on it."""
    if network.get("external"):
        return doubled(network)
    labels = {**(network.get("labels") or {}), NETWORK_HASH_LABEL: network_hash(network)}
    return doubled({**network, "labels": labels})


def _settled(services: Mapping[str, Any], held: frozenset[str]) -> dict[str, Any]:
    """Profiles and depends_on made to agree: what a typed `up` leaves alone is required by nobody."""
    found: dict[str, Any] = {}
    for name, mapping in services.items():
        profiles = [profile for profile in mapping.get("profiles") or () if profile != HELD_PROFILE]
        profiles += [HELD_PROFILE] if name in held else []
        found[name] = {key: value for key, value in mapping.items() if key != "profiles"}
        if profiles:
            found[name]["profiles"] = profiles
    for name, mapping in found.items():
        if mapping.get("depends_on"):
            idle = {
                other for other in mapping["depends_on"] if other not in found or found[other].get("profiles")
            }
            found[name] = {**mapping, "depends_on": _required(mapping["depends_on"], idle)}
    return found


def _required(entries: Any, idle: set[str]) -> dict[str, Any]:
    long = (
        entries
        if isinstance(entries, Mapping)
        else {name: {"condition": "service_started"} for name in entries}
    )
    plain = {
        name: {key: value for key, value in (entry or {}).items() if key != "required"}
        for name, entry in long.items()
    }
    return {name: {**entry, "required": False} if name in idle else entry for name, entry in plain.items()}


def _image_first(mapping: Mapping[str, Any]) -> dict[str, Any]:
    first = {"image": mapping["image"]} if "image" in mapping else {}
    return {**first, **_sorted({key: value for key, value in mapping.items() if key != "image"})}


def _sorted(value: Any) -> Any:
    """Plain data with every mapping sorted by key; lists keep their order, which Compose heeds."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(entry) for entry in value] if isinstance(value, list | tuple) else value
