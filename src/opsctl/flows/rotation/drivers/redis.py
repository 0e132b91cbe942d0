"""Redis: a user of its access lists, with two passwords at once while its consumers change over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsctl.argv import redis as argv
from opsctl.argv.command import Command, Completed
from opsctl.errors import CouldNotFindOut, Refused
from opsctl.flows.rotation.drivers.contract import Means
from opsctl.flows.rotation.drivers.generated import letters_and_digits
from opsctl.flows.rotation.drivers.system import Box, box, evidence, failed, told
from opsctl.flows.rotation.drivers.targets import Target
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

NAME = "redis"
_KEYS = ("service", "user", "port", "length")
_PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisTarget:
    service: str
    user: str
    port: str
    length: int

    @classmethod
    def read(cls, name: str, values: Mapping[str, str]) -> RedisTarget:
        """Raises UsageError that names the key."""
        target = Target.read(name, NAME, values, _KEYS)
        user = target.get("user", "default")
        if any(sign.isspace() or sign == "\0" for sign in user):
            raise target.wrong("user", f"{user!r} is not a user's name")
        return cls(
            service=target.need("service", "the service that runs Redis: service: redis"),
            user=user,
            port=target.port(_PORT),
            length=target.length(),
        )


@dataclass(frozen=True, slots=True)
class Redis:
    """The driver of a user's password. It administers as that user itself, which needs `+acl`; the default user has it."""

    means: Means
    target: RedisTarget

    @property
    def system(self) -> str:
        return f"user {self.target.user} on {self.target.service} ({self.means.host.name})"

    @property
    def steps(self) -> tuple[str, str, str]:
        return "let the new password in beside the old", "log in as a consumer would", "drop the old password"

    @property
    def overlaps(self) -> bool:
        return True

    def check(self) -> None:
        self._in_hand(box(self.means.host, self.target.service), self.means.known())

    def create(self, secret: Secret, version: str) -> Candidate:  # noqa: ARG002 - the contract's
        return Candidate(version, letters_and_digits(self.target.length, self.means.chance))

    def set(self, value: Candidate) -> None:
        """The password that opens the session is written down too: a user that takes anything (nopass) stops doing so
        with its first password, and the consumers' present one must be among those it then has.
        """
        container = box(self.means.host, self.target.service)
        others = [one for one in self.means.known() if one.value != value.value]
        in_hand = self._in_hand(container, [*others, value])
        passwords = dict.fromkeys((in_hand.value, value.value))
        self._administer(container, in_hand, argv.take_too(self.target.user, list(passwords)))

    def test(self, value: Candidate) -> bool:
        site = self.means.host
        container = box(site, self.target.service)
        login = argv.log_in(
            site.directory,
            site.run_id,
            image=container.image,
            network=container.network,
            host=self.target.service,
            port=self.target.port,
            user=self.target.user,
            password=value.value,
        )
        return told(site, login, argv.accepted, lambda said: self._unanswered(said, [value]))

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        container = box(self.means.host, self.target.service)
        others = [one for one in (drop, *self.means.known()) if one and one.value != keep.value]
        in_hand = self._in_hand(container, [keep, *others])
        self._administer(container, in_hand, argv.keep_only(self.target.user, keep.value))

    def _in_hand(self, container: Box, candidates: Sequence[Candidate]) -> Candidate:
        """The first of the candidates that opens a session. Raises Refused where none does, CouldNotFindOut."""
        site = self.means.host
        for candidate in candidates:
            opening = self._command(container, [self._login(candidate)])
            if told(site, opening, argv.accepted, lambda said: self._unanswered(said, candidates)):
                return candidate
        raise Refused(
            f"{self.target.service} takes none of the passwords that the store has for {self.target.user}",
            where=site.name,
            hint=f"store the one it takes: opsctl secrets set {self.means.name}; Redis must have one"
            " (requirepass, or a user of users.acl) before it can have another",
        )

    def _administer(self, container: Box, in_hand: Candidate, words: tuple[str, ...]) -> None:
        site = self.means.host
        completed = site.attempt(self._command(container, [self._login(in_hand), words]))
        if not completed.ok or argv.replies(completed) != ["OK", "OK"]:
            values = [in_hand.value, *words]
            message = f"redis-cli on {self.target.service} did not change the passwords of {self.target.user}"
            raise failed(site, completed, message, hint=_why(completed), values=values)

    def _command(self, container: Box, commands: Sequence[tuple[str, ...]]) -> Command:
        site = self.means.host
        return argv.administer(site.directory, site.run_id, container.id, commands, port=self.target.port)

    def _login(self, candidate: Candidate) -> tuple[str, ...]:
        return argv.login(self.target.user, candidate.value)

    def _unanswered(self, said: Completed, candidates: Sequence[Candidate]) -> CouldNotFindOut:
        return CouldNotFindOut(
            f"cannot tell whether {self.target.service} lets {self.target.user} in",
            where=self.means.host.name,
            evidence=evidence(self.means.host, said, [one.value for one in candidates]),
            hint=_why(said),
        )


def _why(said: Completed) -> str:
    text = said.stdout + said.stderr
    if b"wrong number of arguments" in text or b"syntax error" in text:
        return "users and their passwords came with Redis 6"
    if b"NOPERM" in text:
        return (
            "the user may not change its own password; it needs +acl, or let target.user be one that has it"
        )
    return ""


def redis(means: Means) -> Redis:
    return Redis(means, RedisTarget.read(means.name, means.target))
