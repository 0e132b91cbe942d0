"""Rules about an Alertmanager: whether its configuration starts, and its messages get through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.image_version import version_of
from opsctl.apps.mounts import keeps
from opsctl.apps.options import flag
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_WORDS = ("entrypoint", "command")
# The CMD of its Dockerfile.
_CONFIG, _STORAGE = "/etc/alertmanager/alertmanager.yml", "/alertmanager"
_TOKEN_FILE, _THREAD, _CHAT_FILE = (0, 26, 0), (0, 28, 0), (0, 31, 0)
_SINCE = {"bot_token_file": _TOKEN_FILE, "message_thread_id": _THREAD, "chat_id_file": _CHAT_FILE}
_READABLE = 0o004


@dataclass(frozen=True, slots=True)
class Telegram:
    """One entry of telegram_configs, and where it stands."""

    view: ServiceView
    file: ConfigFile
    path: tuple[str | int, ...]
    said: Mapping[str, Any]

    def hit(self, message: str, hint: str, key: str) -> Hit:
        return self.file.hit(message, hint, *self.path, key)


def _views(subject: Subject) -> Iterator[ServiceView]:
    for view in subject.services():
        if view.written.app == "alertmanager":
            yield view


def config_of(view: ServiceView) -> ConfigFile | None:
    """Its alertmanager.yml; None where opsctl mounts none."""
    return config_file(view, flag(view.words(*_WORDS), "config.file") or _CONFIG)


def _telegrams(subject: Subject) -> Iterator[Telegram]:
    for view in _views(subject):
        file = config_of(view)
        receivers = file.section().get("receivers") if file else None
        for at, receiver in enumerate(receivers if isinstance(receivers, list) else ()):
            entries = receiver.get("telegram_configs") if isinstance(receiver, Mapping) else None
            for number, entry in enumerate(entries if isinstance(entries, list) else ()):
                if file and isinstance(entry, Mapping):
                    yield Telegram(view, file, ("receivers", at, "telegram_configs", number), entry)


def _unread(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        file = config_of(view)
        if file is None:
            message = "opsctl mounts no alertmanager.yml: nothing of it was looked at"
            yield about(view, view.place("files"), message, f"mount it at {_CONFIG}", unknown=True)
        else:
            yield from file.broken()


def _no_number(subject: Subject) -> Iterator[Hit]:
    for one in _telegrams(subject):
        chat = one.said.get("chat_id")
        if "chat_id_file" in one.said or (isinstance(chat, int) and not isinstance(chat, bool) and chat):
            continue
        message = "chat_id is no number: Alertmanager does not start"
        yield one.hit(message, "settings: {chat_id: -1001234567890}; without quotes", "chat_id")


def _too_old(subject: Subject) -> Iterator[Hit]:
    for one in _telegrams(subject):
        version = version_of(one.view.service.asked_image or one.view.service.image)
        for key, since in _SINCE.items():
            if key in one.said and version and version < since:
                message = f"{key} came with {'.'.join(map(str, since))}: this Alertmanager does not start"
                yield one.hit(message, "a later image", key)


def _unreadable(subject: Subject) -> Iterator[Hit]:
    for one in _telegrams(subject):
        named = one.said.get("bot_token_file")
        for file in one.view.service.files:
            if file.target == named and not file.mode & _READABLE and not one.view.definition.get("user"):
                message = f"{named} has mode {file.mode:04o}, and Alertmanager is nobody (65534): no message gets out"
                place = one.view.place("files")
                yield about(one.view, file.origin or place, message, 'mode: "0644"; the folder above is 0700')


def _forgetful(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        folder = flag(view.words(*_WORDS), "storage.path") or _STORAGE
        if not keeps(view, folder):
            message = f"it keeps silences in {folder}, where no volume is: they go with the container"
            yield about(view, view.place("volumes"), message, f"volumes: [alertmanager:{folder}]")


_SOURCE = "Alertmanager v0.34.0"
RULES = (
    Rule(
        "ALM001",
        "apps",
        "error",
        "Alertmanager: a configuration that cannot be read",
        "Alertmanager ends at its start, and nobody is told of anything.",
        "Mend the line.",
        "run (0.25.0)",
        _unread,
    ),
    Rule(
        "ALM002",
        "apps",
        "error",
        "Alertmanager: a chat that is no number",
        "chat_id is read as a number: text in quotes, or a value that is missing, ends Alertmanager at its start.",
        "The number of the chat, negative for a group, without quotes. (Grafana wants the opposite: GRF001.)",
        f"{_SOURCE} notify/telegram/config.go; run (0.25.0)",
        _no_number,
    ),
    Rule(
        "ALM003",
        "apps",
        "error",
        "Alertmanager: a key that this version does not know",
        "Unknown keys end Alertmanager at its start: bot_token_file came with 0.26, message_thread_id with 0.28, chat_id_file with "
        "0.31.",
        "A later image.",
        f"{_SOURCE} CHANGELOG.md; run (0.25.0: bot_token_file)",
        _too_old,
    ),
    Rule(
        "ALM004",
        "apps",
        "error",
        "Alertmanager: a token that it cannot read",
        "The token is read at every message, by the user nobody. A file for its owner alone starts well, and loses every message.",
        'mode: "0644": the folder of the project is 0700, so that nobody else of the host reaches it.',
        f"{_SOURCE} Dockerfile (USER nobody), notify/telegram/telegram.go, getBotToken",
        _unreadable,
    ),
    Rule(
        "ALM005",
        "apps",
        "warning",
        "Alertmanager: silences that go with the container",
        "A new container knows neither the silences nor what was announced: it announces again.",
        "A volume at /alertmanager.",
        f"{_SOURCE} Dockerfile, --storage.path",
        _forgetful,
    ),
)
