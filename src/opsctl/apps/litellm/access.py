"""Rules about who may use a LiteLLM proxy, and about releases that must not run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.image_version import version_of
from opsctl.apps.litellm.key_lists import GENERAL
from opsctl.apps.litellm.proxy import Proxy, proxies
from opsctl.model.fleet import Place
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_MASTER_KEY = "LITELLM_MASTER_KEY"
# 1.109.1 proxy/auth/master_key_boot_check.py refuses to start with it; it stands in the quick start of the documentation.
_PUBLISHED = "sk-1234"
_SHORTEST = 20
_PLACEHOLDER = re.compile(r"__secret_.+?__")
_MALICIOUS = frozenset({(1, 82, 7), (1, 82, 8)})
_STEALS = "is malicious: it sends off the credentials that it finds"
_HINT = "take 1.82.6, or 1.83.0 and later; where it ran, rotate every secret that it could read"
_INSTALLED = re.compile(r"litellm(?:\[[^\]]*\])?\s*={2,3}\s*(1\.82\.[78])(?![\d.])", re.IGNORECASE)


def _weak_key(subject: Subject) -> Iterator[Hit]:
    for proxy in proxies(subject):
        key, variable = _key(proxy)
        wrong = _wrong(key)
        if not wrong:
            continue
        hint = f"opsctl secrets set litellm_master_key, a value that begins with sk-; {_MASTER_KEY}: {{secret: litellm_master_key}}"
        if proxy.config and not variable and key:
            yield proxy.config.hit(f"the master key {wrong}", hint, GENERAL, "master_key")
        else:
            yield proxy.hit(f"the master key {wrong}", hint, "env", variable or _MASTER_KEY)


def _key(proxy: Proxy) -> tuple[str, str]:
    """The master key, and the variable that it stands in; "" for the file itself. The file wins (proxy_server.py 1.81.3)."""
    written = proxy.section(GENERAL).get("master_key")
    if written is not None and not str(written).startswith("os.environ/"):
        return str(written), ""
    variable = str(written).removeprefix("os.environ/") if written is not None else _MASTER_KEY
    return proxy.view.service.env.get(variable, ""), variable


def _wrong(key: str) -> str:
    """What is wrong with it; never the key itself. What a store will give is not known here."""
    if _PLACEHOLDER.search(key):
        return ""
    if not key:
        return "is not set: anybody may use every model"
    if key == _PUBLISHED:
        return "is the one of LiteLLM's documentation"
    if not key.startswith("sk-"):
        return "does not begin with sk-: LiteLLM refuses it as a key"
    return "is short enough to be guessed" if len(key) < _SHORTEST else ""


def _malicious(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        image = view.service.asked_image or view.service.image
        version = version_of(image) if _is_litellm(image) else None
        found = [("image", _text(version))] if version in _MALICIOUS else []
        found += [
            ("command", release)
            for release in _INSTALLED.findall(" ".join(view.words("entrypoint", "command")))
        ]
        for key, release in found:
            yield about(view, view.place(key), f"LiteLLM {release} {_STEALS}", _HINT)
    for name, text in subject.fleet.templates.items():
        for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
            for release in _INSTALLED.findall(line):
                yield Hit(Place(f"templates/{name}", number), f"LiteLLM {release} {_STEALS}", _HINT)


def _text(version: tuple[int, int, int] | None) -> str:
    return ".".join(map(str, version or ()))


def _is_litellm(image: str) -> bool:
    try:
        return "litellm" in parse_reference(image).path
    except Unfit:
        return False


RULES = (
    Rule(
        "LLM010",
        "apps",
        "error",
        "LiteLLM: no master key, or one that anybody can guess",
        "Who has it spends your money and makes keys for others. A release between 1.89.1 and 1.109.1 began to refuse to start "
        "without one, and with the one of the documentation.",
        "A long random value that begins with sk-, from the secret store.",
        "1.109.1 proxy/auth/master_key_boot_check.py; docs.litellm.ai/docs/proxy/virtual_keys",
        _weak_key,
    ),
    Rule(
        "LLM011",
        "apps",
        "error",
        "LiteLLM: a malicious release",
        "1.82.7 and 1.82.8 of PyPI were published by somebody else on 2026-03-24, and send off what credentials they find.",
        "1.82.6, or 1.83.0 and later. Where one of the two ran, every secret it could read is known to others.",
        "BerriAI security notice of 2026-03-24; PyPI removed both",
        _malicious,
    ),
)
