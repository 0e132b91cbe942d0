"""Rules about a Loki: that it starts, forgets what it shall, and tells its health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.image_version import version_of
from opsctl.apps.mounts import keeps
from opsctl.apps.options import flag
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_WORDS = ("entrypoint", "command")
# The CMD of its Dockerfile.
_CONFIG = "/etc/loki/local-config.yaml"
_HEALTH = (3, 6, 5)


@dataclass(frozen=True, slots=True)
class Loki:
    """`config` is None where opsctl mounts none."""

    view: ServiceView
    config: ConfigFile | None

    @property
    def compactor(self) -> Mapping[str, object]:
        return self.config.section("compactor") if self.config else {}


def _lokis(subject: Subject) -> Iterator[Loki]:
    for view in subject.services():
        if view.written.app == "loki":
            named = flag(view.words(*_WORDS), "config.file") or _CONFIG
            yield Loki(view, config_file(view, named))


def _unread(subject: Subject) -> Iterator[Hit]:
    for loki in _lokis(subject):
        if loki.config is None:
            message = "opsctl does not mount the file that it reads: nothing of it was looked at"
            hint = "command: [-config.file=/etc/loki/loki.yml], and mount that with files"
            yield about(loki.view, loki.view.place("command"), message, hint, unknown=True)
        else:
            yield from loki.config.broken()


def _no_store(subject: Subject) -> Iterator[Hit]:
    for loki in _lokis(subject):
        if (
            loki.config
            and loki.compactor.get("retention_enabled") is True
            and not loki.compactor.get("delete_request_store")
        ):
            message = "retention_enabled without delete_request_store: Loki does not start"
            yield loki.config.hit(
                message, "delete_request_store: filesystem", "compactor", "retention_enabled"
            )


def _for_ever(subject: Subject) -> Iterator[Hit]:
    for loki in _lokis(subject):
        if loki.config and loki.config.section() and loki.compactor.get("retention_enabled") is not True:
            asked = "retention_period" in loki.config.section("limits_config")
            what = "retention_period does nothing" if asked else "nothing is ever deleted"
            path = ("limits_config", "retention_period") if asked else ("compactor",)
            hint = "compactor: {retention_enabled: true, delete_request_store: filesystem}"
            yield loki.config.hit(f"{what} without retention_enabled", hint, *path)


def _health(subject: Subject) -> Iterator[Hit]:
    for loki in _lokis(subject):
        version = version_of(loki.view.service.asked_image or loki.view.service.image)
        if "-health" in loki.view.probe.split() and version and version < _HEALTH:
            message = "loki -health came with 3.6.5: this container is unhealthy for ever"
            yield about(loki.view, loki.view.place("healthcheck"), message, "a later image")


def _homeless(subject: Subject) -> Iterator[Hit]:
    for loki in _lokis(subject):
        folder = str(loki.config.section("common").get("path_prefix") or "") if loki.config else ""
        if folder and not keeps(loki.view, folder.rstrip("/")):
            message = f"it stores in {folder}, where no volume is: the logs go with the container"
            yield about(loki.view, loki.view.place("volumes"), message, f"volumes: [loki:{folder}]")


RULES = (
    Rule(
        "LOK001",
        "apps",
        "error",
        "Loki: a configuration that cannot be read",
        "Loki ends at its start.",
        "Mend the line, and mount the file that -config.file names.",
        "grafana.com/docs/loki, configure",
        _unread,
    ),
    Rule(
        "LOK002",
        "apps",
        "error",
        "Loki: retention without a place for requests to delete",
        "Loki checks this at its start and ends.",
        "delete_request_store: filesystem, beside retention_enabled.",
        "Loki v3.7.6 pkg/compactor/config.go 109",
        _no_store,
    ),
    Rule(
        "LOK003",
        "apps",
        "warning",
        "Loki: logs that are kept for ever",
        "Only the compactor deletes, and only with retention_enabled: retention_period alone changes nothing, and the disk fills.",
        "compactor: {retention_enabled: true, delete_request_store: filesystem}",
        "grafana.com/docs/loki, log retention",
        _for_ever,
    ),
    Rule(
        "LOK004",
        "apps",
        "error",
        "Loki: a healthcheck that this version does not know",
        "Between 3.6.0 and 3.6.4 nothing in the image can ask: no shell, no wget, no -health.",
        "3.6.5 or later.",
        "services 9.4",
        _health,
    ),
    Rule(
        "LOK005",
        "apps",
        "error",
        "Loki: logs that go with the container",
        "A new container begins with nothing.",
        "A volume at path_prefix. Loki is user 10001: a folder of the host must be that user's.",
        "services 9.4; compose-traps",
        _homeless,
    ),
)
