"""Rules about what a Grafana is provisioned with: that it is taken, says what was meant, and can fire."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.config_file import place_of
from opsctl.apps.grafana.provisioned import Grafana, Part, grafanas
from opsctl.apps.health_state import METRIC, below_healthy, invented, is_filter
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

# What is computed from other queries, and the source of dashboards' own queries.
_OWN_SOURCES = frozenset({"__expr__", "-100"})
# In Go's templates of labels and annotations; Grafana takes $labels and $values there for variables of the environment.
_SINGLE = re.compile(r"(?<!\$)\$(?:labels|values|value)\b")
_ADMIN = ("GF_SECURITY_ADMIN_PASSWORD", "GF_SECURITY_ADMIN_PASSWORD__FILE")


def _unread(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        for file in grafana.files:
            yield from file.broken()


def _no_text(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        for point in grafana.parts("contactPoints"):
            for receiver in point.parts("receivers"):
                settings = receiver.said.get("settings")
                if receiver.said.get("type") != "telegram" or not isinstance(settings, dict):
                    continue
                chat = settings.get("chatid")
                if not isinstance(chat, str) or chat.startswith("$"):
                    why = (
                        "from the environment it becomes a number"
                        if isinstance(chat, str)
                        else "it is no text"
                    )
                    message = f"chatid: {why}, and Grafana does not start"
                    yield receiver.hit(message, 'chatid: "-1001234567890", in quotes', "settings", "chatid")


def _dollars(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        for file in grafana.files:
            for number, text in enumerate(file.file.content.decode(errors="replace").splitlines(), start=1):
                if found := _SINGLE.search(text):
                    message = f"{found[0]} is a variable of the environment here, and empty"
                    place = place_of(grafana.view.fleet, file.file, number)
                    yield about(grafana.view, place, message, f"write ${found[0]}")


def _no_source(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        known = {str(one.said.get("uid")) for one in grafana.parts("datasources")}
        for rule in grafana.rules():
            for query in rule.parts("data"):
                uid = str(query.said.get("datasourceUid", ""))
                if uid not in known | _OWN_SOURCES:
                    has = ", ".join(sorted(known)) or "none"
                    message = f"{_title(rule)} asks the source {uid!r}, which is not provisioned ({has})"
                    yield query.hit(
                        message, "give the source that uid in its provisioning file", "datasourceUid"
                    )


def _trees(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        seen: set[str] = set()
        for policy in grafana.parts("policies"):
            org = str(policy.said.get("orgId", 1))
            if org in seen:
                message = "policies replace the whole tree: those that were read before are gone"
                yield policy.hit(message, "one entry with all routes below it")
            seen.add(org)


def _expressions(grafana: Grafana) -> Iterator[tuple[Part, Part, str]]:
    for rule in grafana.rules():
        for query in rule.parts("data"):
            model = query.said.get("model")
            if isinstance(model, dict) and isinstance(model.get("expr"), str):
                yield rule, query, model["expr"]


def _title(rule: Part) -> str:
    return str(rule.said.get("title") or rule.said.get("uid") or "a rule")


def _invented(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        for rule, query, expression in _expressions(grafana):
            if name := invented(expression):
                message = f"{_title(rule)}: cAdvisor has no metric {name}"
                yield query.hit(message, f"{METRIC}: 1 healthy, 0 starting or unhealthy", "model", "expr")


def _health(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        for rule, query, expression in _expressions(grafana):
            message = ""
            if said := below_healthy(expression):
                message = f"{METRIC} {said} fires for every container without a healthcheck, which is -1"
            elif is_filter(expression):
                message = f"{METRIC} == 0 has no series while all is well, which Grafana calls no data"
            if message:
                hint = f"{METRIC}{{…}} == bool 0, and a threshold gt 0"
                yield query.hit(f"{_title(rule)}: {message}", hint, "model", "expr")


def _admin(subject: Subject) -> Iterator[Hit]:
    for grafana in grafanas(subject):
        if not any(name in grafana.view.service.env for name in _ADMIN):
            message = "the administrator's password is admin, until somebody changes it"
            yield grafana.hit(message, "env: {GF_SECURITY_ADMIN_PASSWORD: {secret: grafana_admin}}", "env")


_DOCS = "grafana.com/docs/grafana, alerting provisioning"
RULES = (
    Rule(
        "GRF001",
        "apps",
        "error",
        "Grafana: a chat that is no text",
        "chatid is read as text. A number, or $NAME, which becomes one, ends Grafana at its start: cannot unmarshal number into Go "
        "struct field of type string.",
        "Write it in quotes. (Alertmanager wants the opposite: ALM002.)",
        "grafana/grafana issue 69950; services 9.2",
        _no_text,
    ),
    Rule(
        "GRF002",
        "apps",
        "error",
        "Grafana: a dollar that is not doubled",
        "Provisioning files are filled in from the environment: {{ $labels.name }} becomes {{ .name }}, and the message is empty or "
        "an error.",
        "{{ $$labels.name }}",
        f"{_DOCS}; services 9.2",
        _dollars,
    ),
    Rule(
        "GRF003",
        "apps",
        "error",
        "Grafana: a source that is not provisioned",
        "A rule names its source by the uid. Without a uid in the provisioning file Grafana makes one up, which nobody knows.",
        "uid: in the file of the source, and the same in datasourceUid.",
        f"{_DOCS}; services 9.2",
        _no_source,
    ),
    Rule(
        "GRF004",
        "apps",
        "warning",
        "Grafana: policies twice",
        "An entry of policies is the whole tree of an organisation, and also what was made in the browser is gone.",
        "One entry, with routes.",
        f"{_DOCS}; services 9.2",
        _trees,
    ),
    Rule(
        "GRF005",
        "apps",
        "error",
        "Grafana: a metric that nobody has",
        "An expression without series never fires, or is no data for ever.",
        f"{METRIC}, and container_start_time_seconds for restarts.",
        "cadvisor v0.60.5 lib/metrics/prometheus.go 138",
        _invented,
    ),
    Rule(
        "GRF006",
        "apps",
        "error",
        "Grafana: health that is asked for wrongly",
        "< 1 takes -1, no healthcheck, for unhealthy. == 0 is a filter: while all is well it has no series, and the rule is in NoData, "
        "which with noDataState: Alerting is an alarm for nothing.",
        "== bool 0 with a threshold gt 0; noDataState: Alerting then means that cAdvisor is gone.",
        "cadvisor v0.60.5 lib/metrics/prometheus.go 2465; services 9.2",
        _health,
    ),
    Rule(
        "GRF007",
        "apps",
        "warning",
        "Grafana: the password admin",
        "A new Grafana has the user admin with the password admin.",
        "GF_SECURITY_ADMIN_PASSWORD. It is used at the first start; later grafana cli admin reset-admin-password.",
        "grafana.com/docs/grafana, security.admin_password",
        _admin,
    ),
    Rule(
        "GRF008",
        "apps",
        "error",
        "Grafana: a provisioning file that cannot be read",
        "Grafana ends at its start.",
        "Mend the line.",
        _DOCS,
        _unread,
    ),
)
