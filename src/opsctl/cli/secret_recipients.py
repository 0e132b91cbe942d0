"""Who can open a store: shown, let in, shut out."""

from __future__ import annotations

from opsctl.cli.answer import answer
from opsctl.cli.consent import ask
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_beginning import recipient_name
from opsctl.cli.secret_store import Keeper, identities_of, keeper
from opsctl.cli.views.blocks import line
from opsctl.cli.views.secrets_recipients import (
    Reader,
    added_view,
    readers_json,
    readers_view,
    removed_json,
    removed_view,
)
from opsctl.errors import Exit, NoKey, Refused, UsageError
from opsctl.model.nearest import nearest
from opsctl.model.secrets import StoreFile, moment_text
from opsctl.secrets.changes import marked_due
from opsctl.secrets.versions import Edit


def show_recipients(invocation: Invocation, environment: str | None) -> int:
    keep = keeper(invocation, environment, changes=False)
    readers = _readers(keep)
    return answer(
        invocation, Exit.YES, blocks=readers_view(readers, keep.environment), data=readers_json(readers)
    )


def add_recipient(invocation: Invocation, name: str, recipient: str, environment: str | None) -> int:
    """Raises Refused where the name or the key is there already, and what the store raises."""
    keep = keeper(invocation, environment, changes=True)
    recipient = " ".join(recipient.split()[:2])

    def joined(file: StoreFile) -> dict[str, str]:
        if name in file.recipients:
            raise Refused(
                f"a recipient is called {name} already",
                where=keep.file,
                hint="another key of the same person needs a name of its own",
            )
        for other, known in file.recipients.items():
            if known == recipient:
                raise Refused(f"that key is there already, as {other}", where=keep.file)
        return {**file.recipients, recipient_name(name): recipient}

    keep.store.rewrap(joined)
    readers = _readers(keep)
    return answer(
        invocation, Exit.YES, blocks=added_view(name, readers, keep.file), data=readers_json(readers)
    )


def remove_recipient(invocation: Invocation, name: str, environment: str | None, *, yes: bool) -> int:
    """By name, or by the key where it has none. Raises Refused for the last one, and what the store raises."""
    keep = keeper(invocation, environment, changes=True)
    file = keep.describe()
    kept = _without(keep, file, name)
    if not yes:
        _require_somebody_to_ask(invocation)
        own = _own(keep)
        lockout = own and not own & set(kept.values())
        if lockout:
            invocation.err.write("No key at hand will open the store afterwards.\n")
        if not ask(invocation, f"Encrypt {keep.file} anew without {name}?"):
            return answer(invocation, Exit.YES, blocks=[line("nothing done")], data=None)
    now = keep.now
    reason = f"{name} could read it until {moment_text(now)[:10]}"
    after = keep.store.rekey(
        lambda file: _without(keep, file, name),
        edit=lambda file: Edit(marked_due(file, _known(file), reason, now)),
    )
    known = _known(after)
    return answer(
        invocation,
        Exit.YES,
        blocks=removed_view(name, known, keep.environment, keep.file),
        data=removed_json(name, known),
    )


def _known(file: StoreFile) -> tuple[str, ...]:
    """The secrets whose values whoever can open the file knows."""
    return tuple(sorted(name for name, secret in file.secrets.items() if secret.versions))


def _without(keep: Keeper, file: StoreFile, name: str) -> dict[str, str]:
    """The recipients that stay, by name."""
    unnamed = set(keep.store.recipients()) - set(file.recipients.values())
    if name not in file.recipients and name not in unnamed:
        raise UsageError(
            f"no recipient is called {name}", where=keep.file, hint=nearest(name, file.recipients)
        )
    kept = {one: key for one, key in file.recipients.items() if one != name}
    if not kept:
        raise Refused(
            f"{name} is the only one who can open it",
            where=keep.file,
            hint=f"let another key in first: opsctl secrets recipients add NAME age1… -e {keep.environment}",
        )
    return kept


def _readers(keep: Keeper) -> tuple[Reader, ...]:
    """The named ones first; also those that are named in vain, and those whom nobody named."""
    named, real, own = keep.describe().recipients, keep.store.recipients(), _own(keep)
    readers = [Reader(name, key, key in own, opens=key in real) for name, key in named.items()]
    known = set(named.values())
    return (*readers, *(Reader("", key, key in own, opens=True) for key in real if key not in known))


def _own(keep: Keeper) -> set[str]:
    try:
        return set(identities_of(keep.invocation.environ).recipients)
    except NoKey:
        return set()


def _require_somebody_to_ask(invocation: Invocation) -> None:
    if not invocation.can_ask:
        raise UsageError("this needs a yes, and there is no terminal to ask on", hint="add --yes")
