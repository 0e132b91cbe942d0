"""Variables that Ansible Vault encrypted: a whole file of them, or single values in a plain one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opsctl.edges.foreign.vault import (
    NotAVault,
    WrongPassword,
    decrypt,
    is_envelope,
    read_envelope,
)
from opsctl.errors import InputError, Problem, UsageError
from opsctl.secrets.importing import Found

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, ScalarNode

_DEEPEST = 16
_TAGS = {"!vault", "!vault-encrypted"}
_YAML = "tag:yaml.org,2002:"
_TEMPLATE = re.compile(r"\{\{|\{%")
_QUOTE_IT = "quote it in the file, if its text is meant"


def read_ansible(
    file: str, data: bytes, password: Callable[[], bytes], wanted: Callable[[Sequence[str]], bool]
) -> tuple[Found, ...]:
    """What is wanted of it: of a file that is encrypted as a whole every scalar, of a plain one the `!vault` values.

    `file` is its name for messages; `password` is asked for once, when it is needed. Raises UsageError where it opens
    not all that is wanted, or nothing is encrypted; InputError where the text is not YAML.
    """
    walk = _Walk(file, password, wanted)
    if is_envelope(data):
        walk.whole = True
        data = walk.opened_whole(data)
    root = _compose(file, data)
    found = tuple(walk.mapping(root, ()))
    walk.require_all_opened()
    if not walk.whole and not walk.met_vault:
        raise UsageError(
            "nothing in it is encrypted with Ansible Vault",
            where=file,
            hint="plain values are imported from a .env file: --from-env FILE",
        )
    return found


class _Walk:
    """Goes through the composed nodes; values that are not wanted are not decrypted."""

    def __init__(
        self, file: str, password: Callable[[], bytes], wanted: Callable[[Sequence[str]], bool]
    ) -> None:
        self.whole = False
        self.met_vault = False
        self._file = file
        self._ask = password
        self._password: bytes | None = None
        self._wanted = wanted
        self._tried = 0
        self._closed: list[str] = []

    def opened_whole(self, data: bytes) -> bytes:
        """Raises UsageError."""
        try:
            envelope = read_envelope(data)
        except NotAVault as why:
            raise UsageError(f"not a file of Ansible Vault: {why}", where=self._file) from None
        try:
            return decrypt(envelope, self._given())
        except WrongPassword:
            of = f" (vault id {envelope.label})" if envelope.label else ""
            raise UsageError(
                f"the vault password does not open it{of}, or it is damaged", where=self._file
            ) from None

    def mapping(self, node: MappingNode, path: tuple[str, ...]) -> Iterator[Found]:
        for key, value in node.value:
            line = key.start_mark.line + 1
            below = (*path, str(key.value))
            if key.tag != f"{_YAML}str":
                if self.whole and self._wanted(below):
                    yield Found(below, line, trouble="has a name that is not text", hint=_QUOTE_IT)
            elif value.id == "mapping" and len(below) < _DEEPEST:
                yield from self.mapping(value, below)
            elif value.id == "scalar":
                yield from self._scalar(value, below, line)
            elif (self.whole or _holds_vault(value, _DEEPEST)) and self._wanted(below):
                self.met_vault = True
                what = "is a list" if value.id == "sequence" else "is nested too deep"
                yield Found(below, line, trouble=f"{what}, and a secret is one text", hint="--only NAME")

    def require_all_opened(self) -> None:
        if self._closed:
            raise UsageError(
                f"the vault password opens {self._tried - len(self._closed)} of {self._tried} values, not: "
                f"{', '.join(self._closed)}",
                where=self._file,
                hint="values of other vault ids are imported with their own password: --only NAME",
            )

    def _scalar(self, node: ScalarNode, path: tuple[str, ...], line: int) -> Iterator[Found]:
        vault = node.tag in _TAGS
        self.met_vault |= vault
        if not (vault or self.whole) or not self._wanted(path):
            return
        if vault:
            yield from self._inline(node, path, line)
        elif node.tag == "!unsafe":
            yield Found(path, line, node.value)
        else:
            yield _plain(node, path, line)

    def _inline(self, node: ScalarNode, path: tuple[str, ...], line: int) -> Iterator[Found]:
        try:
            envelope = read_envelope(node.value.encode())
        except NotAVault as why:
            yield Found(path, line, trouble=f"is no value of Ansible Vault: {why}")
            return
        self._tried += 1
        try:
            data = decrypt(envelope, self._given())
        except WrongPassword:
            of = f", vault id {envelope.label}" if envelope.label else ""
            self._closed.append(f"{'.'.join(path)} (line {line}{of})")
            return
        try:
            yield _text(path, line, data.decode())
        except UnicodeDecodeError:
            yield Found(path, line, trouble="is not UTF-8 text", hint="encode it in base64")

    def _given(self) -> bytes:
        if self._password is None:
            self._password = self._ask()
        return self._password


def _plain(node: ScalarNode, path: tuple[str, ...], line: int) -> Found:
    """A number is taken where Ansible would write it as it stands: 8080, not 0777."""
    kind, text = str(node.tag).removeprefix(_YAML), node.value
    if kind == "null":
        return Found(path, line)
    if kind == "str" or (kind == "int" and re.fullmatch(r"0|-?[1-9][0-9]*", text)):
        return _text(path, line, text)
    return Found(path, line, trouble=f"is not text to YAML ({kind})", hint=_QUOTE_IT)


def _text(path: tuple[str, ...], line: int, text: str) -> Found:
    if _TEMPLATE.search(text):
        return Found(
            path,
            line,
            trouble="is a template of Ansible's",
            hint="a stack file can put it together: {{ secret('NAME') }}; --only NAME leaves it out",
        )
    if "\0" in text:
        return Found(path, line, trouble="holds a NUL byte", hint="no environment variable can")
    return Found(path, line, text)


def _holds_vault(node: Any, deep: int) -> bool:
    if node.id == "scalar":
        return node.tag in _TAGS
    if not deep:
        return False
    parts = node.value if node.id == "sequence" else [value for _, value in node.value]
    return any(_holds_vault(part, deep - 1) for part in parts)


def _compose(file: str, data: bytes) -> MappingNode:
    """The YAML 1.1 of Ansible. Raises InputError that holds nothing of the text, which may be in clear here."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.nodes import MappingNode

    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    try:
        root = yaml.compose(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError([Problem(file, 0, "it is not UTF-8 text")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError([Problem(file, mark.line + 1 if mark else 0, "it is not YAML")]) from None
    except YAMLError:
        raise InputError([Problem(file, 0, "it is not YAML")]) from None
    if not isinstance(root, MappingNode):
        raise InputError([Problem(file, 0, "it is not a mapping of names to values")])
    return root
