"""The examples of an app's page as a small project of one host: what people copy is what the tests lint."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "stacks"
HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
domain = "example.org"
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
"""


@dataclass(frozen=True)
class Page:
    """`stack` is the first YAML block; `templates` are the blocks after a line that names `templates/…`, by that path."""

    stack: str
    templates: Mapping[str, str]

    def project(self, root: Path, edits: Mapping[str, list[tuple[str, str]]] | None = None) -> Path:
        """Written below `root`, each file with its edits, by `stack` or the path below templates/."""
        files = {"stack": self.stack, **self.templates}
        for name, changes in (edits or {}).items():
            for old, new in changes:
                assert old in files[name], f"{name}: {old}"
                files[name] = files[name].replace(old, new, 1)
        (root / "stacks").mkdir(parents=True)
        (root / "hosts.toml").write_text(HOSTS)
        (root / "stacks" / "apps.yml").write_text(files.pop("stack"))
        for name, text in files.items():
            (root / "templates" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "templates" / name).write_text(text)
        return root


def page(name: str) -> Page:
    """Of docs/stacks/NAME.md."""
    text = (DOCS / name).read_text(encoding="utf-8")
    stack = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    named = re.findall(r"`templates/([^`]+)`[^\n]*\n(?:[^\n`]*\n)*?\n?```\w+\n(.*?)```", text, re.DOTALL)
    return Page(textwrap.dedent(stack), dict(named))
