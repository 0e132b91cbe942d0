"""`opsctl rotate-secret` through the whole program, on a real store with a real key.

What no service uses and no system keeps needs no host; a provider of keys is a real HTTP server of this machine.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from opsctl.edges.ports import Connection
from opsctl.edges.rotation_journal import RotationJournal
from opsctl.secrets.journal import Line
from tests.cli.shop import DAY, Shop
from tests.flows.machine import Machine

OLD, NEW, WRONG = "canary-key-old", "canary-key-new", "canary-key-wrong"


@dataclass
class Provider:
    """Answers 200 to the keys that are good and 401 to others, `slow` seconds later."""

    port: int
    good: set[str] = field(default_factory=lambda: {OLD, NEW})
    asked: list[str] = field(default_factory=list)
    slow: float = 0.0

    def code(self, key: str) -> int:
        self.asked.append(key)
        time.sleep(self.slow)
        return 200 if key in self.good else 401


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(found.code(self.headers["Authorization"].removeprefix("Bearer ")))
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found = Provider(http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield found
        http.shutdown()


@pytest.fixture
def spare(shop: Shop) -> Shop:
    """With `spare`, which nobody uses."""
    shop.done("set", "spare", "-e", "prod", typed="canary-spare-1\n")
    return shop


@pytest.fixture
def keyed(shop: Shop, provider: Provider) -> Shop:
    """With `llm_key` of the provider, which nobody uses."""
    add_key(shop, provider, "llm_key")
    return shop


def add_key(shop: Shop, provider: Provider, name: str, *policy: str) -> None:
    shop.done(
        *("set", name, "-e", "prod", "--class", "provider"),
        *("--target", f"url=http://127.0.0.1:{provider.port}/models"),
        *("--target", "header=Authorization: Bearer {value}", *policy),
        typed=OLD,
    )


PLAN = """\
rotate spare in prod: v1 -> v2
  create    v2, stored as pending before anything else knows it
  deliver   nobody uses it
  finish    v2 is current, v1 previous: one write of the store

"""
STEPS = """\
spare  create v2 … 0.0 s
spare  mark … 0.0 s
spare  deliver v2 … 0.0 s
spare  finish v2 is current … 0.0 s
spare  retire v1 is withdrawn … 0.0 s
"""
KEY_PLAN = """\
rotate llm_key in prod: v1 -> v2
  create    v2, stored as pending before anything else knows it
  test      ask 127.0.0.1 with it, a GET that costs nothing; a wrong value must be refused
  deliver   nobody uses it
  finish    v2 is current, v1 previous: one write of the store
  note      127.0.0.1 takes the old value until a person ends it there

"""
WAITING = """\

llm_key  in force, the old value still works  v1 -> v2  0.0 s
note  llm_key: revoke v1 at 127.0.0.1, then: opsctl rotate-secret llm_key -e prod --resume --revoked
"""


class Killed(RotationJournal):
    """The run is stopped by a signal just before a step is written down; the step itself was done."""

    def __init__(self, path: Path, step: str = "mark") -> None:
        super().__init__(path)
        self.step = step

    def write(self, line: Line) -> None:
        if line.step == self.step:
            raise KeyboardInterrupt
        super().write(line)


def left_open(shop: Shop) -> None:
    assert shop.rotate("spare", "--yes", journal=Killed).code == 130


def clocked(text: str) -> str:
    """Seconds that a real server takes, as if it took none."""
    return re.sub(r"\b\d+\.\d s$", "0.0 s", text, flags=re.MULTILINE)


# ── made up ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_value_is_made_and_the_old_one_kept(spare: Shop) -> None:
    ended = spare.rotate("spare", "--yes")
    assert (ended.code, ended.out, ended.err) == (0, f"{PLAN}\nspare  done  v1 -> v2  0.0 s\n", STEPS)
    assert spare.stages("spare") == {"v2": "current", "v1": "previous"}
    assert re.fullmatch(r"[A-Za-z0-9]{32}", spare.value("spare"))
    assert spare.value("spare", "v1") == "canary-spare-1"
    assert not spare.journals.exists()


def test_on_a_terminal_the_plan_is_shown_and_a_yes_is_enough(spare: Shop) -> None:
    ended = spare.rotate("spare", typed="y\n", tty=True)
    assert (ended.code, ended.out) == (0, f"{PLAN}\nspare  done  v1 -> v2  0.0 s\n")
    assert ended.err == f"Carry this out? [y/N] {STEPS}"


@pytest.mark.parametrize("typed", ["n\n", "", "\n", "yess\n"])
def test_anything_but_a_yes_does_nothing(spare: Shop, typed: str) -> None:
    before = spare.file.read_bytes()
    ended = spare.rotate("spare", typed=typed, tty=True)
    assert (ended.code, ended.out) == (0, f"{PLAN}spare  nothing done  v1 -> v2  0.0 s\n")
    assert ended.err == "Carry this out? [y/N] "
    assert spare.file.read_bytes() == before
    assert not spare.journals.exists()


def test_a_dry_run_asks_nobody_and_writes_nothing(spare: Shop) -> None:
    before = spare.file.read_bytes()
    ended = spare.rotate("spare", "--dry-run")
    assert (ended.code, ended.out, ended.err) == (0, f"{PLAN}spare  nothing done  v1 -> v2  0.0 s\n", "")
    assert spare.file.read_bytes() == before
    assert not spare.journals.exists()


@pytest.mark.parametrize(
    "options, why",
    [([], "there is no terminal to ask on"), (["--json"], "--json asks nothing")],
    ids=["pipe", "json"],
)
def test_where_nobody_can_say_yes_it_is_said_before_anything_is_looked_at(
    spare: Shop, options: list[str], why: str
) -> None:
    spare.file.unlink()
    ended = spare.rotate("spare", *options)
    assert ended.code == 2
    assert f"this needs a yes, and {why}" in ended.out + ended.err


def test_a_value_has_the_length_that_its_target_says(spare: Shop) -> None:
    spare.done("set", "spare", "-e", "prod", "--policy-only", "--target", "length=64")
    spare.rotate("spare", "--yes")
    assert len(spare.value("spare")) == 64


def test_a_grace_means_nothing_where_no_system_could_hold_two_values(spare: Shop) -> None:
    spare.done("set", "spare", "-e", "prod", "--policy-only", "--grace", "1h")
    assert spare.rotate("spare", "--yes").out == f"{PLAN}\nspare  done  v1 -> v2  0.0 s\n"
    assert not spare.journals.exists()


def test_rollback_is_a_rotation_to_the_value_before(spare: Shop) -> None:
    refused = spare.rotate("spare", "--rollback", "--yes")
    assert (refused.code, refused.err) == (4, "spare has no earlier value to go back to\n")
    spare.rotate("spare", "--yes")
    ended = spare.rotate("spare", "--rollback", "--yes")
    assert ended.code == 0
    assert ended.out.startswith("rollback spare in prod: v2 -> v3\n")
    assert spare.value("spare") == "canary-spare-1"
    assert spare.stages("spare") == {"v3": "current", "v2": "previous", "v1": "previous"}
    assert spare.stored().secrets["spare"].versions["v3"].note == "rolled back to v1"


def test_only_as_many_old_values_are_kept_as_the_policy_says(spare: Shop) -> None:
    spare.done("set", "spare", "-e", "prod", "--policy-only", "--keep", "2")
    for _ in range(4):
        spare.rotate("spare", "--yes")
    assert spare.stages("spare") == {"v5": "current", "v4": "previous", "v3": "previous"}


# ── brought by a person ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_from_a_pipe_is_tried_and_waits_until_the_old_one_is_revoked(
    keyed: Shop, provider: Provider
) -> None:
    ended = keyed.rotate("llm_key", "--yes", typed=f"{NEW}\n")
    assert (ended.code, clocked(ended.out)) == (0, KEY_PLAN + WAITING)
    assert keyed.value("llm_key") == NEW
    wrong = {key for key in provider.asked if key not in {OLD, NEW}}
    assert len(wrong) == 2
    assert [key for key in provider.asked if key == NEW] == [NEW, NEW]
    assert keyed.stages("llm_key") == {"v2": "current", "v1": "previous"}
    again = keyed.rotate("llm_key", "--resume", "--yes")
    assert (again.code, clocked(again.out).endswith(WAITING)) == (0, True)
    done = keyed.rotate("llm_key", "--resume", "--revoked", "--yes")
    assert (done.code, "llm_key  done  v1 -> v2" in done.out) == (0, True)
    assert not keyed.journals.exists()


def test_with_the_old_key_revoked_it_ends_in_one_go(keyed: Shop) -> None:
    ended = keyed.rotate("llm_key", "--yes", "--revoked", typed=NEW)
    assert (ended.code, clocked(ended.out)) == (0, f"{KEY_PLAN}\nllm_key  done  v1 -> v2  0.0 s\n")
    assert not keyed.journals.exists()


def test_typed_at_a_terminal_it_is_asked_for_and_so_is_the_end_of_the_old_one(keyed: Shop) -> None:
    ended = keyed.rotate("llm_key", typed=f"{NEW}\ny\nn\n", tty=True)
    assert (ended.code, clocked(ended.out).split()) == (0, (KEY_PLAN + WAITING).split())
    assert ended.err.startswith(
        "the new llm_key, as 127.0.0.1 gave it: \nCarry this out? [y/N] llm_key  create"
    )
    assert "Was the old value of llm_key revoked at 127.0.0.1? [y/N] " in ended.err
    ended = keyed.rotate("llm_key", "--resume", typed="y\ny\n", tty=True)
    assert "llm_key  done  v1 -> v2" in ended.out


def test_a_slow_provider_is_seen_on_a_terminal(keyed: Shop, provider: Provider) -> None:
    provider.slow = 0.4
    ended = keyed.rotate("llm_key", "--revoked", typed=f"{NEW}\ny\n", tty=True)
    assert re.search(r"llm_key  \d\.\d s  (set|test) 127\.0\.0\.1", ended.err)
    assert re.search(r"llm_key  test 127\.0\.0\.1 … 0\.0 s\n", ended.err)
    assert ended.err.count("Carry this out?") == 1


@pytest.mark.parametrize("revoked_before", [False, True])
def test_a_wrong_key_is_refused_and_the_old_one_put_back(
    keyed: Shop, provider: Provider, *, revoked_before: bool
) -> None:
    """Also where the old key is revoked by then, which nobody here can undo."""
    if revoked_before:
        provider.good.discard(OLD)
    ended = keyed.rotate("llm_key", "--yes", typed=WRONG)
    assert (ended.code, clocked(ended.out)) == (1, f"{KEY_PLAN}\nllm_key  FAILED  v1 -> v2  0.0 s\n")
    assert ended.err.endswith(
        "\nllm_key: 127.0.0.1 does not take v2; v1 was put back everywhere, v2 is kept as failed\n"
        "\n"
        "hint: was it pasted whole, and is it active there already?\n"
    )
    assert keyed.stages("llm_key") == {"v2": "failed", "v1": "current"}
    assert not keyed.journals.exists()
    assert keyed.rotate("llm_key", "--yes", "--revoked", typed=NEW).code == 0
    assert keyed.stages("llm_key") == {"v3": "current", "v1": "previous"}


def test_a_dry_run_asks_for_no_key_and_tries_a_wrong_one_only(keyed: Shop, provider: Provider) -> None:
    before = keyed.file.read_bytes()
    ended = keyed.rotate("llm_key", "--dry-run", typed=NEW)
    assert (ended.code, clocked(ended.out)) == (0, f"{KEY_PLAN}llm_key  nothing done  v1 -> v2  0.0 s\n")
    assert {NEW, OLD}.isdisjoint(provider.asked)
    assert keyed.file.read_bytes() == before


@pytest.mark.parametrize(
    "typed, told",
    [
        ("", "no value for llm_key\n\nhint: make a new key at 127.0.0.1, and paste it\n"),
        (f" {OLD} \n", "that is a value that llm_key has already\n\nhint: make a new key first\n"),
        (f"{NEW}\0", "the value of the new llm_key, as 127.0.0.1 gave it holds a NUL byte"),
    ],
    ids=["nothing", "the old one", "NUL"],
)
def test_what_is_no_new_key_changes_nothing(keyed: Shop, typed: str, told: str) -> None:
    before = keyed.file.read_bytes()
    ended = keyed.rotate("llm_key", "--yes", typed=typed)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(told)
    assert keyed.file.read_bytes() == before
    assert not keyed.journals.exists()


def test_a_terminal_that_may_not_be_asked_is_told_how_to_bring_it(keyed: Shop) -> None:
    ended = keyed.rotate("llm_key", "--yes", "--json", tty=True)
    (error,) = ended.envelope["errors"]
    assert (ended.code, error["hint"]) == (2, "pipe it in")
    assert error["message"] == "the new llm_key, as 127.0.0.1 gave it, is needed, and --json asks nothing"


def test_a_grace_keeps_it_open_until_the_clock_has_passed_it(keyed: Shop) -> None:
    keyed.done("set", "llm_key", "-e", "prod", "--policy-only", "--grace", "1h")
    told = "note  llm_key: after 1h, revoke v1 at 127.0.0.1, then: opsctl rotate-secret llm_key -e prod --resume --revoked\n"
    assert keyed.rotate("llm_key", "--yes", "--revoked", typed=NEW).out.endswith(told)
    keyed.clock.time += 3599
    assert keyed.rotate("llm_key", "--resume", "--yes", "--revoked").out.endswith(told)
    keyed.clock.time += 1
    assert "llm_key  done" in keyed.rotate("llm_key", "--resume", "--yes", "--revoked").out
    assert not keyed.journals.exists()


def test_what_waits_for_its_end_can_still_be_given_up(keyed: Shop) -> None:
    keyed.rotate("llm_key", "--yes", typed=NEW)
    ended = keyed.rotate("llm_key", "--abort", "--yes")
    assert (ended.code, "llm_key  the old value is in force" in ended.out) == (0, True)
    assert keyed.value("llm_key") == OLD
    assert keyed.stages("llm_key") == {"v2": "failed", "v1": "current"}
    assert not keyed.journals.exists()


def test_what_waits_for_its_end_is_listed_and_refuses_another_rotation(keyed: Shop) -> None:
    keyed.rotate("llm_key", "--yes", typed=NEW)
    assert (
        "warn  llm_key  v2 is in force, and v1 is not withdrawn yet  opsctl rotate-secret llm_key -e prod --resume\n"
        in keyed.run("list", "prod").out
    )
    kinds = {one["kind"] for one in keyed.run("doctor", "prod", json=True).envelope["data"]["findings"]}
    assert "not withdrawn" in kinds
    refused = keyed.rotate("llm_key", "--yes", typed="canary-key-third")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("a rotation of llm_key is open: v1 -> v2, begun 2023-11-14T22:13:20Z by ")
    assert refused.err.endswith(
        "hint: the rotation of llm_key is open: opsctl rotate-secret llm_key -e prod --resume goes on, "
        "--abort puts the old value back\n"
    )


# ── with a host ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Placed:
    """The shop on a pretended host, where api alone uses llm_key."""

    shop: Shop
    machine: Machine

    def connect(self, *_: Any, **__: Any) -> Connection:
        connection: Connection = self.machine.connect()
        return connection

    def rotate(self, *argv: str, typed: str = "") -> Any:
        return self.shop.rotate("llm_key", "--yes", *argv, typed=typed, connect=self.connect)

    def deploy(self) -> Any:
        from tests.cli.terminal import opsctl

        shop = self.shop
        return opsctl(
            *("deploy", "prod", "--yes"),
            project=shop.root,
            environ=shop.environ,
            clock=shop.clock,
            connect=self.connect,
        )

    def envs(self) -> dict[str, str]:
        return {name: box.env.get("TOKEN", "") for name, box in self.machine.engine_boxes().items()}


@pytest.fixture
def placed(keyed: Shop, tmp_path: Path) -> Placed:
    machine = Machine(tmp_path / "host")
    (keyed.root / "hosts.toml").write_text(
        'project = "demo"\n[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["192.0.2.3"]\n'
        f'directory = "{machine.directory}"\nstacks = ["app"]\n'
    )
    (keyed.root / "stacks" / "app.yml").write_text(
        "services:\n  api:\n    image: lab/app:1.0.0\n    env:\n      TOKEN: {secret: llm_key}\n"
        "  web:\n    image: lab/app:1.0.0\n    env:\n      GREETING: hello\n"
    )
    made = Placed(keyed, machine)
    assert made.deploy().code == 0
    return made


def test_a_deploy_is_not_refused_while_an_old_key_waits_for_its_end(placed: Placed) -> None:
    ended = placed.rotate(typed=NEW)
    assert (ended.code, "llm_key  in force, the old value still works" in ended.out) == (0, True)
    assert placed.envs() == {"api": NEW, "web": ""}
    stack = placed.shop.root / "stacks" / "app.yml"
    stack.write_text(stack.read_text().replace("TOKEN: {secret", "EXTRA: more\n      TOKEN: {secret"))
    deployed = placed.deploy()
    assert (deployed.code, "half-rotated" in deployed.out) == (0, False)
    assert placed.machine.engine_boxes()["api"].env["EXTRA"] == "more"
    assert placed.rotate("--resume", "--revoked").code == 0


def test_the_progress_of_the_secret_and_of_its_hosts_reads_as_one(placed: Placed) -> None:
    ended = placed.rotate("--revoked", typed=NEW)
    told = [re.sub(r" … .*", "", one) for one in ended.err.splitlines()]
    assert told == [
        "llm_key  create v2",
        "llm_key  mark",
        "llm_key  set 127.0.0.1",
        "llm_key  test 127.0.0.1",
        "web  push 3 files",
        "web  recreate api",
        "web  wait api",
        "llm_key  deliver v2",
        "llm_key  finish v2 is current",
        "llm_key  retire v1 is withdrawn",
    ]


# ── which ones ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_due_takes_what_is_due_leaves_what_is_for_migration_and_ends_what_waits(
    keyed: Shop, provider: Provider
) -> None:
    keyed.rotate("llm_key", "--yes", typed=NEW)
    for name, policy in {
        "old": ("--rotate-every", "10d"),
        "young": ("--rotate-every", "90d"),
        "endless": (),
        "vault": ("--rotate-every", "10d", "--class", "migrate_only"),
        "ending": ("--expires", "2023-11-30"),
    }.items():
        keyed.done("set", name, "-e", "prod", *policy, typed=f"canary-{name}\n")
    keyed.clock.time += 20 * DAY
    ended = keyed.rotate("--due", "--revoked", "--yes")
    assert ended.code == 0
    assert clocked(ended.out).endswith(
        "\nending   done  v1 -> v2  0.0 s\nllm_key  done  v1 -> v2  0.0 s\nold      done  v1 -> v2  0.0 s\n"
    )
    assert {name: len(keyed.stages(name)) for name in ("young", "endless", "vault")} == {
        "young": 1,
        "endless": 1,
        "vault": 1,
    }
    assert keyed.value("llm_key") == NEW
    assert keyed.rotate("--due", "--yes", "--class", "provider").out == "nothing to rotate\n"


def test_due_goes_on_behind_one_that_needs_somebody(shop: Shop, provider: Provider) -> None:
    """A timer shall not stand still before a secret that it cannot rotate; it ends with the code of that."""
    add_key(shop, provider, "b_key", "--rotate-every", "1d")
    for name, class_ in {"a_admin": "app_admin", "c_token": "regenerate"}.items():
        shop.done(
            "set", name, "-e", "prod", "--class", class_, "--rotate-every", "1d", typed=f"canary-{name}"
        )
    shop.clock.time += DAY
    ended = shop.rotate("--due", "--yes")
    assert ended.code == 2
    assert ended.out.endswith(
        "\na_admin  refused              0.0 s\n"
        "b_key    not begun            0.0 s\n"
        "c_token  done       v1 -> v2  0.0 s\n"
    )
    assert (
        "secret a_admin: nothing tells a system the new value of a secret of class app_admin\n" in ended.err
    )
    assert "\n\nno value for b_key\n" in ended.err
    assert len(shop.stages("c_token")) == 2


def test_a_class_is_taken_whole(spare: Shop) -> None:
    spare.done("set", "second", "-e", "prod", typed="canary-second\n")
    ended = spare.rotate("--class", "regenerate", "--dry-run")
    assert ended.code == 5
    assert "api_token  not begun" in ended.out
    assert "second     not begun" in ended.out
    (spare.root / "stacks" / "app.yml").write_text("services: {}\n")
    assert spare.rotate("--class", "regenerate", "--yes").code == 0
    assert {name: len(spare.stages(name)) for name in spare.stored().secrets} == {
        "api_token": 2,
        "db_password": 1,
        "second": 2,
        "spare": 2,
    }


@pytest.mark.parametrize(
    "argv, told",
    [
        ([], "name the secrets\n\nhint: NAME…, --due, or --class CLASS; opsctl secrets list shows them\n"),
        (["spare", "--due"], "names, --due and --class exclude each other\n"),
        (["spare", "--class", "provider"], "names, --due and --class exclude each other\n"),
        (["spare", "--resume", "--abort"], "--resume and --abort exclude each other\n"),
        (["spare", "--abort", "--rollback"], "--abort and --rollback exclude each other\n"),
        (["--due", "--rollback"], "--rollback is for secrets that are named\n"),
        (["--class", "provider", "--abort"], "--abort is for secrets that are named\n"),
        (["--class", "regenerat"], "no class is called regenerat\n\nhint: did you mean 'regenerate'?\n"),
        (["spare", "spar", "--yes"], "no secret is called spar\n\nhint: did you mean 'spare'?\n"),
        (["spare", "-e", "prd", "--yes"], "no environment is called prd\n\nhint: did you mean 'prod'?\n"),
    ],
)
def test_what_cannot_be_meant_does_nothing(spare: Shop, argv: list[str], told: str) -> None:
    before = spare.file.read_bytes()
    environment = argv[argv.index("-e") + 1] if "-e" in argv else "prod"
    ended = spare.rotate(*argv, environment=environment)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(told)
    assert spare.file.read_bytes() == before


def test_nothing_is_due(spare: Shop) -> None:
    ended = spare.rotate("--due", "--yes")
    assert (ended.code, ended.out, ended.err) == (0, "nothing to rotate\n", "")


def test_the_first_failure_is_the_last_and_what_was_not_begun_is_told(keyed: Shop) -> None:
    for name in ("a_token", "z_token"):
        keyed.done("set", name, "-e", "prod", typed=f"canary-{name}\n")
    ended = keyed.rotate("a_token", "llm_key", "z_token", "a_token", "--yes", typed=WRONG)
    assert ended.code == 1
    assert clocked(ended.out).endswith(
        "\n"
        "a_token  done       v1 -> v2  0.0 s\n"
        "llm_key  FAILED     v1 -> v2  0.0 s\n"
        "z_token  not begun            0.0 s\n"
    )
    assert [len(keyed.stages(name)) for name in ("a_token", "llm_key", "z_token")] == [2, 2, 1]


def test_a_refusal_in_the_middle_does_not_hide_what_was_done_before(spare: Shop) -> None:
    spare.done("set", "vault", "-e", "prod", "--class", "migrate_only", typed="canary-vault-1\n")
    spare.done("set", "young", "-e", "prod", typed="canary-young-1\n")
    ended = spare.rotate("spare", "vault", "young", "--yes", "--json")
    shape = ended.envelope
    assert (ended.code, shape["exit"]) == (4, 4)
    told = [(one["secret"], one["end"], one["confirmed"], one["exit"]) for one in shape["data"]["rotations"]]
    assert told == [("spare", "done", True, 0), ("vault", None, True, 4), ("young", None, False, 0)]
    (error,) = shape["errors"]
    assert error["message"].startswith("secret vault: it is a key that encrypts stored data")
    assert [len(spare.stages(name)) for name in ("spare", "vault", "young")] == [2, 1, 1]


def test_a_stop_at_the_second_question_does_not_hide_what_was_done_before(
    spare: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opsctl.cli import rotating

    answers = iter([True])

    def interrupted(*_: object) -> bool:
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    spare.done("set", "young", "-e", "prod", typed="canary-young-1\n")
    monkeypatch.setattr(rotating, "ask", interrupted)
    ended = spare.rotate("spare", "young", tty=True)
    assert ended.code == 130
    assert ended.out.endswith("\nspare  done       v1 -> v2  0.0 s\nyoung  not begun            0.0 s\n")
    assert ended.err.endswith("\nyoung: interrupted before it was begun\n")


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_made_up_environments_and_missing_stores_say_so(empty_shop: Shop) -> None:
    ended = empty_shop.rotate("api_token", "--yes", environment="lab")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("hosts.toml: the secrets of lab are made up, and not kept in a store\n")
    assert 'hint: take secrets = "generated" out of [environments.lab]' in ended.err
    ended = empty_shop.rotate("api_token", "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "secrets/prod.sops.yaml: prod has no secret store\n\nhint: opsctl secrets init prod\n" in ended.err


@pytest.mark.parametrize(
    "name, class_", [("vault", "migrate_only"), ("n8n_encryption_key", "regenerate")], ids=["class", "name"]
)
def test_what_encrypts_data_is_refused_with_the_way_by_hand(shop: Shop, name: str, class_: str) -> None:
    shop.done("set", name, "-e", "prod", "--class", class_, typed="canary-vault-1\n")
    before = shop.file.read_bytes()
    ended = shop.rotate(name, "--yes")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith(f"secret {name}: it is ")
    assert "replacing it loses what it encrypts\n\nhint: do by hand:\n  1. " in ended.err
    assert "secrets set NAME" not in ended.err
    assert f"opsctl secrets set {name} -e prod --only-store" in ended.err
    assert shop.file.read_bytes() == before


@pytest.mark.parametrize("class_", ["app_admin", "expiring"])
def test_what_no_driver_can_tell_is_refused_with_the_way_by_hand(shop: Shop, class_: str) -> None:
    shop.done("set", "admin", "-e", "prod", "--class", class_, typed="canary-admin-1\n")
    ended = shop.rotate("admin", "--yes")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith(
        f"secret admin: nothing tells a system the new value of a secret of class {class_}\n\nhint: "
    )
    assert "opsctl secrets set admin -e prod --only-store" in ended.err
    shop.done("set", "admin", "-e", "prod", "--only-store", typed="canary-admin-2\n")


def test_who_uses_a_secret_is_made_anew_so_its_host_must_be_there(shop: Shop) -> None:
    before = shop.file.read_bytes()
    ended = shop.rotate("api_token", "--yes")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == "web: no connection\n\nhint: is the machine up?; nothing was done\n"
    assert shop.file.read_bytes() == before


@pytest.mark.parametrize(
    "old, new",
    [
        ("secrets:\n", "<<<<<<< ours\nsecrets:\n=======\nsecrets:\n>>>>>>> theirs\n"),
        ("class: database", "class: provider"),
    ],
    ids=["in a conflict", "tampered"],
)
@pytest.mark.parametrize("argv", [["spare"], ["spare", "api_token"], ["--class", "regenerate"]], ids=len)
def test_a_store_that_cannot_be_trusted_is_not_written_to(
    spare: Shop, old: str, new: str, argv: list[str]
) -> None:
    assert old in spare.file.read_text()
    spare.file.write_text(spare.file.read_text().replace(old, new, 1))
    before = spare.file.read_bytes()
    ended = spare.rotate(*argv, "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "secrets/prod.sops.yaml" in ended.err
    assert spare.file.read_bytes() == before
    assert not spare.journals.exists()


def test_without_a_key_nothing_is_rotated(spare: Shop) -> None:
    ended = spare.without_key().rotate("spare", "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "no age key at hand opens it" in ended.err


# ── journals, and what they leave ────────────────────────────────────────────────────────────────────────────────────


def test_a_journal_that_cannot_be_looked_for_stops_it_before_anything_is_done(spare: Shop) -> None:
    before = spare.file.read_bytes()
    spare.journals.write_text("a file in the way")
    ended = spare.rotate("spare", "--yes")
    assert (ended.code, ended.out) == (1, "")
    assert re.match(r"cannot read .*/rotations/prod/spare\.jsonl: Not a directory\n\nhint: ", ended.err)
    assert spare.file.read_bytes() == before
    assert "rotations" in spare.run("doctor", "prod").out


def test_a_journal_that_cannot_be_written_stops_it_before_anything_is_stored(spare: Shop) -> None:
    before = spare.file.read_bytes()
    spare.journals.symlink_to(spare.root / "nowhere" / "at" / "all")
    ended = spare.rotate("spare", "--yes")
    assert (ended.code, ended.out) == (1, f"{PLAN}\nspare  FAILED  v1 -> v2  0.0 s\n")
    assert re.match(r"\ncannot write .*/rotations/prod/spare\.jsonl: ", ended.err)
    assert "is open" not in ended.err
    assert spare.file.read_bytes() == before


def test_a_rotation_that_was_stopped_is_shown_and_refuses_another(spare: Shop) -> None:
    left_open(spare)
    assert spare.stages("spare") == {"v2": "pending", "v1": "current"}
    assert "rotation open" in spare.run("list", "prod").out
    assert spare.run("list", "prod", "--check").code == 4
    told = spare.run("doctor", "prod")
    assert "v2 is pending for 0s" in told.out
    assert "opsctl rotate-secret spare -e prod --resume" in told.out
    refused = spare.rotate("spare", "--yes")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("a rotation of spare is open: v1 -> v2, begun 2023-11-14T22:13:20Z by ")
    assert spare.run("set", "spare", "-e", "prod", "--generate", "32").code == 4


def test_a_rotation_that_was_stopped_says_how_to_go_on(spare: Shop) -> None:
    ended = spare.rotate("spare", "--yes", journal=Killed)
    assert (ended.code, ended.out) == (130, f"{PLAN}\nspare  FAILED  v1 -> v2  0.0 s\n")
    assert ended.err == (
        "spare  create v2 … 0.0 s\n"
        "\n"
        "spare: interrupted in the middle of a rotation\n"
        "\n"
        "hint: the rotation of spare is open: opsctl rotate-secret spare -e prod --resume goes on, "
        "--abort puts the old value back\n"
    )


@pytest.mark.parametrize(
    "way, told, stages",
    [
        ("--resume", "done", {"v2": "current", "v1": "previous"}),
        ("--abort", "the old value is in force", {"v2": "failed", "v1": "current"}),
    ],
)
def test_a_rotation_that_was_stopped_ends_either_way(
    spare: Shop, way: str, told: str, stages: dict[str, str]
) -> None:
    left_open(spare)
    pending = spare.value("spare", "v2")
    dry = spare.rotate("spare", way, "--dry-run")
    assert (dry.code, spare.stages("spare")["v2"]) == (0, "pending")
    ended = spare.rotate("spare", way, "--yes")
    assert (ended.code, f"spare  {told}" in ended.out) == (0, True)
    assert spare.stages("spare") == stages
    assert spare.value("spare") == (pending if way == "--resume" else "canary-spare-1")
    assert not spare.journals.exists()
    again = spare.rotate("spare", way, "--yes")
    assert (again.code, again.out) == (0, "spare  no rotation was open    0.0 s\n")


def test_a_journal_that_came_to_nothing_is_removed_but_not_by_a_dry_run(spare: Shop) -> None:
    """The run was stopped after the journal was begun, and before the new value was stored."""
    before = spare.file.read_bytes()
    left_open(spare)
    spare.file.write_bytes(before)
    (journal,) = spare.journals.rglob("*.jsonl")
    assert "journal left" in spare.run("list", "prod").out
    dry = spare.rotate("spare", "--resume", "--dry-run")
    assert (dry.code, journal.exists()) == (0, True)
    assert dry.out == (
        "resume spare in prod: v1 -> v2\n"
        "  tidy      remove what says that it is open; it is not, by the store\n"
        "\n"
        "spare  nothing done  v1 -> v2  0.0 s\n"
    )
    ended = spare.rotate("spare", "--resume", "--yes")
    assert (ended.code, "spare  no rotation was open" in ended.out) == (0, True)
    assert not spare.journals.exists()


# ── json ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_envelope_of_each_kind_of_end(keyed: Shop, provider: Provider) -> None:
    keyed.done("set", "spare", "-e", "prod", typed="canary-spare-1\n")

    def rotation(*argv: str, typed: str = "", code: int = 0) -> dict[str, Any]:
        ended = keyed.rotate(*argv, "--json", "--yes", typed=typed)
        shape = ended.envelope
        assert (ended.code, shape["exit"], shape["command"], shape["environment"]) == (
            code,
            code,
            "rotate-secret",
            "prod",
        )
        (one,) = shape["data"]["rotations"]
        assert len(shape["errors"]) == (1 if code else 0)
        deploy, seconds = one.pop("deploy"), one.pop("seconds")
        assert isinstance(seconds, float)
        assert deploy is None or deploy["hosts"] == []
        rotated: dict[str, Any] = one
        return rotated

    done: dict[str, Any] = {
        "secret": "spare",
        "way": "rotate",
        "before": "v1",
        "after": "v2",
        "system": None,
        "consumers": [],
        "confirmed": True,
        "end": "done",
        "exit": 0,
    }
    assert rotation("spare", "--dry-run") == done | {"confirmed": False, "end": None}
    assert rotation("spare") == done
    nothing = done | {"way": None, "before": None, "after": None, "end": "nothing was begun"}
    assert rotation("spare", "--resume") == nothing
    of_key = done | {"secret": "llm_key", "system": "127.0.0.1"}
    failed = of_key | {"end": None, "exit": 1}
    assert rotation("llm_key", typed=WRONG, code=1) == failed
    waiting = of_key | {"before": "v1", "after": "v3", "end": "not yet withdrawn"}
    assert rotation("llm_key", typed=NEW) == waiting
    assert rotation("llm_key", "--abort") == waiting | {"way": "abort", "end": "put back"}


def test_the_envelope_of_a_refusal(keyed: Shop) -> None:
    keyed.done("set", "vault", "-e", "prod", "--class", "migrate_only", typed="canary-vault-1\n")
    shape = keyed.rotate("vault", "--json", "--yes").envelope
    (error,) = shape["errors"]
    assert (shape["exit"], shape["data"], error["exit"]) == (4, None, 4)
    assert error["message"].startswith("secret vault: it is a key that encrypts stored data")
