"""A new store, for the age keys at hand and those named; a first key, where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from opsctl.cli.answer import answer
from opsctl.cli.consent import ask
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_store import Keeper, home_of, identities_of, keeper, store_path
from opsctl.cli.views.blocks import Block, Span, line
from opsctl.errors import Exit, OpsctlError, Refused, UsageError
from opsctl.model.values import Unfit, check_name


def begin_store(
    invocation: Invocation, environment: str | None, recipients: Iterable[str], *, yes: bool
) -> int:
    """Raises Refused where there is a store already, UsageError where nobody would be able to open it."""
    keep = keeper(invocation, environment, changes=True)
    path = store_path(keep.root, keep.environment)
    if os.path.lexists(path):
        raise Refused(
            "there is a store already; it is never overwritten",
            where=keep.file,
            hint=f"opsctl secrets doctor {keep.environment} tells how it is; to let somebody in: opsctl secrets recipients add",
        )
    named = read_recipients(recipients)
    own = identities_of(invocation.environ).recipients
    made: Path | None = None
    if not own and not named:
        made = _agreed_key_file(invocation, yes=yes)
        if made is None:
            return answer(invocation, Exit.YES, blocks=[line("nothing done")], data=None)
        own = (make_key(made),)
    everybody = _with_own(named, own, keep.viewer.user)
    keep.store.create(everybody)
    data = {"store": keep.file, "recipients": everybody, "key_file": str(made) if made else None}
    return answer(invocation, Exit.YES, blocks=_told(keep, everybody, own, made), data=data)


def read_recipients(words: Iterable[str]) -> dict[str, str]:
    """Recipients by name from `NAME=age1…` or `age1…`, which is called key-1, key-2, … Raises UsageError."""
    found: dict[str, str] = {}
    for at, word in enumerate(words, 1):
        name, equals, recipient = word.partition("=")
        name, recipient = (name, recipient) if equals else (f"key-{at}", word)
        if name in found:
            raise UsageError(f"two recipients are called {name}")
        found[recipient_name(name)] = recipient
    return found


def recipient_name(name: str) -> str:
    """Raises UsageError for one that the store cannot hold."""
    try:
        return check_name(name)
    except Unfit as reason:
        raise UsageError(str(reason), hint=reason.hint) from None


def make_key(path: Path) -> str:
    """A new age key in a new file with mode 0600, below folders with mode 0700; gives the public part.

    Raises OpsctlError where that cannot be written or a file is there.
    """
    from opsctl.edges.sops.identities import generate

    text, recipient = generate()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OpsctlError(f"cannot write the key {path}: {error.strerror}") from None
    return recipient


def _agreed_key_file(invocation: Invocation, *, yes: bool) -> Path | None:
    """Where the key shall be made: where SOPS_AGE_KEY_FILE says, else in sops' own place; None where somebody said no."""
    from opsctl.edges.sops.identities import KEY_FILE, key_file

    named = invocation.environ.get(KEY_FILE)
    path = Path(named) if named else key_file(invocation.environ, home_of(invocation.environ))
    if path.exists():
        raise UsageError(
            f"{path} holds no key that can be used", hint="look into it; opsctl does not touch it"
        )
    if yes:
        return path
    if not invocation.can_ask:
        raise UsageError(
            "there is no age key at hand, and no terminal to ask on",
            hint=f"--yes makes one in {path}; or name keys: --recipient NAME=age1…",
        )
    return path if ask(invocation, f"There is no age key at hand. Make one in {path}?") else None


def _with_own(named: dict[str, str], own: Iterable[str], user: str) -> dict[str, str]:
    """The keys at hand first, called like the user."""
    base = user if _is_name(user) else "operator"
    everybody: dict[str, str] = {}
    for recipient in own:
        if recipient not in named.values():
            free = next(one for one in _numbered(base) if one not in named and one not in everybody)
            everybody[free] = recipient
    return everybody | named


def _numbered(base: str) -> Iterator[str]:
    yield base
    at = 2
    while True:
        yield f"{base}-{at}"
        at += 1


def _is_name(text: str) -> bool:
    try:
        check_name(text)
    except Unfit:
        return False
    return True


def _told(
    keep: Keeper, everybody: dict[str, str], own: tuple[str, ...], made: Path | None
) -> Iterator[Block]:
    yield line(Span(keep.file, "strong"), " made, for")
    for name, recipient in everybody.items():
        yield line(f"{name}  {recipient}", indent=2)
    if made:
        yield line(
            Span("key", "warn"),
            f"   {made} is new, and nothing else opens the store: keep a copy away from this machine",
        )
    if not own:
        yield line(
            Span("warn", "warn"),
            "  none of these keys is at hand here: nothing can be read or stored from here",
        )
    if len(everybody) == 1:
        yield line(
            Span("warn", "warn"), "  one key alone opens it; make a second one, offline, for recovery:"
        )
        yield line(
            Span(f"opsctl secrets recipients add recovery age1… -e {keep.environment}", "change"), indent=6
        )
    yield line(
        Span("next", "change"), f"  commit {keep.file}; then opsctl secrets set NAME -e {keep.environment}"
    )
