"""`push-images` as a person types it: what it refuses before any host is asked, and what its views say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opsctl.argv.command import Command
from opsctl.cli.views.push_images import outcomes_view, plan_view, push_json
from opsctl.errors import OperationFailed, Refused
from opsctl.flows.transfer.planning import ImagePlan, PushPlan, Wanted
from opsctl.flows.transfer.push_images import ImageOutcome, PushReport
from opsctl.model.references import parse_reference
from tests.cli.reports import MIB, text
from tests.cli.terminal import opsctl
from tests.fakes.edges import FakeConnection
from tests.fakes.engine_socket import run_engine

ID, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def wanted(image: str, *services: str) -> Wanted:
    reference = parse_reference(image)
    return Wanted(reference.key, reference.key, reference, "", services)


PLANS = (
    ImagePlan(wanted("shop/api:1", "api", "worker"), "push", ID, 300 * MIB, replaces=OTHER),
    ImagePlan(wanted("shop/db:1", "db"), "there", ID, 10 * MIB),
    ImagePlan(wanted("shop/gone:1", "gone"), "refused", refusal=Refused("not here", where="shop/gone:1")),
    ImagePlan(wanted("shop/web:1", "web"), "tag", ID, 20 * MIB),
)
PLAN = PushPlan("box", "linux/arm64", PLANS, takes_pushed=False)
REPORT = PushReport(
    PLAN,
    (
        ImageOutcome(PLANS[0], 100 * MIB, 8.0, OperationFailed("what arrived is another", where="box")),
        ImageOutcome(PLANS[1]),
        ImageOutcome(PLANS[2], error=PLANS[2].refusal),
        ImageOutcome(PLANS[3], 0, 0.2),
    ),
)


def test_the_plan_names_what_is_pushed_what_is_replaced_and_what_a_deploy_will_not_take() -> None:
    assert text(plan_view(PLAN, dry_run=False)) == (
        "         image on the host     size  for\n"
        "push     shop/api:1         300 MiB  api, worker  replaces sha256:222222222222, which has that name there\n"
        "there    shop/db:1           10 MiB  db\n"
        "refused  shop/gone:1                 gone\n"
        "tag      shop/web:1          20 MiB  web\n"
        "\n"
        "box (linux/arm64): 1 to push (300 MiB unpacked), 1 to tag, 1 there already, 1 refused\n"
        'note  box pulls by digest, which a pushed image lacks: images = "push" in hosts.toml makes it take these\n'
    )
    assert "box (linux/arm64): would be: 1 to push" in text(plan_view(PLAN, dry_run=True))


def test_the_end_names_what_went_over_the_line() -> None:
    assert text(outcomes_view(REPORT)) == (
        "\n"
        "failed  shop/api:1  100 MiB sent  8.0 s  12 MiB/s\n"
        "done    shop/web:1                0.2 s\n"
    )  # fmt: skip


def test_in_json() -> None:
    told = push_json(REPORT)

    assert (told["host"], told["platform"], told["takes_pushed"]) == ("box", "linux/arm64", False)
    assert told["images"][0] == {
        "image": "shop/api:1",
        "source": "shop/api:1",
        "services": ["api", "worker"],
        "action": "push",
        "id": ID,
        "size": 300 * MIB,
        "replaces": OTHER,
        "sent": 100 * MIB,
        "seconds": 8.0,
        "failed": True,
    }


@pytest.mark.parametrize(
    "words,said",
    [
        (["lab-ap"], "no host is called lab-ap"),
        (["lab-app", "-e", "prod"], "lab-app is in lab, not in prod"),
        (["lab-app", "-e", "prd"], "no environment is called prd"),
        (["lab-app", "proxy"], "lab-app has no service and no image proxy"),
    ],
)
def test_what_is_no_such_thing(project: Path, words: list[str], said: str) -> None:
    ended = opsctl("push-images", *words, project=project)

    assert (ended.code, ended.err.splitlines()[0]) == (2, said)


def test_a_host_in_no_environment(project: Path) -> None:
    with (project / "hosts.toml").open("a") as file:
        file.write('[hosts.spare]\naddresses = ["192.0.2.9"]\n')

    ended = opsctl("push-images", "spare", project=project)

    assert (ended.code, ended.err.splitlines()[0]) == (2, "hosts.toml: spare is in no environment")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's engine, which has no image at all."""
    with run_engine(tmp_path / "docker.sock") as running:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{running.path}")
        yield


@pytest.mark.usefixtures("engine")
def test_nothing_here_is_told_for_each_image_and_no_secret_is_needed(project: Path) -> None:
    connection = FakeConnection()

    def connect(*_: object, **__: object) -> FakeConnection:
        return connection

    for words in ([], ["--dry-run"], ["--json"]):
        ended = opsctl("push-images", "lab-app", *words, project=project, connect=connect)

        assert ended.code == 4
        told = ended.out if "--json" in words else ended.err
        assert "the engine of this machine has no postgres:17.2" in told
        assert "docker pull --platform linux/amd64 registry.example.org/shop/api:1.4.2, or --pull" in told
    assert connection.shell.ran == list[Command]()
    assert not (project / "secrets").exists()


def test_a_machine_without_an_engine(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    ended = opsctl("push-images", "lab-app", project=project, connect=lambda *_, **__: FakeConnection())

    assert ended.code == 5
    assert ended.err.startswith("this machine: there is no engine socket /nowhere/docker.sock")
