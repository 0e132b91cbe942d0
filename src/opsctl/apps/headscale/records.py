"""Rules about the records that Headscale serves from a file: what it takes, when it sees a change, and which sites are missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.apps.config_file import place_of
from opsctl.apps.headscale.configuration import Configuration, Control, configured
from opsctl.apps.headscale.dns import RECORDS, RECORDS_PATH, own_records
from opsctl.apps.mounts import keeper
from opsctl.model.fleet import Place
from opsctl.render.sites import sites_dns
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject
from opsctl.state.desired import DesiredFile

_TYPES = frozenset({"A", "AAAA"})
_SHAPE = '[{"name": "llm.vpn.example.org", "type": "A", "value": "100.64.0.14"}]; {{ sites_dns() | to_nice_json }} makes it'
_WATCH = "hscontrol/dns/extrarecords.go, v0.24.0 to v0.29.2"


def _unfit(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        path = configuration.value(RECORDS_PATH)
        if path is None:
            continue
        file = _file(control, str(path))
        if file is None:
            yield _not_here(control, configuration, str(path))
            continue
        records = _read(file)
        wrong = (
            "is no JSON list"
            if records is None
            else next((text for one in records if (text := _wrong(one))), "")
        )
        if wrong:
            yield about(control.view, _place(subject, file), f"{file.target} {wrong}", _SHAPE)


def _not_here(control: Control, configuration: Configuration, path: str) -> Hit:
    """Whether something else puts the file there is not known where a volume could hold it."""
    maybe = keeper(control.view, path) is not None
    where = "lies in a volume: whether it is there was not looked at" if maybe else "is mounted by nothing"
    message = f"{path} {where}; without it Headscale does not start"
    hint = f"files: [{{target: {path}, content: …, mount: directory, on_change: none}}]"
    at = configuration.place(*(configuration.at(RECORDS_PATH) or ()))
    return about(control.view, at, message, hint, unknown=maybe)


def _wrong(record: Any) -> str:
    if not isinstance(record, Mapping) or set(record) != {"name", "type", "value"}:
        return "has an entry that is no record with name, type and value"
    if record["type"] not in _TYPES:
        return f"has a record of type {record['type']}: clients take A and AAAA alone"
    return ""


def _read(file: DesiredFile) -> list[Any] | None:
    try:
        found = json.loads(file.content)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _file(control: Control, path: str) -> DesiredFile | None:
    return next((one for one in control.view.service.files if one.target == path), None)


def _place(subject: Subject, file: DesiredFile) -> Place:
    return place_of(subject.fleet, file, 0)


def _unwatched(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        file = _file(control, str(configuration.value(RECORDS_PATH) or ""))
        if file is None:
            continue
        if file.reaction.kind != "none":
            message = f"{file.target}: every changed record is a {file.reaction.kind} of Headscale, which reads it by itself"
            yield about(control.view, _place(subject, file), message, "mount: directory, on_change: none")
        records = _read(file) or []
        names = [str(one.get("name")) for one in records if isinstance(one, Mapping)]
        if names != sorted(names):
            message = f"{file.target} is not sorted by name: the same records come as a change"
            yield about(control.view, _place(subject, file), message, "sites_dns() is sorted")


def _missing(subject: Subject) -> Iterator[Hit]:
    wanted = sites_dns(subject.fleet, subject.environment)
    for control, configuration in configured(subject):
        file = _file(control, str(configuration.value(RECORDS_PATH) or ""))
        served = (_read(file) if file else own_records(configuration)) or []
        if file is None and configuration.value(RECORDS_PATH) is not None:
            continue
        lacking = [record["name"] for record in wanted if record not in served]
        if lacking:
            place = _place(subject, file) if file else configuration.place("dns")
            message = f"no record leads clients to {', '.join(lacking)}"
            hint = f"{RECORDS_PATH} with a file of {{{{ sites_dns() | to_nice_json }}}}"
            yield about(control.view, place, message, hint)


RULES = (
    Rule(
        "HSC008",
        "apps",
        "error",
        "Headscale: records that it cannot take",
        "A missing or broken file ends Headscale at its start, a file that is broken later is read past; clients take A and AAAA alone.",
        "A JSON list of name, type and value, in a folder that opsctl mounts.",
        f"{_WATCH}; docs/ref/dns.md",
        _unfit,
    ),
    Rule(
        "HSC009",
        "apps",
        "warning",
        "Headscale: records whose change is a restart",
        "Headscale watches the file and finds it again after a rename, where its folder is mounted. A restart cuts every client off for a "
        "moment and changes nothing more. Records in another order count as changed.",
        "mount: directory in a folder of its own, on_change: none, sorted by name.",
        _WATCH,
        _unwatched,
    ),
    Rule(
        "HSC010",
        "apps",
        "warning",
        "Headscale: VPN-only sites without a record",
        "Their names lead clients to the public address, or nowhere; from there a VPN-only site refuses them.",
        "{{ sites_dns() | to_nice_json }} in the file of extra_records_path.",
        f"opsctl: docs/stacks/caddy.md; {RECORDS} of config-example.yaml",
        _missing,
    ),
)
