"""The store of an environment as the commands of `opsctl secrets` need it: opened, its user known, its looks logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.cli.arguments import choose_environment
from opsctl.cli.invocation import Invocation
from opsctl.cli.meant import hosts_file_of
from opsctl.errors import UsageError
from opsctl.inputs.hosts_file import find_root
from opsctl.model.hosts import HostsFile

if TYPE_CHECKING:
    from opsctl.edges.access_log import AccessLog, Viewer
    from opsctl.edges.ports import Clock
    from opsctl.edges.sops.identities import Identities
    from opsctl.edges.sops.store import SopsStore
    from opsctl.flows.secret_inventory import Uses
    from opsctl.flows.secrets_doctor import Patient
    from opsctl.model.secrets import StoreFile
    from opsctl.render.redact import Redactor
    from opsctl.secrets.changes import Hand
    from opsctl.secrets.journal import Opened


def store_path(root: Path, environment: str) -> Path:
    return root / "secrets" / f"{environment}.sops.yaml"


def journal_path(root: Path, environment: str, secret: str) -> Path:
    """Of a rotation: in the project's folder, for whoever works on it next to see."""
    return root / "secrets" / "rotations" / environment / f"{secret}.jsonl"


def access_log_path(project: str) -> Path:
    """One for each project, in the user's state folder."""
    from platformdirs import user_state_path

    return user_state_path("opsctl") / "access" / f"{project}.jsonl"


def identities_of(environ: Mapping[str, str]) -> Identities:
    """The age keys at hand, looked for where sops looks. Raises NoKey for a key file that may not be used."""
    from opsctl.edges.sops.identities import load

    return load(environ, home_of(environ))


def home_of(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def open_store(root: Path, environment: str, environ: Mapping[str, str], clock: Clock | None) -> SopsStore:
    """Nothing is read yet."""
    from opsctl.edges.clock import SystemClock
    from opsctl.edges.sops.store import SopsStore

    return SopsStore(
        store_path(root, environment),
        environment,
        identities=lambda: identities_of(environ),
        clock=clock or SystemClock(),
    )


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the commands do their work with. Every value that goes through it is known to the redactor of both streams."""

    invocation: Invocation
    root: Path
    project: str
    environment: str
    store: SopsStore
    clock: Clock
    viewer: Viewer
    log: AccessLog
    redactor: Redactor = field(repr=False)
    _uses: list[Uses] = field(default_factory=list, repr=False)

    @property
    def file(self) -> str:
        """The store's file as messages name it."""
        return store_path(Path(), self.environment).as_posix()

    @property
    def now(self) -> float:
        return self.clock.now()

    def hand(self, names: Iterable[str], *, only_store: bool = False) -> Hand:
        """Of a change of the secrets named."""
        from opsctl.flows.secret_inventory import class_by_name
        from opsctl.secrets.changes import Hand

        uses = self.uses_if_known()
        said = {name: class_by_name(name, uses) for name in names}
        known = {name: found for name, found in said.items() if found}
        return Hand(self.now, self.viewer.user, self.environment, only_store, known)

    def values(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Values by name, of the version said for each. Raises StoreUnusable."""
        found = {name: self.store.value(name, version) for name, version in versions.items()}
        self.redactor.add(*found.values())
        return found

    def record(self, action: str, versions: Iterable[tuple[str, str]], reason: str = "") -> None:
        """Into the access log, (name, version) for each. Raises OperationFailed; then nothing may be shown."""
        from opsctl.secrets.access import Access

        who, now = self.viewer, self.now
        self.log.append(
            *(
                Access(
                    at=now,
                    user=who.user,
                    machine=who.machine,
                    email=who.email,
                    environment=self.environment,
                    secret=name,
                    version=version,
                    action=action,
                    reason=reason,
                )
                for name, version in versions
            )
        )

    def uses(self) -> Uses:
        """Who uses which secret, read once. Raises InputError where the project's files cannot tell."""
        from opsctl.inputs.project import load
        from opsctl.render.secret_uses import login_uses, secret_uses

        if not self._uses:
            fleet = load(self.root)
            found, logins = secret_uses(fleet, self.environment), login_uses(fleet)
            names = found.keys() | logins.keys()
            self._uses.append({name: (*found.get(name, ()), *logins.get(name, ())) for name in names})
        return self._uses[0]

    def uses_if_known(self) -> Uses | None:
        """None where the project's files have problems; `opsctl lint` tells them."""
        from opsctl.errors import InputError

        try:
            return self.uses()
        except InputError:
            return None

    def describe(self) -> StoreFile:
        """What the store says in clear. Raises StoreUnusable; where there is none, with the way to make one."""
        return self.store.describe()

    def journals(self, names: Iterable[str]) -> dict[str, Opened]:
        """What the journals of rotations say that are there, by secret. Raises OperationFailed for one that cannot be read."""
        from opsctl.edges.rotation_journal import RotationJournal

        said = {
            name: RotationJournal(journal_path(self.root, self.environment, name)).opened() for name in names
        }
        return {name: opened for name, opened in said.items() if opened}

    def patient(self) -> Patient:
        from opsctl.flows.secrets_doctor import Patient

        return Patient(
            environment=self.environment,
            store=self.store,
            uses=self.uses,
            journals=self.journals,
            values=self.values,
            log=self.log,
            now=self.now,
        )


def environment_of(
    invocation: Invocation, named: str | None, *, changes: bool
) -> tuple[Path, HostsFile, str]:
    """The project's folder, its hosts.toml and the environment meant, which has a store or may have one.

    Raises UsageError for one whose secrets are made up.
    """
    root = find_root(invocation.folder)
    file = hosts_file_of(root)
    environment = choose_environment(named, file.environments, file.default_environment, changes=changes)
    invocation.environment = environment
    if file.environments[environment].secrets == "generated":
        raise UsageError(
            f"the environment {environment} has no store: its secrets are made up",
            where="hosts.toml",
            hint=f'take secrets = "generated" out of [environments.{environment}], '
            f"then opsctl secrets init {environment}",
        )
    return root, file, environment


def keeper(invocation: Invocation, named: str | None, *, changes: bool) -> Keeper:
    """Raises UsageError as `environment_of`. The store may be missing still."""
    from opsctl.edges.access_log import AccessLog, viewer
    from opsctl.edges.clock import SystemClock
    from opsctl.render.redact import Redactor

    root, file, environment = environment_of(invocation, named, changes=changes)
    clock = invocation.clock or SystemClock()
    redactor = Redactor()
    invocation.out.redact_with(redactor.text)
    invocation.err.redact_with(redactor.text)
    return Keeper(
        invocation=invocation,
        root=root,
        project=file.project,
        environment=environment,
        store=open_store(root, environment, invocation.environ, clock),
        clock=clock,
        viewer=viewer(invocation.environ, root),
        log=AccessLog(access_log_path(file.project)),
        redactor=redactor,
    )
