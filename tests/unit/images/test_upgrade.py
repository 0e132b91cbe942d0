"""Which tag comes next, and that it is written where the old one stands, without another byte changed."""

from __future__ import annotations

import pytest

from opsctl.checks.gates import Gate, step_refusal
from opsctl.errors import Refused, UsageError
from opsctl.images.source import with_tag_in_yaml
from opsctl.images.upgrade import next_tag, rewritten, written_tag
from opsctl.images.uses import ImageUse
from opsctl.images.variable import with_variable_in_toml
from opsctl.model.fleet import Place
from opsctl.model.values import Unfit

DIGEST, OTHER = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
STACK = Place("stacks/app.yml", 3)


def use(
    service: str = "api", image: str = "team/api:1.4.2", environment: str = "prod", **more: Place
) -> ImageUse:
    place = more.get("place", STACK)
    return ImageUse(image, place, "service", service, environment, "web", source=more.get("source"))


@pytest.mark.parametrize(
    "written,expected",
    [
        ("image: team/api:1.4.2", "image: team/api:1.5.0"),
        ('image: "team/api:1.4.2" # a', 'image: "team/api:1.5.0" # a'),
        (f"image: team/api:1.4.2@{DIGEST}", f"image: team/api:1.5.0@{OTHER}"),
        ("image: '{{ vars.r }}:5000/api:1.4.2'", "image: '{{ vars.r }}:5000/api:1.5.0'"),
        ("image: team/api", "image: team/api:1.5.0"),
        ("image: host:5000/api", "image: host:5000/api:1.5.0"),
    ],
)
def test_a_tag_in_yaml(written: str, expected: str) -> None:
    text = f"services:\r\n  # api\n  api: {{ }}\n  {written}\n  b:   {{image: x:1}}\n"
    assert with_tag_in_yaml(text, 4, "1.5.0", OTHER) == text.replace(written, expected)


@pytest.mark.parametrize(
    "text",
    [
        "image: team/api:{{ vars.tag }}\n",
        "image: '{{ vars.image }}'\n",
        "image: team/api:1.4.2@{{ vars.digest }}\n",
        "x: team/api:1.4.2\n",
        "image: &a team/api:1.4.2\nname: *a\n",
    ],
)
def test_a_tag_that_cannot_be_changed_alone(text: str) -> None:
    with pytest.raises(Unfit):
        with_tag_in_yaml(text, 1, "1.5.0", OTHER)


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_variable_in_toml(quote: str) -> None:
    text = f"# 1.4.2\n[vars]\na = {quote}1.4.2{quote}   # not {quote}1.4{quote}\r\nb = '1.4.2'\n"
    assert with_variable_in_toml(text, 3, "1.4.2", "1.5.0") == text.replace(
        f"a = {quote}1.4.2", f"a = {quote}1.5.0"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a = '1.4.3'\n",
        "a = ['1.4.2', '1.4.2']\n",
        "a = 'x' # '1.4.2'\n",
        "'1.4.2' = 1\n",
        "a = 1.4\n",
        "",
    ],
)
def test_a_variable_that_cannot_be_changed_alone(text: str) -> None:
    with pytest.raises(Unfit):
        with_variable_in_toml(text, 1, "1.4.2", "1.5.0")


def test_who_shares_a_tag() -> None:
    source = Place("hosts.toml", 2)
    others = [
        use("worker", place=Place("stacks/app.yml", 9), source=source),
        use("api", environment="lab", source=source),
        use("else", place=Place("stacks/app.yml", 20)),
    ]
    found = written_tag([use(source=source), *others], "api", "prod")
    assert (found.place, found.variable) == (source, True)
    assert (found.services, found.elsewhere) == (("api", "worker"), ("lab api",))


def test_a_tag_at_two_places_is_not_written() -> None:
    uses = [use(), use(place=Place("stacks/app.yml", 9))]
    with pytest.raises(UsageError, match=r"stacks/app.yml:3, stacks/app.yml:9"):
        written_tag(uses, "api", "prod")
    with pytest.raises(UsageError, match="no image with a tag in lab"):
        written_tag(uses, "api", "lab")


def test_where_it_cannot_be_written_the_place_is_told() -> None:
    found = written_tag([use()], "api", "prod")
    with pytest.raises(UsageError) as caught:
        rewritten(found, "services:\n\n  image: team/api:{{ vars.tag }}\n", "1.5.0", DIGEST)
    assert caught.value.where == "stacks/app.yml:3"


@pytest.mark.parametrize(
    "gate,tags,expected",
    [
        (None, ["1.4.3", "1.4.5", "1.5.0", "2.0.0"], "1.4.5"),
        (None, ["1.5.0", "1.6.0", "2.0.0"], "1.6.0"),
        (Gate("s", steps="minor"), ["1.5.0", "1.5.9", "1.6.0", "2.0.0"], "1.5.9"),
        (Gate("s", stays="major"), ["1.9.0", "2.0.0"], "1.9.0"),
        (None, ["2.0.0"], "2.0.0"),
    ],
)
def test_the_newest_of_the_smallest_step_that_is_taken(
    gate: Gate | None, tags: list[str], expected: str
) -> None:
    found = written_tag([use()], "api", "prod")

    def bars(old: str, new: str) -> str:
        return step_refusal(old, gate.version(old), gate.version(new), gate) if gate else ""

    assert next_tag(found, [*tags, "1.4.2", "1.0.0", "latest"], bars) == expected


def test_none_to_take_says_why() -> None:
    found = written_tag([use()], "api", "prod")
    with pytest.raises(Refused, match=r"no newer tag than 1\.4\.2"):
        next_tag(found, ["1.4.2", "1.0.0"], lambda _old, _new: "")
    with pytest.raises(Refused, match="dump it first"):
        next_tag(found, ["2.0.0"], lambda _old, _new: "dump it first")
