"""Taking foreign values over: read, shown by name, agreed to, stored at once."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from opsctl.cli.answer import answer
from opsctl.cli.consent import ask
from opsctl.cli.envelope import error_entries
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_prompts import ask_hidden
from opsctl.cli.secret_store import Keeper, keeper
from opsctl.cli.views.blocks import BLANK, Span, line
from opsctl.cli.views.secrets_import import import_json, rows_view, stored_view
from opsctl.errors import Exit, Refused, UsageError
from opsctl.secrets.importing import (
    Found,
    Planner,
    Row,
    Selection,
    Wish,
    imported,
    named,
    require_none_refused,
)

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A foreign file. `password_file` is where an Ansible vault's password is: a path, "-" or "" (it is asked for)."""

    file: Path
    vault: bool
    password_file: str = ""

    @classmethod
    def of(cls, vault: Path | None, env: Path | None, password_file: str) -> Source:
        """Raises UsageError where not exactly one is given."""
        if vault and env:
            raise UsageError("one file at a time", hint="--from-ansible-vault FILE or --from-env FILE")
        if env:
            if password_file:
                raise UsageError("--vault-password-file is for --from-ansible-vault")
            return cls(env, vault=False)
        if not vault:
            raise UsageError("import from where?", hint="--from-ansible-vault FILE or --from-env FILE")
        return cls(vault, vault=True, password_file=password_file)

    def read(self) -> bytes:
        """Raises UsageError."""
        try:
            return self.file.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {self.file}: {error.strerror}") from error


def import_from(
    invocation: Invocation,
    environment: str | None,
    source: Source,
    selection: Selection,
    wish: Wish,
    *,
    dry_run: bool,
    yes: bool,
) -> int:
    """Raises InputError with all that cannot be taken, Refused where a value may not be stored."""
    keep = keeper(invocation, environment, changes=True)
    if not yes and not dry_run and not invocation.can_ask:
        why = "--json asks nothing" if invocation.json else "there is no terminal to ask on"
        raise UsageError(f"importing needs a yes, and {why}", hint="look at --dry-run first, then add --yes")
    rows = _rows(keep, source, selection, wish)
    if not invocation.json:
        invocation.data.show(rows_view(rows, keep.file))
    try:
        require_none_refused(rows)
    except Refused as refused:
        if not invocation.json:
            raise
        data = import_json(rows, stored=False)
        return answer(invocation, refused.exit, blocks=(), data=data, entries=error_entries(refused))
    wanted = [row for row in rows if row.outcome in {"new", "replaced"}]
    if not wanted or dry_run:
        return _nothing(keep, rows, "nothing stored: a dry run" if wanted else "there is nothing to store")
    if not yes and not ask(invocation, f"Store {len(wanted)} in {keep.file}?"):
        return _nothing(keep, rows, "nothing done")
    hand = keep.hand([row.name for row in rows])
    keep.store.change(lambda file: imported(file, rows, hand))
    return answer(
        invocation,
        Exit.YES,
        blocks=stored_view(
            len(wanted), keep.file, keep.environment, str(source.file), plain=not source.vault
        ),
        data=import_json(rows, stored=True),
    )


def _nothing(keep: Keeper, rows: tuple[Row, ...], why: str) -> int:
    return answer(keep.invocation, Exit.YES, blocks=[line(why)], data=import_json(rows, stored=False))


def _rows(keep: Keeper, source: Source, selection: Selection, wish: Wish) -> tuple[Row, ...]:
    """What becomes of each value. From here on no output holds one."""
    found = _found(keep.invocation, source, selection)
    keep.redactor.add(*(one.value for one in found))
    selection.require_all_met(str(source.file))
    taken = named(str(source.file), found, selection)
    file = keep.describe()

    def current(name: str) -> str:
        return keep.values({name: file.secrets[name].current})[name]

    return Planner(file, current, wish, keep.hand(taken)).rows(taken)


def _found(invocation: Invocation, source: Source, selection: Selection) -> tuple[Found, ...]:
    data, where = source.read(), str(source.file)
    if not source.vault:
        from opsctl.edges.foreign.dotenv_file import read_env

        return read_env(where, data, selection)
    from opsctl.edges.foreign.ansible_file import read_ansible

    return read_ansible(where, data, lambda: _password(invocation, source.password_file), selection)


def _password(invocation: Invocation, file: str) -> bytes:
    """Without blanks around it, as Ansible takes it. Raises UsageError."""
    if file == _STDIN:
        password = invocation.stdin.read().strip().encode(errors="surrogateescape")
    elif file:
        password = _from_file(invocation, Path(file))
    elif invocation.can_ask:
        password = ask_hidden(invocation, "vault password: ").strip().encode(errors="surrogateescape")
    else:
        raise UsageError(
            "the vault's password is needed, and there is no terminal to ask on",
            hint="--vault-password-file FILE, or - for stdin",
        )
    if not password:
        raise UsageError("the vault's password is empty")
    return password


def _from_file(invocation: Invocation, path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        password = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if stat.S_ISREG(mode) and os.access(path, os.X_OK) and mode & 0o111:
        raise UsageError(
            f"{path} is a program, and opsctl runs none for a password",
            hint=f"{path} | opsctl secrets import … --vault-password-file - --yes",
        )
    if mode & 0o077:
        told = line(Span("warn", "warn"), f"  {path} is open to others (mode {stat.S_IMODE(mode):04o})")
        invocation.side.show([told, BLANK])
    return password
