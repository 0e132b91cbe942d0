"""Killed anywhere, typed over, run again: the end is what is desired, and nothing is made twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.plan.model import KEY, Machine, build, deployed, file, host, owned, plan, service

from opsctl.merging.reading import merge as merged_text
from opsctl.state.desired import Dependency, DesiredHost, DesiredMerge, DesiredService
from opsctl.state.fingerprint import ENV_LABEL, fingerprint

NAMES = ("cache", "db", "api", "web")
values = st.sampled_from(["1", "2", "a$b"])


@st.composite
def hosts(draw: st.DrawFn) -> DesiredHost:
    """Up to four services, each depending only on those before it, of few values so that many stay equal."""
    services: list[DesiredService] = []
    for number, name in enumerate(NAMES):
        if not draw(st.booleans()) and number:
            continue
        earlier = [one.name for one in services]
        after = {
            other: Dependency(
                draw(st.sampled_from(["service_started", "service_healthy"])), draw(st.booleans())
            )
            for other in earlier
            if draw(st.booleans())
        }
        made = draw(st.none() | st.sampled_from([build("1"), build("2")]))
        reaction = draw(st.sampled_from(["recreate", "reload", "restart"]))
        services.append(
            service(
                name,
                image=made.image if made else draw(st.sampled_from(["lab/app:1", "lab/app:2"])),
                build=made,
                env={"KEY": draw(values)},
                files=[file(name, "/etc/conf", draw(values), reaction)],
                merges=merges(draw, name),
                after=after,
                definition={"shm_size": draw(st.sampled_from(["64m", "128m"]))},
                networks=("back",) if draw(st.booleans()) else (),
            )
        )
    return host(*services, networks={"back": {"internal": draw(st.booleans())}})


def merges(draw: st.DrawFn, name: str) -> tuple[DesiredMerge, ...]:
    """None or one, of few keys so that many stay equal; the file is there (see `with_files`)."""
    keys = draw(st.none() | st.dictionaries(st.sampled_from("ab"), values, min_size=1))
    reaction = draw(st.sampled_from(["recreate", "restart"]))
    return (owned(f"/srv/{name}.yaml", keys, reaction),) if keys else ()


def with_files() -> Machine:
    machine = Machine()
    machine.merged |= {f"/srv/{name}.yaml": b"a: 0  # theirs\nc: 1\n" for name in NAMES}
    return machine


def as_desired(machine: Machine, desired: DesiredHost) -> None:
    for name, wanted in desired.services.items():
        box = machine.boxes[name]
        assert box.state == "running"
        assert box.env == dict(wanted.env)
        assert box.mapping["image"] == wanted.image
        assert box.mapping["shm_size"] == wanted.definition["shm_size"]
        for one in wanted.files:
            if one.reaction.kind == "recreate":
                assert box.inner[one.path] == one.content
            assert machine.files[one.path][0] == one.content
        for merge in wanted.merges:
            now = machine.merged[merge.path]
            assert not merged_text(now.decode(), merge.keys, "yaml").changes
            assert (
                merge.reaction.kind != "recreate"
                or not merged_text(box.inner[merge.path].decode(), merge.keys, "yaml").changes
            )
    assert not machine.owed
    for content in machine.merged.values():
        assert b"c: 1\n" in content
        assert b"# theirs" in content


def honest(machine: Machine, desired: DesiredHost) -> bool:
    """No container carries the label of an environment that it does not have (only a hand on the host can do that)."""
    return all(
        box.env == dict(desired.services[name].env)
        for name, box in machine.boxes.items()
        if name in desired.services
        and box.mapping["labels"][ENV_LABEL] == fingerprint(desired, desired.services[name], KEY).env
    )


def edited_by_hand(machine: Machine, desired: DesiredHost, data: st.DataObject) -> bool:
    """Somebody at the host: a merged file, an env file or compose.yml edited, and perhaps applied."""
    if data.draw(st.booleans(), label="merged file edited"):
        path = data.draw(st.sampled_from(sorted(machine.merged)), label="which merged file")
        machine.merged[path] = b"a: 7  # theirs\nc: 1\nb: 7\n"
        if data.draw(st.booleans(), label="seen by the container"):
            for box in machine.boxes.values():
                box.inner[path] = machine.merged[path]
    if not data.draw(st.booleans(), label="edited"):
        return False
    envs = [f"env/{name}.env" for name in sorted(desired.services)]
    path = data.draw(st.sampled_from([*envs, "compose.yml"]), label="which file")
    before = machine.files[path]
    by_hand = b"KEY=by hand\nMORE=1\n" if path in envs else before[0].replace(b'"64m"', b'"65m"')
    machine.files[path] = (by_hand, before[1])
    if data.draw(st.booleans(), label="applied"):
        machine.typed_up()
    else:
        machine.files[path] = data.draw(st.sampled_from([before, machine.files[path]]), label="left as")
    machine.recreated.clear()
    return True


@tries(40)
@given(hosts())
def test_a_second_deploy_does_nothing(desired: DesiredHost) -> None:
    found = plan(deployed(desired, with_files()), desired)
    assert not found.changes, str(found)


@tries(60)
@given(hosts(), hosts(), st.data())
def test_killed_anywhere_typed_over_and_run_again(
    before: DesiredHost, after: DesiredHost, data: st.DataObject
) -> None:
    machine = deployed(before, with_files())
    edited = edited_by_hand(machine, before, data)
    first = plan(machine, after)
    if first.refusals:  # a network that a stray is attached to
        return
    for step in first.steps[: data.draw(st.integers(0, len(first.steps)), label="killed after")]:
        machine.apply(step)
        assert edited or honest(machine, after)
    replaced = any(step.verb == "replace" for step in first.steps)
    pulled = {step.subject() for step in first.steps if step.verb in {"pull", "build"}} <= set(machine.images)
    if (
        data.draw(st.booleans(), label="typed") and pulled and not replaced
    ):  # Compose itself fails there: traps 6
        machine.typed_up()
        assert edited or honest(machine, after)
    second = plan(machine, after)
    machine.run(second)
    as_desired(machine, after)
    assert not plan(machine, after).changes
    # A typed `up` that applies an edit makes a container that no plan asked for; the plan makes the right one.
    assert edited or all(count == 1 for count in machine.recreated.values()), machine.recreated


@tries(60)
@given(hosts(), hosts(), st.data())
def test_a_narrowed_deploy_touches_what_it_says_and_no_more(
    before: DesiredHost, after: DesiredHost, data: st.DataObject
) -> None:
    machine = deployed(before, with_files())
    chosen = frozenset(
        data.draw(st.sets(st.sampled_from(sorted(after.services)), min_size=1), label="chosen")
    )
    found = plan(machine, after, services=chosen)
    if found.refusals:
        return
    named = {step.subject() for step in found.steps if step.verb in {"create", "recreate"}}
    machine.run(found)
    assert set(machine.recreated) == named
    alone = {name for name in before.services if name not in named}
    if not any(step.verb == "replace" for step in found.steps):
        machine.typed_up()
        assert not alone & {name for name in machine.recreated if machine.recreated[name]} - named
