"""The port `SecretStore` on a SOPS file: one file for each environment, in the repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

from opsctl.edges.ports import Clock
from opsctl.edges.saving import only_writer, replace
from opsctl.edges.sops import document
from opsctl.edges.sops.document import Locked, Unlocked
from opsctl.edges.sops.entries import text_of, value_path, write_difference
from opsctl.edges.sops.identities import Identities
from opsctl.edges.sops.shape import described
from opsctl.errors import OperationFailed, StoreUnusable, UsageError
from opsctl.model.secrets import Secret, StoreFile, number
from opsctl.secrets.versions import Edit

_KINDS = {bool: "true or false", float: "a number with a fraction", bytes: "bytes", type(None): "null"}


Recipients = Mapping[str, str] | Callable[[StoreFile], Mapping[str, str]]
"""Age recipients by the names of people; or what gives them from the file as it is under the lock."""


class SopsStore:
    """What is asked for is read anew from the file, and decrypted once for each state of it. Threads may share it."""

    def __init__(
        self, path: Path, environment: str, *, identities: Callable[[], Identities], clock: Clock
    ) -> None:
        """`identities` is called when a value is first needed, and once."""
        self._path = path
        self._environment = environment
        self._where = "/".join(path.parts[-2:])
        self._load = identities
        self._clock = clock
        self._identities: Identities | None = None
        self._open: tuple[bytes, Unlocked, StoreFile] | None = None
        self._guard = Lock()

    def __repr__(self) -> str:
        return f"SopsStore({self._where})"

    def describe(self) -> StoreFile:
        """All that is in clear. It needs no key, so nothing vouches for it. Raises StoreUnusable."""
        return described(self._locked(self._read()))

    def recipients(self) -> tuple[str, ...]:
        """For whom the file is encrypted, as SOPS' section says. Raises StoreUnusable."""
        return self._locked(self._read()).recipients

    def get(self, name: str) -> str:
        return self.value(name)

    def value(self, name: str, version: str = "") -> str:
        """A version's value, the current one's for "". A number that `sops set` left is taken as its text.

        Raises UsageError for a secret or version that is not there, StoreUnusable, NoKey, Tampered.
        """
        unlocked, file = self._unlocked()
        secret = self._secret(file, name)
        wanted = version or self._current(name, secret)
        if wanted not in secret.versions:
            raise UsageError(
                f"the secret {name} in {self._environment} has no version {wanted}",
                hint=f"there are: {', '.join(sorted(secret.versions, key=number))}",
            )
        value = unlocked.get(value_path(name, wanted))
        text = text_of(value)
        if text is None:
            raise StoreUnusable(
                f"the value of {name} {wanted} is not text (it is kept as {_KINDS.get(type(value), 'something else')})",
                where=self._where,
                hint=f"store it as text: opsctl secrets set {name} -e {self._environment}",
            )
        return text

    def login(self, name: str) -> str:
        _, file = self._unlocked()
        secret = self._secret(file, name)
        version = secret.versions[self._current(name, secret)]
        # Of two roles that take turns, the owner behind them is the one that the first value belonged to.
        named = (secret.target.get(key, "") for key in ("role", "user", "owner"))
        login = version.login or next(filter(None, named), "")
        if not login:
            raise UsageError(
                f"the secret {name} in {self._environment} has no login name",
                hint="write the name itself in the stack file, or give the secret a target with role or user",
            )
        return login

    def names(self) -> frozenset[str]:
        return frozenset(self.describe().secrets)

    def change(self, edit: Callable[[StoreFile], Edit]) -> StoreFile:
        """One change of the file as it is now, which nobody else changes meanwhile; gives the store as it is afterwards.

        `edit` is called once, with the file locked; what it raises leaves the file alone. Only what differs is written.
        Raises OperationFailed where it cannot be written, StoreUnusable, NoKey, Tampered.
        """

        def work(unlocked: Unlocked, file: StoreFile) -> None:
            self._check_in_step(unlocked, file)
            _edit(unlocked, file, edit)

        return self._transaction(work)

    def create(self, recipients: Mapping[str, str]) -> StoreFile:
        """A new store without secrets, for the age recipients of people by name.

        Raises UsageError where there is one already, or for a recipient that cannot be encrypted for; OperationFailed.
        """
        file = _with_recipients(StoreFile(), recipients)
        unlocked = document.create(list(file.recipients.values()), self._where)
        write_difference(unlocked, StoreFile(), file)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperationFailed(
                f"cannot make the folder {self._path.parent}: {error.strerror}",
                hint="there must be no file in its place, and the folder above must be yours to write",
            ) from error
        with only_writer(self._path):
            if self._path.exists():
                raise UsageError(
                    f"{self._environment} has a secret store already",
                    where=self._where,
                    hint=f"opsctl secrets set NAME -e {self._environment} adds to it",
                )
            replace(self._path, unlocked.dump(self._clock.now()), None)
        return file

    def rewrap(self, recipients: Recipients) -> StoreFile:
        """The same data key for these people. Raises as `change`, and UsageError as `create`."""

        def work(unlocked: Unlocked, file: StoreFile) -> None:
            _encrypt_for(unlocked, file, recipients, unlocked.rewrap)

        return self._transaction(work)

    def rekey(
        self, recipients: Recipients | None = None, *, edit: Callable[[StoreFile], Edit] | None = None
    ) -> StoreFile:
        """A new data key, for these people or the same as before, and every value encrypted anew. Raises as `rewrap`.

        `edit` is a change that is made along with it, in the same write; it is called as by `change`, with the file that
        names these people already. Whoever could read the store before still knows the values it had.
        """

        def work(unlocked: Unlocked, file: StoreFile) -> None:
            if recipients is None:
                self._check_in_step(unlocked, file)
                unlocked.rekey(unlocked.recipients)
            else:
                file = _encrypt_for(unlocked, file, recipients, unlocked.rekey)
            if edit:
                _edit(unlocked, file, edit)

        return self._transaction(work)

    def _transaction(self, work: Callable[[Unlocked, StoreFile], None]) -> StoreFile:
        identities = self._keys()
        self._read()
        with only_writer(self._path):
            before = self._read()
            locked = self._locked(before)
            unlocked = document.unlock(locked, identities)
            work(unlocked, described(locked))
            data = unlocked.dump(self._clock.now())
            file = described(self._locked(data))
            if data != before:
                replace(self._path, data, before)
        return file

    def _unlocked(self) -> tuple[Unlocked, StoreFile]:
        with self._guard:
            data = self._read()
            if self._open is None or self._open[0] != data:
                locked = self._locked(data)
                file = described(locked)
                self._open = (data, document.unlock(locked, self._keys()), file)
            return self._open[1:]

    def _keys(self) -> Identities:
        if self._identities is None:
            self._identities = self._load()
        return self._identities

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            raise StoreUnusable(
                f"{self._environment} has no secret store",
                where=self._where,
                hint=f"opsctl secrets init {self._environment}",
            ) from None
        except OSError as error:
            raise StoreUnusable(
                f"it cannot be read: {error.strerror}",
                where=self._where,
                hint=f"{self._path} must be a file that is yours to read",
            ) from error

    def _locked(self, data: bytes) -> Locked:
        return document.parse(data, self._where)

    def _secret(self, file: StoreFile, name: str) -> Secret:
        if name not in file.secrets:
            raise UsageError(
                f"no secret {name} in {self._environment}",
                hint=f"opsctl secrets set {name} -e {self._environment}",
            )
        return file.secrets[name]

    def _current(self, name: str, secret: Secret) -> str:
        if secret.current:
            return secret.current
        if secret.pending:
            raise UsageError(
                f"the secret {name} in {self._environment} has only a pending version: its rotation is not finished",
                hint=f"opsctl rotate-secret {name} -e {self._environment} --resume, or --abort",
            )
        raise UsageError(
            f"the secret {name} in {self._environment} has no current version",
            hint=f"opsctl secrets set {name} -e {self._environment}",
        )

    def _check_in_step(self, unlocked: Unlocked, file: StoreFile) -> None:
        """SOPS' section is not covered by the check sum: whoever can write the file can add a recipient to it."""
        named, present = set(file.recipients.values()), set(unlocked.recipients)
        if not named or named == present:
            return
        extra, missing = sorted(present - named), sorted(named - present)
        what = f"encrypted for {extra[0]}, whom" if extra else f"not encrypted for {missing[0]}, whom"
        raise StoreUnusable(
            f"it is {what} `recipients` {'does not name' if extra else 'names'}",
            where=self._where,
            hint="if that is meant: opsctl secrets recipients add NAME KEY; if not: opsctl secrets recipients remove, and "
            "rotate what it holds",
        )


def _edit(unlocked: Unlocked, file: StoreFile, edit: Callable[[StoreFile], Edit]) -> None:
    wanted = edit(file)
    if wanted.file.recipients != file.recipients:
        raise ValueError("recipients change with rewrap and rekey")
    write_difference(unlocked, file, wanted.file)
    for (name, version), value in wanted.values.items():
        if version not in wanted.file.secrets[name].versions:
            raise ValueError(f"a value for a version that is not there: {name} {version}")
        unlocked.set(value_path(name, version), value)


def _encrypt_for(
    unlocked: Unlocked,
    file: StoreFile,
    recipients: Recipients,
    encrypt: Callable[[list[str]], None],
) -> StoreFile:
    """Gives the file with these people named in it."""
    wanted = _with_recipients(file, recipients(file) if callable(recipients) else recipients)
    encrypt(list(wanted.recipients.values()))
    write_difference(unlocked, file, wanted)
    return wanted


def _with_recipients(file: StoreFile, recipients: Mapping[str, str]) -> StoreFile:
    """Raises UsageError for a name that is none."""
    from pydantic import ValidationError

    from opsctl.model.values import Unfit

    try:
        named = StoreFile.model_validate({"recipients": dict(recipients)})
    except ValidationError as error:
        reason = error.errors()[0].get("ctx", {}).get("error")
        hint = reason.hint if isinstance(reason, Unfit) else ""
        raise UsageError(f"a recipient's name: {reason or 'is text'}", hint=hint) from None
    return file.model_copy(update={"recipients": named.recipients})
