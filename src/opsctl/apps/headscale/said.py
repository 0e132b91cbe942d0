"""What the config.yaml that a running Headscale has says, whoever wrote it: opsctl, or people on the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.headscale.configuration import Control
from opsctl.checks.situation import ServiceNow


@dataclass(frozen=True, slots=True)
class Said:
    """`tree` is the file, `env` the environment, whose HEADSCALE_ variables win."""

    tree: Mapping[str, Any]
    env: Mapping[str, str]

    def value(self, key: str) -> Any:
        """Of a dotted key in small letters; None where nothing is said, and for null."""
        if (variable := f"HEADSCALE_{key.replace('.', '_').upper()}") in self.env:
            return self.env[variable]
        here: Any = self.tree
        for part in key.split("."):
            entries = here.items() if isinstance(here, Mapping) else ()
            here = next((value for name, value in entries if str(name).lower() == part), None)
        return here


def said_by(now: ServiceNow, control: Control) -> Said | str:
    """By what was rendered for a file that opsctl mounts, by the look at the host for one that it owns keys of; else why not."""
    configuration = control.configuration
    env = now.service.env
    if configuration is None:
        return f"{control.path} is neither merged nor mounted by opsctl"
    if configuration.file:
        return Said(configuration.file.section(), env)
    path = now.service.merges[configuration.merge].path
    seen = now.host.observed.merged.get(path)
    if seen is None or seen.state != "file":
        return f"{path} could not be read: {seen.state if seen else 'not looked at'}"
    from opsctl.model.yaml_document import read_yaml  # ruamel costs 30 ms

    tree = read_yaml(path, seen.content).value
    return Said(tree, env) if isinstance(tree, Mapping) else f"{path} is no YAML mapping"
