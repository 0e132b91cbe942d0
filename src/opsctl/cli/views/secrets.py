"""The secrets of an environment as a table, what there is to do about them below it; and one secret's versions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.cli.views.audit import local_time
from opsctl.cli.views.blocks import BLANK, GAP, Block, Column, Line, Span, Style, Table, line, without_empty
from opsctl.cli.views.figures import bar, count, percent
from opsctl.flows.secret_inventory import Item
from opsctl.flows.secret_mending import mend
from opsctl.model.secrets import Secret, Stage, moment_text, number, span_text
from opsctl.secrets.policy import SOON, Severity, span_in_words

STYLES: dict[Severity, Style] = {"high": "bad", "warn": "warn", "note": "dim"}
_STAGES: dict[Stage, Style] = {"current": "good", "pending": "warn", "failed": "bad", "previous": ""}
_LEAD = 6
"""Characters of a severity and the gap after it."""
_WIDEST_SUBJECT = 20
_COLUMNS = (
    Column("secret", least=18),
    Column("class", least=8),
    Column(""),
    Column("age", align="right"),
    Column("term"),
    Column("", align="right"),
    Column("due"),
    Column("remarks", least=12),
    Column("used by", least=6, optional=True),
)
_HISTORY = (
    Column("version"),
    Column("stage"),
    Column("since"),
    Column("by", least=6),
    Column("until"),
    Column("login", least=6),
    Column("note", least=8),
)


def list_view(items: Sequence[Item], environment: str, now: float, *, width: int | None) -> Iterator[Block]:
    if not items:
        yield line(f"{environment} has no secrets, and no stack asks for one")
        return
    yield without_empty(Table(_COLUMNS, tuple(_row(item, now) for item in items)))
    told = [
        Told(remark.severity, item.name, remark.text, mend(item, remark, environment))
        for item in items
        for remark in item.remarks
        if remark.severity != "note"
    ]
    if told:
        yield BLANK
        yield from told_lines(told, width)
    if any(item.uses is None for item in items):
        yield BLANK
        yield line(
            Span("warn", "warn"),
            "  who uses what is not known: the project's files have problems (opsctl lint)",
        )


@dataclass(frozen=True, slots=True)
class Told:
    """Something to say of a subject, and what to do about it ("": nothing); no severity where it could not be found out."""

    severity: Severity | Literal[""]
    subject: str
    text: str
    hint: str = ""


def told_lines(told: Sequence[Told], width: int | None) -> Iterator[Line]:
    """Texts are wrapped to the width. A hint is a command line to copy, so it is not; all stand on lines of their own where
    they do not fit beside the texts.
    """
    subjects = min(max((len(one.subject) for one in told), default=0), _WIDEST_SUBJECT)
    texts = max((len(one.text) for one in told), default=0)
    hints = max((len(one.hint) for one in told), default=0)
    apart = width is not None and _LEAD + subjects + texts + hints + 2 * GAP > width
    for one in told:
        subject = one.subject.ljust(subjects)
        indent = _LEAD + len(subject) + GAP
        first, *rest = _wrapped(one.text, width, indent)
        style = STYLES[one.severity] if one.severity else "change"
        lead = (Span(f"{one.severity or '?':{_LEAD - GAP}}", style), f"  {subject}  ")
        if one.hint and not apart:
            yield line(*lead, f"{first:{texts}}  ", Span(one.hint, "change"))
            continue
        yield line(*lead, first)
        yield from (line(more, indent=indent) for more in rest)
        if one.hint:
            yield line(Span(one.hint, "change"), indent=_LEAD)


def _wrapped(text: str, width: int | None, indent: int) -> list[str]:
    if width is None:
        return [text]
    return textwrap.wrap(text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False) or [
        ""
    ]


def _row(item: Item, now: float) -> tuple[Span, ...]:
    stands = item.standing
    words = ", ".join(dict.fromkeys(remark.kind for remark in item.remarks))
    worst = STYLES[item.remarks[0].severity] if item.remarks else ""
    return (
        Span(item.name, "strong"),
        Span(item.secret.class_ if item.secret else ""),
        Span(item.secret.current if item.secret else ""),
        Span("" if stands.age is None else span_in_words(stands.age)),
        *_term(stands.share),
        _due(stands.due, now),
        Span(words, worst),
        Span(", ".join(item.users)),
    )


def _term(share: float | None) -> tuple[Span, Span]:
    if share is None:
        return Span(""), Span("")
    style: Style = "bad" if share >= 1 else "warn" if share >= SOON else "good"
    return Span(bar(share, 6), style), Span(percent(share))


def _due(due: float | None, now: float) -> Span:
    if due is None:
        return Span("")
    return Span(f"in {span_in_words(due - now)}" if due > now else f"{span_in_words(now - due)} ago")


def list_json(items: Sequence[Item], environment: str) -> dict[str, Any]:
    return {"secrets": [_item_json(item, environment) for item in items]}


def _item_json(item: Item, environment: str) -> dict[str, Any]:
    secret, stands = item.secret, item.standing
    return {
        "name": item.name,
        "stored": secret is not None,
        "class": secret.class_ if secret else None,
        "version": (secret.current or None) if secret else None,
        "age": stands.age,
        "rotate_every": secret.rotate_every if secret else None,
        "share": stands.share,
        "due": _moment(stands.due),
        "expires": _moment(secret.expires) if secret else None,
        "services": None if item.uses is None else list(item.services),
        "registries": None if item.uses is None else list(item.registries),
        "remarks": [
            {
                "kind": remark.kind,
                "severity": remark.severity,
                "message": remark.text,
                "hint": mend(item, remark, environment),
            }
            for remark in item.remarks
        ],
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else moment_text(at)


def history_view(name: str, secret: Secret, now: float) -> Iterator[Block]:
    """The newest version first."""
    yield line(Span(name, "strong"), f"  {policy_text(secret)}")
    rows = [_version_row(secret, one, now) for one in sorted(secret.versions, key=number, reverse=True)]
    if rows:
        yield without_empty(Table(_HISTORY, tuple(rows), indent=2))
    else:
        yield line("no version yet", indent=2)


def policy_text(secret: Secret) -> str:
    """The policy in a line: class, terms, what keeps the value."""
    parts: list[str] = [secret.class_]
    if secret.rotate_every is not None:
        parts.append(f"every {span_text(secret.rotate_every)}")
    parts.append(f"keeps {count(secret.keep, 'old value')}")
    if secret.grace:
        parts.append(f"grace {span_text(secret.grace)}")
    if secret.expires is not None:
        parts.append(f"expires {moment_text(secret.expires)}")
    if secret.due is not None:
        parts.append(
            f"due {moment_text(secret.due)}" + (f" ({secret.due_reason})" if secret.due_reason else "")
        )
    if secret.driver:
        parts.append(f"driver {secret.driver}")
    parts += [f"{key}={value}" for key, value in secret.target.items()]
    return ", ".join(parts) + (f" - {secret.note}" if secret.note else "")


def _version_row(secret: Secret, one: str, now: float) -> tuple[Span, ...]:
    version = secret.versions[one]
    return (
        Span(one, "strong"),
        Span(version.stage, _STAGES[version.stage]),
        Span(f"{local_time(version.created)} ({span_in_words(now - version.created)})"),
        Span(version.by),
        Span("" if version.retired is None else local_time(version.retired), "dim"),
        Span(version.login),
        Span(version.note),
    )


def history_json(name: str, secret: Secret) -> dict[str, Any]:
    return {
        "name": name,
        "class": secret.class_,
        "driver": secret.driver or None,
        "target": dict(secret.target),
        "rotate_every": secret.rotate_every,
        "keep": secret.keep,
        "grace": secret.grace,
        "expires": _moment(secret.expires),
        "due": _moment(secret.due),
        "due_reason": secret.due_reason or None,
        "note": secret.note or None,
        "versions": [
            {
                "version": one,
                "stage": secret.versions[one].stage,
                "created": _moment(secret.versions[one].created),
                "by": secret.versions[one].by,
                "retired": _moment(secret.versions[one].retired),
                "login": secret.versions[one].login or None,
                "note": secret.versions[one].note or None,
            }
            for one in sorted(secret.versions, key=number, reverse=True)
        ],
    }
