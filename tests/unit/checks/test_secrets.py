"""Terms and rotations of secrets, and the modes of files that hold them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.checks.answers import hold, nobody, printed
from tests.unit.checks.situations import NOW, cases_of, check_of, replace, service, situation
from tests.unit.plan.model import file

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.questions import OnHost, Ran, Verdict
from opsctl.checks.situation import Situation
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.journal import Opened, opened_text
from opsctl.state.observed import ObservedFile

DAY = 86400.0
OPENED = Opened("1a2b", "db", "v1", "v2", "2026-11-26T02:00:00Z", "alice", "desk")


def secret(age: float = DAY, **fields: Any) -> Secret:
    versions = {"v1": Version(stage="current", created=NOW - age, by="alice"), **fields.pop("versions", {})}
    return Secret(versions=versions, **fields)


def about(*secrets: Secret, rotating: dict[str, str] | None = None) -> Situation:
    """A service that uses `db`; the store holds the first secret as `db`, the second as `other`, which nobody uses."""
    base = situation(service("api", secrets=frozenset({"db"})), rotating=rotating or {})
    store = StoreFile.model_construct(secrets=dict(zip(("db", "other"), secrets, strict=False)))
    return Situation(replace(base.subject, store=store if secrets else None), base.hosts)


def ask(identity: str, situation: Situation, answer: Any = nobody) -> Verdict:
    (case,) = cases_of(check_of(CHECKS, identity), situation)
    return hold(case.talk(), answer)[0]


@pytest.mark.parametrize(
    "one,result,words",
    [
        (secret(), "pass", "1 within"),
        (secret(100 * DAY, rotate_every=90 * DAY), "fail", "db: 100d old, rotate_every is 90d"),
        (secret(80 * DAY, rotate_every=90 * DAY), "pass", "db: 80d old"),
        (secret(expires=NOW - 3600), "fail", "db: expired 1h ago"),
        (secret(due=NOW - 1, due_reason="somebody left"), "fail", "somebody left"),
        (secret(due=NOW + DAY), "pass", "marked due in 1d"),
        (Secret(), "fail", "no current value"),
    ],
)
def test_terms(one: Secret, result: str, words: str) -> None:
    found = ask("V-SEC-001", about(one))
    assert found.result == result
    assert words in found.message


def test_the_secrets_of_others_are_theirs() -> None:
    assert ask("V-SEC-001", about(secret(), secret(expires=NOW - 3600))).result == "pass"


def test_without_a_store_nothing_is_said_of_terms() -> None:
    assert ask("V-SEC-001", about()).result == "skip"


def test_an_open_rotation_of_the_store() -> None:
    pending = {"v2": Version(stage="pending", created=NOW - 60, by="alice")}
    found = ask("V-SEC-003", about(secret(versions=pending)))
    assert (found.result, found.message) == ("fail", "db in the store (v2 is pending for 1m)")
    assert ask("V-SEC-001", about(secret(versions=pending))).result == "pass"
    assert ask("V-SEC-003", about(secret())).result == "pass"


@pytest.mark.parametrize("stored", [(), (secret(),)])
def test_a_mark_on_the_host(stored: tuple[Secret, ...]) -> None:
    found = ask("V-SEC-003", about(*stored, rotating={"db": opened_text(OPENED)}))
    assert found.message == "db on the host (v1 -> v2, begun 2026-11-26T02:00:00Z by alice@desk)"
    torn = ask("V-SEC-003", about(*stored, rotating={"db": "{"}))
    assert (torn.result, torn.message) == ("fail", "db on the host (its mark says no more)")


def stats(top: str = "700 1000", key: str = "600 1000", env: str = "600 1000") -> Ran:
    own = f"own 700 1000 .opsctl,own {key} .opsctl/fingerprint.key,own {env} env/api.env"
    return printed(f"top {top} .", *own.split(","))


@pytest.mark.parametrize(
    "told,result,words",
    [
        (stats(), "pass", "3 files and folders"),
        (stats(top="750 1000"), "pass", ""),
        (stats(top="755 1000"), "fail", "the directory has mode 0755"),
        (stats(top="701 1000"), "fail", "the directory has mode 0701"),
        (stats(key="644 1000"), "fail", ".opsctl/fingerprint.key has mode 0644"),
        (stats(env="640 1000"), "fail", "env/api.env has mode 0640"),
        (stats(env="600 0"), "pass", ""),
        (stats(env="600 1001"), "fail", "env/api.env is owned by 1001, the directory by 1000"),
        (printed("absent"), "skip", "nothing was deployed"),
        (printed("unread"), "inconclusive", ""),
        (Ran(1, b"", b"sudo: a password is required"), "inconclusive", "a password is required"),
    ],
)
def test_modes(told: Ran, result: str, words: str) -> None:
    found = ask("V-SEC-002", situation(service("api")), lambda _question: told)
    assert found.result == result
    assert words in found.message


def test_modes_are_asked_as_files_are() -> None:
    (case,) = cases_of(check_of(CHECKS, "V-SEC-002"), situation(service("api")))
    _verdict, (one,) = hold(case.talk(), lambda _question: stats())
    assert isinstance(one, OnHost)
    assert (one.privilege, one.words[-1]) == ("files", "/opt/demo")


def test_a_file_with_another_mode_than_the_rendered_one() -> None:
    config = file("api", "/etc/app.conf", "x", mode=0o600)
    seen = {config.path: ObservedFile(config.path, "0" * 64, 0o644)}
    found = ask(
        "V-SEC-002", situation(service("api", files=(config,)), files=seen), lambda _question: stats()
    )
    assert found.message == "files/api/etc/app.conf has mode 0644, rendered 0600"
