"""Whatever stands in the files, load ends in a fleet or in problems with a file, never in another exception."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.inputs import test_project as examples
from tests.unit.inputs.folder import write

from opsctl.errors import InputError
from opsctl.inputs.project import load

SOUND = {
    "hosts.toml": dedent(examples.TWO_ENVIRONMENTS),
    "stacks/apps.yml": dedent(examples.STACK),
    "stacks/more.yml": dedent(examples.PASTED),
}
VALUE = re.compile(r"(?<=[:=] )[^\n,}]+|(?<=- )[^\n]+")
ODD = (
    "null [] {} 5 1.5 true - { : &a *a <<: ' \" {{ }} {%x%} ~ {a:&b} [1,[2]] {secret:_1} ${X} 0644 !!x = [] "
    "{kind:_1} {overrides:_[]} \t \n é \x00"
).replace("_", " ")


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, str]:
    """Sound files, in which up to three values gave way to something odd."""
    files = dict(SOUND)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        spots = list(VALUE.finditer(files[name]))
        if spots:
            start, end = draw(st.sampled_from(spots)).span()
            odd = draw(st.sampled_from(ODD.split(" ")) | st.text(max_size=5))
            files[name] = files[name][:start] + odd + files[name][end:]
    return files


@tries(60)
@given(spoiled())
def test_load_ends_in_a_fleet_or_in_problems(files: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        root = write(Path(folder), {name: text.encode(errors="replace") for name, text in files.items()})
        with suppress(InputError):
            load(root)
