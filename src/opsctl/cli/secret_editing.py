"""All current values in an editor, and what was changed there stored in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.cli.answer import answer
from opsctl.cli.consent import ask
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_editor import Editor
from opsctl.cli.secret_prompts import checked_value, read_reason
from opsctl.cli.secret_setting import secret_name, what_follows
from opsctl.cli.secret_sheet import read_sheet, sheet
from opsctl.cli.secret_store import Keeper, keeper
from opsctl.cli.views.blocks import line
from opsctl.cli.views.errors import error_view
from opsctl.cli.views.secrets_change import stored_view
from opsctl.errors import Refused, UsageError
from opsctl.model.secrets import Secret, StoreFile
from opsctl.secrets.changes import Hand, edited, require_free

_HEADING = """\
Secrets of {environment}, NAME: "value". What stands after a name is text, also without quotes.
A changed value becomes a new version, a new name a new secret; names cannot be taken out here.
Saved without a change, or ended with an error (:cq in vim), nothing is stored."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the editor was given: the store, and the current values."""

    file: StoreFile
    values: Mapping[str, str]

    @property
    def versions(self) -> dict[str, str]:
        return {name: secret.current for name, secret in self.file.secrets.items()}


def edit_all(invocation: Invocation, environment: str | None, *, reason: str, only_store: bool) -> int:
    """Asks to edit again what cannot be read or stored, where there is somebody to ask; else raises it."""
    keep = keeper(invocation, environment, changes=True)
    editor = Editor(invocation.environ, terminal=invocation.can_ask)
    file = keep.describe()
    current = {name: secret.current for name, secret in file.secrets.items() if secret.current}
    why = read_reason(invocation, reason)
    seen = _Seen(file, keep.values(current))
    keep.record("edit", current.items(), why)
    text = sheet(seen.values, _HEADING.format(environment=keep.environment))
    while True:
        text = editor.edit(text)
        try:
            return _store(keep, seen, text, only_store=only_store)
        except (UsageError, Refused) as error:
            if not invocation.can_ask:
                raise
            invocation.side.show(error_view(error))
            if not ask(invocation, "Edit again?"):
                return answer(invocation, 0, blocks=[line("nothing stored")], data=None)


def _store(keep: Keeper, seen: _Seen, text: str, *, only_store: bool) -> int:
    values = read_sheet(text)
    keep.redactor.add(*values.values())
    hand = keep.hand(map(secret_name, values), only_store=only_store)
    changed = _changed(seen, values, hand)
    if not changed:
        return answer(keep.invocation, 0, blocks=[line("nothing was changed")], data=None)
    after = keep.store.change(lambda file: edited(file, seen.versions, changed, hand))
    blocks = [block for name in changed for block in stored_view(what_follows(keep, name, after))]
    return answer(keep.invocation, 0, blocks=blocks, data=None)


def _changed(seen: _Seen, values: Mapping[str, str], hand: Hand) -> dict[str, str]:
    """Raises UsageError and Refused for what cannot be meant or may not be."""
    if gone := sorted(set(seen.values) - set(values)):
        raise UsageError(
            f"{', '.join(gone)} is not there any more; nothing was stored",
            hint=f"secrets are removed by opsctl secrets remove {gone[0]} -e {hand.environment}",
        )
    changed = {name: value for name, value in values.items() if seen.values.get(name) != value}
    for name, value in changed.items():
        require_free(name, seen.file.secrets.get(name, Secret()), hand)
        checked_value(value, name)
    return changed
