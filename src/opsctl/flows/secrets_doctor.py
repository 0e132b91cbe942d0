"""Everything that can be wrong with a store and what surrounds it, looked for in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from opsctl.edges.access_log import AccessLog
from opsctl.edges.sops.store import SopsStore
from opsctl.errors import (
    Exit,
    InputError,
    NoKey,
    OperationFailed,
    OpsctlError,
    StoreUnusable,
    UsageError,
    worst,
)
from opsctl.flows.secret_inventory import Uses, check_target, inventory
from opsctl.flows.secret_mending import mend
from opsctl.model.secrets import SecretClass, StoreFile
from opsctl.secrets.journal import Opened
from opsctl.secrets.policy import Severity

SHORT = 16
"""Characters. Shorter values that somebody made up, and that can be replaced, can be tried through."""
_MADE_UP: frozenset[SecretClass] = frozenset({"regenerate", "database", "app_admin"})
_ORDER: tuple[Severity, ...] = ("high", "warn", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a word for programs; `hint` is a command line or advice, "" where there is none."""

    severity: Severity
    subject: str
    kind: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Unchecked:
    subject: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Findings gravest first; `checked` names what was looked at to the end."""

    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    checked: tuple[str, ...]

    @property
    def exit(self) -> Exit:
        grave = [Exit.NO] if any(one.severity == "high" for one in self.findings) else []
        return worst([*grave, *([Exit.COULD_NOT_FIND_OUT] if self.unchecked else [])])


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. `values` gives current values by name for versions by name, and raises as the store does; `journals`
    gives those that are there of the secrets named, and raises OperationFailed.
    """

    environment: str
    store: SopsStore
    uses: Callable[[], Uses]
    journals: Callable[[Iterable[str]], Mapping[str, Opened]]
    values: Callable[[Mapping[str, str]], Mapping[str, str]] = field(repr=False)
    log: AccessLog
    now: float


def examine(patient: Patient) -> Report:
    """Raises nothing that a finding can say."""
    found = _Examination(patient)
    file = found.shape()
    if file is not None:
        found.policies(file)
        found.values(file)
        found.recipients(file)
    found.access_log()
    findings = sorted(found.findings, key=lambda one: (_ORDER.index(one.severity), one.subject))
    return Report(tuple(findings), tuple(found.unchecked), tuple(found.checked))


class _Examination:
    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self.findings: list[Finding] = []
        self.unchecked: list[Unchecked] = []
        self.checked: list[str] = []

    def shape(self) -> StoreFile | None:
        """None where the store cannot even be described."""
        try:
            file = self._patient.store.describe()
        except StoreUnusable as error:
            self._find(error, "shape")
            return None
        self.checked.append("shape")
        return file

    def policies(self, file: StoreFile) -> None:
        uses = self._uses()
        for item in inventory(file, uses, self._patient.now, self._journals(file)):
            for remark in item.remarks:
                hint = mend(item, remark, self._patient.environment)
                self.findings.append(Finding(remark.severity, item.name, remark.kind, remark.text, hint))
        self._targets(file)
        self.checked += ["policies", "drivers"]

    def _targets(self, file: StoreFile) -> None:
        """Whether a rotation could begin at all, as far as the store tells."""
        for name, secret in file.secrets.items():
            try:
                check_target(name, secret)
            except UsageError as error:
                hint = f"opsctl secrets set {name} -e {self._patient.environment} --policy-only --target KEY=VALUE"
                self.findings.append(
                    Finding("note", name, "target", f"cannot be rotated: {error.message}", hint)
                )

    def _journals(self, file: StoreFile) -> Mapping[str, Opened]:
        try:
            return self._patient.journals(file.secrets)
        except OperationFailed as error:
            self._miss("rotations", error.message, error.hint)
            return {}

    def _uses(self) -> Uses | None:
        try:
            return self._patient.uses()
        except InputError as error:
            self._miss("uses", f"{error.message}", "opsctl lint")
            return None

    def values(self, file: StoreFile) -> None:
        """Whether the keys at hand open the store, whether its check sum holds, and what the values look like."""
        current = {name: secret.current for name, secret in file.secrets.items() if secret.current}
        try:
            values = self._patient.values(current)
        except NoKey as error:
            self._miss("values", error.message, error.hint)
            return
        except StoreUnusable as error:
            self._find(error, "values")
            return
        self.checked += ["key", "check sum"]
        self.findings += _of_values(file, values, self._patient.environment)

    def recipients(self, file: StoreFile) -> None:
        self.findings += _of_recipients(
            file.recipients, self._patient.store.recipients(), self._patient.environment
        )
        self.checked.append("recipients")

    def access_log(self) -> None:
        try:
            flaw = self._patient.log.verify()
        except OpsctlError as error:
            self._miss("access log", error.message, error.hint)
            return
        self.checked.append("access log")
        if flaw is not None:
            text = f"line {flaw.line}: {flaw.message}"
            severity: Severity = "warn" if flaw.torn else "high"
            self.findings.append(Finding(severity, "access log", "chain", text, "opsctl secrets log"))

    def _find(self, error: OpsctlError, kind: str) -> None:
        text = f"{error.where}: {error.message}" if error.where else error.message
        self.findings.append(Finding("high", "store", kind, text, error.hint))

    def _miss(self, subject: str, text: str, hint: str) -> None:
        self.unchecked.append(Unchecked(subject, text, hint))


def _of_values(file: StoreFile, values: Mapping[str, str], environment: str) -> Iterator[Finding]:
    by_value: dict[str, list[str]] = {}
    for name, value in values.items():
        by_value.setdefault(value, []).append(name)
        if len(value) < SHORT and file.secrets[name].class_ in _MADE_UP:
            text = f"its value is shorter than {SHORT} characters"
            yield Finding("warn", name, "short", text, f"opsctl rotate-secret {name} -e {environment}")
    for names in by_value.values():
        if len(names) > 1:
            text = f"has the same value as {', '.join(names[1:])}"
            yield Finding(
                "warn", names[0], "same value", text, "give each its own: one leak then is one leak"
            )


def _of_recipients(named: Mapping[str, str], real: tuple[str, ...], environment: str) -> Iterator[Finding]:
    add = f"opsctl secrets recipients add NAME age1… -e {environment}"
    if len(real) == 1:
        yield Finding("warn", "recipients", "only one", "one key alone opens it; lost, all is lost", add)
    for recipient in real:
        if recipient not in named.values():
            # SOPS' own section is not covered by its check sum: whoever can write the file can add a recipient.
            text = f"{recipient} can open it, and nobody named that key"
            hint = (
                f"is it meant? {add.replace('age1…', recipient)}; else secrets recipients remove {recipient}"
            )
            yield Finding("high" if named else "warn", "recipients", "unnamed", text, hint)
    for name, recipient in named.items():
        if recipient not in real:
            text = f"{name} is named, and it is not encrypted for that key"
            yield Finding(
                "high",
                "recipients",
                "no access",
                text,
                f"opsctl secrets recipients remove {name} -e {environment}",
            )
