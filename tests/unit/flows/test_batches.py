from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opsctl.flows.apply import batches
from opsctl.plan.steps import Recreate, Step, Wait


def made(name: str, wave: int = 0) -> Recreate:
    return Recreate(name, wave, ("new",))


def waited(name: str) -> Wait:
    return Wait(name, 0, "healthy", 1.0)


def test_recreations_of_one_wave_are_one_command() -> None:
    steps = (made("a"), made("b"), waited("a"), made("c", 1), made("d", 1), made("e", 2))
    assert list(batches(steps)) == [
        (made("a"), made("b")),
        (waited("a"),),
        (made("c", 1), made("d", 1)),
        (made("e", 2),),
    ]


@given(st.lists(st.sampled_from([made("a"), made("b", 1), waited("c")])))
def test_no_step_is_lost_or_moved(steps: list[Step]) -> None:
    assert [step for batch in batches(steps) for step in batch] == steps
