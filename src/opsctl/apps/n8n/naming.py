"""Rules about the names of variables: n8n reads those that it knows, and says nothing about the others."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.n8n.instance import POOL, Instance, instances
from opsctl.apps.n8n.variables import NEWEST, PREFIXES, Variables, variables_of
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_LISTS = "npm n8n 1.123.81, 2.7.5, 2.41.1 and @n8n/config 1.65.9, 2.6.1, 2.39.0: Env('…') and process.env"
# dist/deprecation/deprecation.service.js: entries that hold for any value. By the version that was read.
_REMOVE = "it does nothing any more: remove it"
_DEPRECATED: dict[tuple[int, int], dict[str, str]] = {
    (1, 123): {
        "N8N_BINARY_DATA_TTL": _REMOVE,
        "N8N_PERSISTED_BINARY_DATA_TTL": _REMOVE,
        "EXECUTIONS_DATA_PRUNE_TIMEOUT": _REMOVE,
        "N8N_SKIP_WEBHOOK_DEREGISTRATION_SHUTDOWN": _REMOVE,
        "N8N_EXPRESSION_EVALUATOR": _REMOVE,
        "N8N_EXPRESSION_REPORT_DIFFERENCE": _REMOVE,
        "N8N_CONFIG_FILES": "use variables, or their forms with _FILE",
        "EXECUTIONS_PROCESS": "n8n does not start with the value own: remove it",
    },
    (2, 7): {
        "N8N_BINARY_DATA_STORAGE_PATH": "use N8N_STORAGE_PATH",
        "N8N_AVAILABLE_BINARY_DATA_MODES": _REMOVE,
        "N8N_RUNNERS_ENABLED": "task runners are always on: remove it",
    },
    (2, 41): {
        "N8N_DB_PING_TIMEOUT": "use DB_PING_TIMEOUT_MS",
        "WEBHOOK_URL": "use N8N_WEBHOOK_URL",
    },
}


def _is_later(instance: Instance) -> bool:
    """Than every list, or nobody knows."""
    return instance.version is None or instance.version > NEWEST.version


def _unknown(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        if not _is_later(instance):
            known = variables_of(instance.version)
            for name in _strangers(instance, known):
                yield instance.hit(f"n8n reads no {name}", _hint(name, known), *_at(instance, name))


def _later(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        if _is_later(instance):
            told = f"{instance.version[0]}.{instance.version[1]}" if instance.version else "its version"
            for name in _strangers(instance, NEWEST):
                text = f"n8n 2.41 reads no {name}, and what {told} reads is not known here"
                hint = f"{_hint(name, NEWEST)} else settings: {{allowed_variables: [{name}]}}"
                yield instance.hit(text, hint.strip(), *_at(instance, name))


def _strangers(instance: Instance, known: Variables) -> Iterator[str]:
    allowed = set(instance.settings.allowed_variables) | _deprecated(instance).keys()
    for name in instance.view.service.env:
        if name.startswith(PREFIXES) and not known.knows(name) and name not in allowed:
            yield name


def _at(instance: Instance, name: str) -> tuple[str, ...]:
    return ("env", name) if name in instance.view.written.env else ("env",)


def _hint(name: str, known: Variables) -> str:
    base = name.removesuffix("_FILE")
    if base != name and base in known.plain:
        return f"{base} has no form with _FILE"
    if name.startswith("N8N_DB_"):
        if "POOL" in name or "CONNECTION_MAX" in name:
            return f"the connections of a process are {POOL}"
        rest = name.removeprefix("N8N_DB_").removeprefix("POSTGRESDB_").removeprefix("POSTGRES_")
        return nearest(f"DB_POSTGRESDB_{rest}", known.all)
    return nearest(name, known.all)


def _deprecated(instance: Instance) -> dict[str, str]:
    return {
        name: text
        for version, names in _DEPRECATED.items()
        if instance.version is None or instance.version >= version
        for name, text in names.items()
    }


def _on_the_way_out(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        for name, text in _deprecated(instance).items():
            if name in instance.view.service.env:
                yield instance.hit(f"{name} is deprecated", text, *_at(instance, name))


RULES = (
    Rule(
        "N8N001",
        "apps",
        "error",
        "n8n: a variable that it does not read",
        "n8n says nothing about it and goes on with its default. N8N_DB_CONNECTION_MAX_POOL_SIZE and the like do not exist. Names "
        "that begin as n8n's own do are held against the lists of the image's version.",
        "Write the name that n8n reads; one that is right and not listed goes into `allowed_variables` of the settings.",
        _LISTS,
        _unknown,
    ),
    Rule(
        "N8N002",
        "apps",
        "warning",
        "n8n: a variable that no list has, of a version newer than the lists",
        "Each week's release brings variables: whether it is one of those or a mistake cannot be told.",
        "Look it up; put it into `allowed_variables` of the settings, and pin a version by its tag.",
        _LISTS,
        _later,
    ),
    Rule(
        "N8N014",
        "apps",
        "warning",
        "n8n: a variable that is on its way out",
        "n8n names it in its log at the start, and drops it in a later version.",
        "Do what the finding says.",
        "n8n 1.123.81, 2.7.5, 2.41.1: dist/deprecation/deprecation.service.js",
        _on_the_way_out,
    ),
)
