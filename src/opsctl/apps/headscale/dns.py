"""Rules about the DNS that Headscale gives to its clients: combinations that end it, and what somebody else may change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from opsctl.apps.headscale.configuration import Configuration, Control, configured
from opsctl.apps.headscale.key_lists import is_read
from opsctl.render.sites import site_views
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

OVERRIDE, GLOBAL = "dns.override_local_dns", "dns.nameservers.global"
RECORDS, RECORDS_PATH = "dns.extra_records", "dns.extra_records_path"
_OLD_OVERRIDE = "dns_config.override_local_dns"
# With 0.23 keys moved to dns; from 0.23 to 0.25 nothing overrides; at 0.24 the check of server_url took domains apart.
_MOVED, _OVERRIDES, _TAKEN_APART = 23, 26, 24
_CONFIG = "juanfont/headscale hscontrol/types/config.go"


def _ends(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        if (
            control.minor >= _OVERRIDES
            and _is_on(configuration, OVERRIDE)
            and _is_empty(configuration, GLOBAL)
        ):
            message = f"{GLOBAL} is empty while {OVERRIDE} is true: Headscale does not start"
            at = GLOBAL if configuration.at(GLOBAL) else OVERRIDE
            yield configuration.hit(message, "nameservers: {global: [1.1.1.1, 9.9.9.9]}", at)
        if (
            control.minor >= _MOVED
            and _is_on(configuration, "dns.magic_dns")
            and _is_empty(configuration, "dns.base_domain")
        ):
            message = "dns.base_domain is empty while dns.magic_dns is true: Headscale does not start"
            at = "dns.base_domain" if configuration.at("dns.base_domain") else "dns.magic_dns"
            yield configuration.hit(message, "base_domain: tail.example.net", at)
        url = configuration.value("server_url")
        if url is not None and not str(url).startswith(("http://", "https://")):
            yield configuration.hit("server_url begins with https:// or http://", "", "server_url")


def _is_on(configuration: Configuration, key: str) -> bool:
    """Of a key that is true where nobody says otherwise. What may stand in a file of the host is not taken for an answer."""
    if not configuration.owns(key):
        return False
    value = configuration.value(key, default=True)
    return value is True or (isinstance(value, str) and value.lower() in {"true", "1", "t"})


def _is_empty(configuration: Configuration, key: str) -> bool:
    return configuration.owns(key) and not configuration.value(key)


def _takes_itself_away(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        base = str(configuration.value("dns.base_domain") or "").lower()
        url = _server_url(subject, control, configuration)
        if control.minor >= _MOVED and base and url and _takes_away(base, url, control.minor):
            message = (
                f"dns.base_domain {base} covers {_host(url)}, which its clients then look for in the VPN"
            )
            yield configuration.hit(message, "a domain of its own: tail.example.net", "dns.base_domain")


def _takes_away(base: str, url: str, minor: int) -> bool:
    """Whether the VPN's domain covers the server's name; in 0.23 wherever it stands in the URL."""
    host = _host(url)
    within = host == base or host.endswith(f".{base}")
    return within or (minor < _TAKEN_APART and base in url.lower())


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _server_url(subject: Subject, control: Control, configuration: Configuration) -> str:
    """As Headscale is told it, else as the operator states it, else the name of its site."""
    told = control.view.service.env.get("HEADSCALE_SERVER_URL") or configuration.value("server_url")
    stated = str(told or control.settings.server_url or "")
    if stated:
        return stated
    sites = site_views(subject.fleet, subject.environment).values()
    mine = (one["host_name"] for one in sites if one["service"] == control.view.name)
    return next((f"https://{name}" for name in mine), "")


def _both(subject: Subject) -> Iterator[Hit]:
    for _, configuration in configured(subject):
        if _says(configuration, RECORDS) and _says(configuration, RECORDS_PATH):
            message = (
                f"{RECORDS} and {RECORDS_PATH} are both set, as an empty list too: Headscale does not start"
            )
            yield configuration.hit(message, f"extra_records: null beside {RECORDS_PATH}", RECORDS)


def _says(configuration: Configuration, key: str) -> bool:
    return configuration.value(key) is not None


def _other_kind(subject: Subject) -> Iterator[Hit]:
    for _, configuration in configured(subject):
        for mine, other in ((RECORDS_PATH, RECORDS), (RECORDS, RECORDS_PATH)):
            if _says(configuration, mine) and not configuration.owns(other):
                message = f"{mine} is owned, and {other} may stand in the file too: with both Headscale does not start"
                yield configuration.hit(message, f"own it as nothing: {other.rpartition('.')[2]}: null", mine)


def _unstated(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        override = OVERRIDE if is_read(OVERRIDE, control.minor) else _OLD_OVERRIDE
        if not is_read(override, control.minor):
            continue
        if not _says(configuration, override):
            message = f"{override} is not stated: whoever edits the file decides whose DNS the clients use"
            yield configuration.hit(message, "override_local_dns: true, or false", override)
        elif override == OVERRIDE and _is_on(configuration, override) and not configuration.owns(GLOBAL):
            message = f"{OVERRIDE} is true, and {GLOBAL} is not owned: an empty one ends Headscale"
            yield configuration.hit(message, "nameservers: {global: [1.1.1.1, 9.9.9.9]}", override)


def own_records(configuration: Configuration) -> list[Any] | None:
    """The records that stand in the configuration itself; None where it does not say any."""
    found = configuration.value(RECORDS)
    return found if isinstance(found, list) else None


RULES = (
    Rule(
        "HSC003",
        "apps",
        "error",
        "Headscale: values that it does not start with",
        "With override_local_dns, true where nobody says otherwise, it wants global nameservers; with magic_dns a base_domain; and a "
        "server_url with its scheme.",
        "State both of each pair.",
        f"{_CONFIG} v0.26.1, v0.29.2, validateServerConfig, dnsToTailcfgDNS",
        _ends,
    ),
    Rule(
        "HSC004",
        "apps",
        "error",
        "Headscale: a base_domain that covers its own name",
        "Clients ask the VPN for every name of base_domain, so that they would not find the server itself. Headscale refuses to start "
        "(in 0.24 and 0.25 it starts where both are the same).",
        "Give the VPN a domain that server_url does not lie in.",
        f"{_CONFIG}, isSafeServerURL (v0.23.0: strings.Contains)",
        _takes_itself_away,
    ),
    Rule(
        "HSC005",
        "apps",
        "error",
        "Headscale: records in the configuration and in a file",
        "One excludes the other, and an empty list counts as set.",
        "Keep extra_records_path, and leave extra_records out; in a merged file, own it as null.",
        f"{_CONFIG} since v0.24.0, validateServerConfig; viper, IsSet",
        _both,
    ),
    Rule(
        "HSC006",
        "apps",
        "warning",
        "Headscale: the other kind of records may stand in the file",
        "Headscale's example has `extra_records: []`. A merged file keeps it, and Headscale does not start beside extra_records_path.",
        "Own the other key as null: that counts as not set.",
        f"{_CONFIG}; config-example.yaml v0.26.1 to v0.29.2",
        _other_kind,
    ),
    Rule(
        "HSC007",
        "apps",
        "warning",
        "Headscale: DNS that an edit by hand decides",
        "Without override_local_dns clients may ask their own resolver for the names of VPN-only sites: they get the public address, "
        "come from outside, and are refused.",
        "State override_local_dns, and the global nameservers with it.",
        "audit: Headscale DNS override not idempotent; facts: services 0 (21)",
        _unstated,
    ),
)
