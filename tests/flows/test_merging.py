"""Merged files end to end on a pretended host: the real scripts on a real file that others edit too."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flows.machine import SECRET, Machine
from tests.unit.plan.model import host, service

from opsctl.argv.command import Command
from opsctl.errors import CommandFailed, Exit
from opsctl.flows.deploy import deploy
from opsctl.flows.diff import diff
from opsctl.flows.planning import make_plan
from opsctl.flows.reports import DeployReport, Selection
from opsctl.merging.keys import fingerprint_text, managed
from opsctl.plan.plans import HostPlan, Plan
from opsctl.state.desired import Desired, DesiredHost, DesiredMerge, Reaction

OWNED: dict[str, Any] = {
    "dns": {"override_local_dns": True, "nameservers": {"global": ["1.1.1.1", "9.9.9.9"]}}
}
BEFORE = """\
# Everything about our network.\r
server_url:   "https://hs.example.org"   # odd blanks
noise: &noise
    private_key_path: /var/lib/noise
dns:
      # by ann
      magic_dns: yes
      override_local_dns: false  # for now
      nameservers:
            global: [8.8.8.8]
            split: {}
derp: *noise
"""
AFTER = BEFORE.replace("override_local_dns: false", "override_local_dns: true").replace(
    "[8.8.8.8]", "[1.1.1.1, 9.9.9.9]"
)


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


@pytest.fixture
def config(machine: Machine) -> Path:
    """The file on the host, in a folder that is not opsctl's."""
    path = machine.folder / "services" / "config.yaml"
    path.parent.mkdir()
    path.write_bytes(BEFORE.encode())
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 1000, 1001)
    return path


def owned(path: Path, keys: Mapping[str, Any] = OWNED, kind: str = "recreate") -> DesiredMerge:
    reaction = Reaction(kind)  # type: ignore[arg-type]  # one of the kinds
    return DesiredMerge(str(path), "yaml", keys, fingerprint_text(managed(keys)), reaction)


def stack(*merges: DesiredMerge) -> DesiredHost:
    return host(service("headscale", merges=merges), service("web"))


def yes(_plan: Plan) -> bool:
    return True


def run(machine: Machine, wanted: DesiredHost, **more: Any) -> DeployReport:
    desired = Desired("prod", (machine.placed(wanted),))
    return deploy(machine.world(), desired, **{"confirm": yes, "wait": False, **more})


def planned(machine: Machine, wanted: DesiredHost) -> HostPlan:
    (plan,) = make_plan(machine.world(), Desired("prod", (machine.placed(wanted),))).plan.hosts
    return plan


def between(machine: Machine, program: str, line: str) -> None:
    """Let the host run a line of shell when one of its programs is called for the new file."""
    stand_in = machine.folder / "bin" / program
    stand_in.write_text(f'#!/bin/sh\ncase "$*" in new) {line} ;; esac\nexec {shutil.which(program)} "$@"\n')
    stand_in.chmod(0o755)


def ups(machine: Machine) -> list[str]:
    return [call.partition(" -- ")[2] for call in machine.calls() if " up " in call]


def test_every_byte_outside_the_owned_keys_stays_and_mode_and_owner_too(
    machine: Machine, config: Path
) -> None:
    before = config.stat()
    report = run(machine, stack(owned(config)))
    assert report.exit is Exit.YES, report
    assert config.read_bytes().decode() == AFTER
    now = config.stat()
    assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert [one.name for one in config.parent.iterdir()] == ["config.yaml"]
    assert not planned(machine, stack(owned(config))).changes


def test_the_step_comes_before_compose_yml_and_names_keys_without_values(
    machine: Machine, config: Path
) -> None:
    plan = planned(machine, stack(owned(config)))
    verbs = [step.verb for step in plan.steps]
    assert verbs[:3] == ["merge", "push", "create"]
    assert plan.steps[0].reason() == ("managed keys changed: dns.override_local_dns, dns.nameservers.global")
    assert "9.9.9.9" not in str(plan)
    assert "9.9.9.9" not in repr(plan)


def test_a_changed_key_recreates_its_service_alone_and_once(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    more = {"dns": {**OWNED["dns"], "override_local_dns": False}}
    report = run(machine, stack(owned(config, more)))
    assert report.exit is Exit.YES
    assert ups(machine)[1:] == ["headscale"]
    assert config.read_bytes().decode() == AFTER.replace(
        "override_local_dns: true", "override_local_dns: false"
    )
    assert not planned(machine, stack(owned(config, more))).changes
    assert len(ups(machine)) == 2


def test_edits_elsewhere_are_nobodys_business(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    edited = AFTER.replace("by ann", "by ben").replace("magic_dns: yes", "magic_dns: no") + "new: 1\n"
    config.write_bytes(edited.encode())
    assert not planned(machine, stack(owned(config))).changes
    run(machine, stack(owned(config, {"dns": {"override_local_dns": False}})))
    assert config.read_bytes().decode() == edited.replace(
        "override_local_dns: true", "override_local_dns: false"
    )


def test_an_edit_of_an_owned_key_is_named_and_mended(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    config.write_bytes(AFTER.replace("override_local_dns: true", "override_local_dns: false").encode())

    plan = planned(machine, stack(owned(config)))
    merge, recreate = plan.steps[0], plan.steps[1]
    assert merge.reason() == "managed keys edited on the host: dns.override_local_dns"
    assert (recreate.verb, recreate.subject()) == ("recreate", "headscale")
    assert recreate.reason() == f"{config}: managed keys edited on the host: dns.override_local_dns"

    kept = run(machine, stack(owned(config)), keep_host_edits=True)
    assert kept.exit is Exit.NO
    assert run(machine, stack(owned(config))).exit is Exit.YES
    assert config.read_bytes().decode() == AFTER
    assert ups(machine)[1:] == ["headscale"]
    assert not planned(machine, stack(owned(config))).changes


def test_killed_after_an_edit_was_mended_the_container_still_gets_it(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    config.write_bytes(BEFORE.encode())
    machine.fail(" up ")
    assert run(machine, stack(owned(config))).exit is Exit.FAILED
    assert config.read_bytes().decode() == AFTER
    machine.fail("")

    plan = planned(machine, stack(owned(config)))
    assert next(step.verb for step in plan.steps) == "recreate"
    assert "edited on the host (put back before, not applied yet)" in plan.steps[0].reason()
    assert run(machine, stack(owned(config))).exit is Exit.YES
    assert not planned(machine, stack(owned(config))).changes


@pytest.mark.parametrize("moment", ["after the look", "before the command", "while the new one is written"])
def test_an_edit_since_the_look_is_noticed_and_not_lost(machine: Machine, config: Path, moment: str) -> None:
    run(machine, stack(owned(config)))
    calls = machine.calls()
    theirs = AFTER.replace("by ann", "by ben").encode()
    connection = machine.connect()
    wanted = stack(owned(config, {"dns": {"override_local_dns": False}}))

    def edit(command: Command) -> None:
        if command.label.startswith("merge "):
            config.write_bytes(theirs)

    def confirm(_plan: Plan) -> bool:
        if moment == "after the look":
            config.write_bytes(theirs)
        return True

    if moment == "before the command":
        connection.shell.before = edit
    if moment == "while the new one is written":
        between(machine, "sync", f"printf %s '{theirs.decode()}' >{config}")
    desired = Desired("prod", (machine.placed(wanted),))
    report = deploy(machine.world(connection), desired, confirm=confirm, wait=False)

    error = report.outcomes[0].error
    assert isinstance(error, CommandFailed)
    assert error.message == (
        f"{config} was changed since the look; nothing of it was lost, and nothing was done to it"
    )
    assert "run the same command again" in error.hint
    assert config.read_bytes() == theirs
    assert not report.outcomes[0].changed
    assert machine.calls() == calls, "nothing else is done after it"
    assert [one.name for one in config.parent.iterdir()] == ["config.yaml"]

    (machine.folder / "bin" / "sync").unlink(missing_ok=True)
    assert run(machine, wanted).exit is Exit.YES
    assert b"by ben" in config.read_bytes()


@pytest.mark.parametrize(
    "text,said",
    [
        ("dns: [\n", ":2: "),
        ("a: 1\na: 2\n", ":2: the key 'a' is given twice"),
        (
            "a: &x {override_local_dns: no}\ndns: *x\n",
            ":2: dns: it is an alias (*x); change what stands in line 1",
        ),
        ("a: \xff\n", ":1: the file is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_broken_file_is_refused_and_left_alone(
    machine: Machine, config: Path, text: str, said: str
) -> None:
    config.write_bytes(text.encode("latin-1"))
    report = run(machine, stack(owned(config)))
    assert report.exit is Exit.NO
    assert report.plan
    (refusal,) = report.plan.hosts[0].refusals
    assert refusal.startswith(f"headscale: {config}{said}")
    assert config.read_bytes() == text.encode("latin-1")
    assert machine.calls() == []


class TestNotAFile:
    def refusal(self, machine: Machine, path: Path) -> str:
        (refusal,) = planned(machine, stack(owned(path))).refusals
        return refusal

    def test_missing(self, machine: Machine, config: Path) -> None:
        config.unlink()
        assert self.refusal(machine, config) == (
            f"headscale: {config} is not there; put the program's own file there first: opsctl owns some keys of it, not the file"
        )

    def test_a_link_is_not_followed(self, machine: Machine, config: Path) -> None:
        link = config.with_name("link.yaml")
        link.symlink_to(config)
        assert self.refusal(machine, link) == (
            f"headscale: {link} leads through a symbolic link; name the file itself, {config}"
        )

    def test_a_link_made_since_the_look_is_not_followed(self, machine: Machine, config: Path) -> None:
        other = config.with_name("other.yaml")
        other.write_bytes(config.read_bytes())

        def confirm(_plan: Plan) -> bool:
            config.unlink()
            config.symlink_to(other)
            return True

        report = run(machine, stack(owned(config)), confirm=confirm)
        assert "was changed since the look" in str(report.outcomes[0].error)
        assert config.is_symlink()
        assert other.read_bytes().decode() == BEFORE

    def test_a_folder(self, machine: Machine, config: Path) -> None:
        assert "is no regular file" in self.refusal(machine, config.parent)

    def test_one_that_is_too_large(self, machine: Machine, config: Path) -> None:
        config.write_bytes(b"#" * (1024 * 1024 + 1))
        assert "is larger than 1 MiB" in self.refusal(machine, config)


def test_a_reaction_is_owed_until_it_is_done(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config, kind="restart")))
    wanted = stack(owned(config, {"dns": {"override_local_dns": False}}, "restart"))
    assert [step.verb for step in planned(machine, wanted).steps] == ["merge", "restart", "wait"]
    machine.fail("restart")
    assert run(machine, wanted).exit is Exit.FAILED
    machine.fail("")
    plan = planned(machine, wanted)
    assert next((step.verb, step.reason()) for step in plan.steps) == (
        "restart",
        "owed since an earlier push",
    )
    assert run(machine, wanted).exit is Exit.YES
    assert not planned(machine, wanted).changes


def test_a_key_no_longer_managed_stays_and_is_named_once(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config, kind="restart")))
    less = stack(owned(config, {"dns": {"override_local_dns": True}}, "restart"))
    (step,) = planned(machine, less).steps
    assert step.reason() == "no longer managed, and left as it is: dns.nameservers.global"
    run(machine, less)
    assert config.read_bytes().decode() == AFTER
    assert not planned(machine, less).changes

    (step,) = planned(machine, stack()).steps
    assert (step.subject(), step.reason()) == (
        str(config),
        "no longer managed, and left as it is: dns.override_local_dns",
    )
    run(machine, stack())
    assert config.read_bytes().decode() == AFTER
    assert not planned(machine, stack()).changes
    assert list((machine.directory / ".opsctl" / "merged").iterdir()) == []


def test_a_narrowed_deploy_leaves_the_files_of_others(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config, kind="none")))
    wanted = stack(owned(config, {"dns": {"override_local_dns": False}}, "none"))
    desired = Desired("prod", (machine.placed(wanted),))
    report = deploy(machine.world(), desired, Selection(services=("web",)), confirm=yes, wait=False)
    assert report.plan
    assert report.plan.hosts[0].pending == (f"headscale: push {config}",)
    assert config.read_bytes().decode() == AFTER
    config.write_text("[")
    assert not make_plan(machine.world(), desired, Selection(services=("web",))).plan.refused


def test_a_secret_of_a_key_is_shown_nowhere(machine: Machine, config: Path) -> None:
    keys = {"oidc": {"issuer": "https://id", "client_secret": SECRET}}
    wanted = Desired("prod", (machine.placed(stack(owned(config, keys))),))
    report = diff(machine.world(), wanted)
    shown = next(file for file in report.hosts[0].files if file.path == str(config))
    assert [(one.key, one.change, one.old, one.new) for one in shown.keys] == [
        ("oidc.issuer", "added", "", '"https://id"'),
        ("oidc.client_secret", "added", "", "***"),
    ]
    run(machine, stack(owned(config, keys)))
    assert SECRET in config.read_text()
    assert SECRET not in repr(machine.events) + repr(planned(machine, stack(owned(config, keys))))
    kept = [path.read_text() for path in (machine.directory / ".opsctl" / "merged").iterdir()]
    assert len(kept) == 1
    assert SECRET not in kept[0]


def test_a_file_as_the_last_run_left_it_is_not_read_again(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    (record,) = (machine.directory / ".opsctl" / "merged").iterdir()
    broken = b"\xff"
    config.write_bytes(broken)
    assert planned(machine, stack(owned(config))).refusals
    facts = json.loads(record.read_text())
    record.write_text(json.dumps({**facts, "sha256": hashlib.sha256(broken).hexdigest()}))
    plan = planned(machine, stack(owned(config)))
    assert (plan.steps, plan.refusals) == ((), ())


def test_without_a_record_it_is_written_down_anew(machine: Machine, config: Path) -> None:
    run(machine, stack(owned(config)))
    (record,) = (machine.directory / ".opsctl" / "merged").iterdir()
    record.write_text("garbage")
    (step,) = planned(machine, stack(owned(config))).steps
    assert step.reason() == (
        "managed from now on, and right already: dns.override_local_dns, dns.nameservers.global"
    )
    run(machine, stack(owned(config)))
    assert planned(machine, stack(owned(config))).steps == ()
    assert config.read_bytes().decode() == AFTER


def test_in_a_folder_that_gives_its_group_away(machine: Machine, config: Path) -> None:
    config.parent.chmod(0o2775)
    group = config.stat().st_gid
    assert run(machine, stack(owned(config))).exit is Exit.YES
    assert (config.read_bytes().decode(), config.stat().st_gid) == (AFTER, group)


def test_a_folder_put_in_place_of_ours_is_not_written_into(machine: Machine, config: Path) -> None:
    """Whoever owns the folder swaps ours for a link to another one, as soon as it is there."""
    target = machine.folder / "elsewhere"
    target.mkdir()
    stand_in = machine.folder / "bin" / "mktemp"
    swap = f'rm -r "$made" && ln -s {target} "$made"'
    real = shutil.which("mktemp")
    stand_in.write_text(
        f'#!/bin/sh\nmade=$({real} "$@")\ncase $* in *config.yaml*) {swap} ;; esac\necho "$made"\n'
    )
    stand_in.chmod(0o755)
    target.chmod(0o755)
    assert run(machine, stack(owned(config))).exit is Exit.FAILED
    assert list(target.iterdir()) == []
    assert config.read_bytes().decode() == BEFORE


def test_what_a_killed_merge_left_behind_is_removed(machine: Machine, config: Path) -> None:
    left = config.with_name(".config.yaml.opsctl.aB3xYz")
    left.write_text("half")
    kept = config.with_name(".config.yaml.swp")
    kept.write_text("an editor's")
    run(machine, stack(owned(config)))
    assert not left.exists()
    assert kept.exists()


def test_a_stream_that_is_cut_short_puts_nothing(machine: Machine, config: Path) -> None:
    connection = machine.connect()
    real = connection.shell.real.run
    cut = []

    class Cut:
        """The connection breaks in the middle of the new file."""

        def run(self, command: Command) -> Any:
            if command.label.startswith("merge "):
                cut.append(command)
                return real(replace(command, stdin=command.stdin[:-20]))
            return real(command)

    connection.shell.real = Cut()  # type: ignore[assignment]
    connection.shell.open = machine.connect().shell.open  # type: ignore[method-assign]
    desired = Desired("prod", (machine.placed(stack(owned(config))),))
    report = deploy(machine.world(connection), desired, confirm=yes, wait=False)
    assert cut
    assert isinstance(report.outcomes[0].error, CommandFailed)
    assert config.read_bytes().decode() == BEFORE
    assert [one.name for one in config.parent.iterdir()] == ["config.yaml"]
