from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opsctl.images.dockerfile import from_lines
from opsctl.images.source import (
    _composed,
    _differ_only,
    _image_at,
    with_digest_in_dockerfile,
    with_digest_in_yaml,
)
from opsctl.model.values import Unfit
from opsctl.model.yaml_document import read_yaml

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    "before, line, after",
    [
        ("image: foo:1\n", 1, "image: foo:1@NEW\n"),
        ("image: foo:1", 1, "image: foo:1@NEW"),
        ("image: foo\n", 1, "image: foo:latest@NEW\n"),
        ("image: foo:1@OLD # why\n", 1, "image: foo:1@NEW # why\n"),
        ("image: foo@OLD\n", 1, "image: foo:latest@NEW\n"),
        ("image: h:5000/foo\n", 1, "image: h:5000/foo:latest@NEW\n"),
        ("a: 1\nb:\n    image:   'foo:1'   # \tc\n", 3, "a: 1\nb:\n    image:   'foo:1@NEW'   # \tc\n"),
        ('"image": "foo:1"\n', 1, '"image": "foo:1@NEW"\n'),
        ('{"image":"foo:1"}', 1, '{"image":"foo:1@NEW"}'),
        ("a: {image: foo:1, b: 2}\n", 1, "a: {image: foo:1@NEW, b: 2}\n"),
        ("image: foo:1\r\nb: 2\r\n", 1, "image: foo:1@NEW\r\nb: 2\r\n"),
        ("\ufeffimage: foo:1\nb: 2\n", 1, "\ufeffimage: foo:1@NEW\nb: 2\n"),
        ("image: &x foo:1\n", 1, "image: &x foo:1@NEW\n"),
        ("image: &x !!str 'foo:1'\n", 1, "image: &x !!str 'foo:1@NEW'\n"),
        ("image: &x # c\n  foo:1\n", 1, "image: &x # c\n  foo:1@NEW\n"),
        ("image:\n  foo:1 # c\n", 1, "image:\n  foo:1@NEW # c\n"),
        ("? image\n: foo:1\n", 1, "? image\n: foo:1@NEW\n"),
        ("a:\n  image: &x foo:1\nb:\n  image: *x\n", 2, "a:\n  image: &x foo:1@NEW\nb:\n  image: *x\n"),
        ("a: &x\n  image: foo:1\nb:\n  <<: *x\n", 2, "a: &x\n  image: foo:1@NEW\nb:\n  <<: *x\n"),
        ("☃: 1 # ☃\nimage: foo:1\n", 2, "☃: 1 # ☃\nimage: foo:1@NEW\n"),
        ('image: "{{ vars.registry }}/foo:1.0"\n', 1, 'image: "{{ vars.registry }}/foo:1.0@NEW"\n'),
        ('image: "{{ vars.registry }}/foo"\n', 1, 'image: "{{ vars.registry }}/foo:latest@NEW"\n'),
        ('image: "{{ vars[\\"r/e:g\\"] }}/foo:1"\n', 1, 'image: "{{ vars[\\"r/e:g\\"] }}/foo:1@NEW"\n'),
        ("image: '{{ vars[''r''] }}/foo:1@OLD'\n", 1, "image: '{{ vars[''r''] }}/foo:1@NEW'\n"),
        ("image: foo{{ vars.x }}:1 # c\n", 1, "image: foo{{ vars.x }}:1@NEW # c\n"),
        ("image: x:1\nservices: {a: {image: foo:1}}\n", 2, "image: x:1\nservices: {a: {image: foo:1@NEW}}\n"),
    ],
)  # fmt: skip
def test_a_digest_is_put_beside_the_tag(before: str, line: int, after: str) -> None:
    before, after = before.replace("OLD", OLD), after.replace("NEW", NEW)

    assert with_digest_in_yaml(before, line, NEW) == after
    assert with_digest_in_yaml(after, line, NEW) == after


@pytest.mark.parametrize(
    "text, line, reason, hint",
    [
        ("image: foo:{{ vars.v }}\n", 1, "its tag comes from a variable", "images.lock.yaml"),
        ('image: "foo:1.{{ vars.v }}-alpine"\n', 1, "its tag comes from a variable", "images.lock.yaml"),
        ('image: "foo{{ vars.tag }}"\n', 1, "its tag comes from a variable", ""),
        ('image: "a/{{ vars.image }}"\n', 1, "its tag comes from a variable", ""),
        ('image: "{% if x %}foo:1{% else %}foo:2{% endif %}"\n', 1, "its tag comes from a variable", ""),
        ('image: "{{ vars.image }}"\n', 1, "as a whole", "images.lock.yaml"),
        ('image: "{{ a }}{{ b }}"\n', 1, "as a whole", ""),
        ('image: "foo:1@{{ vars.digest }}"\n', 1, "its digest comes from a variable", ""),
        ("a: 1\nx: &i foo:1\nimage: *i\n", 3, "alias of what stands in line 2", "line 2"),
        ("image: |\n  foo:1\n", 1, "a block of text", "beside the key"),
        ("image: >-\n  foo:1\n", 1, "a block of text", ""),
        ("image: 'foo:1\n  bar'\n", 1, "several lines", "one line"),
        ("image: foo:1\n  bar\n", 1, "several lines", ""),
        ("a: {image: foo:1, b: {image: foo:2}}\n", 1, "more than one key", "a line of its own"),
        ("a: 1\nimage: foo:1\n", 1, "no key `image`", ""),
        ("image: foo:1\n", 7, "no key `image`", ""),
        ("images: foo:1\n", 1, "no key `image`", ""),
        ("# image: foo:1\n", 1, "not one YAML document", ""),
        ("image: {repository: foo}\n", 1, "no text", ""),
        ("image: [foo:1]\n", 1, "no text", ""),
        ("image: 12\n", 1, "no text", ""),
        ("image:\n", 1, "no text", ""),
        ("image: Foo:1\n", 1, "no name of an image", "small letters"),
        ("image: ''\n", 1, "no name of an image", ""),
        ('image: "foo\\x3a1"\n', 1, "no name of an image", ""),
        ("image: ${IMAGE}\n", 1, "no name of an image", ""),
        ("image: &x foo:1\nenv: {A: *x}\n", 1, "no image", "write the text out"),
        ("image: &x foo:1\nenv: [*x]\n", 1, "no image", ""),
        ("image: &x foo:1\nenv: {*x : 1}\n", 1, "no image", ""),
        ("image: foo:1\nb: [\n", 1, "not one YAML document", "lint"),
        ("image: foo:1\n---\nb: 1\n", 1, "not one YAML document", ""),
        ("", 1, "not one YAML document", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_alone_stays(text: str, line: int, reason: str, hint: str) -> None:
    with pytest.raises(Unfit, match=reason) as caught:
        with_digest_in_yaml(text, line, NEW)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text, alike",
    [
        ("a: {image: foo:2, b: [1, &x c, *x]}\n", True),
        ("a: # other bytes, the same values\n  image: 'foo:2'\n  b:\n  - 1\n  - &x c\n  - *x\n", True),
        ("a: {image: foo:3, b: [1, &x c, *x]}\n", False),
        ("a: {image: foo:2, b: [2, &x c, *x]}\n", False),
        ("a: {image: foo:2, b: ['1', &x c, *x]}\n", False),
        ("a: {image: foo:2, b: [1, &x c, c]}\n", False),
        ("a: {image: foo:2, b: [1, &y c, *y]}\n", False),
        ("a: {image: foo:2, c: [1, &x c, *x]}\n", False),
        ("a: {image: foo:2, b: [1, &x c, *x, 2]}\n", False),
        ("a: {image: foo:2, b: {1: &x c}}\n", False),
        ("a: {b: [1, &x c, *x], image: foo:2}\n", False),
    ],
)
def test_what_was_spliced_is_held_against_the_old_document(text: str, alike: bool) -> None:
    old = _composed("a: {image: foo:1, b: [1, &x c, *x]}\n")
    _key, image = _image_at(old, 1)
    assert _differ_only(old, _composed(text), image, "foo:2") == alike


def test_only_a_digest_is_written() -> None:
    for wrong in ("sha256:1", "", f"{NEW} # x"):
        with pytest.raises(Unfit, match="digest"):
            with_digest_in_yaml("image: foo:1\n", 1, wrong)
        with pytest.raises(Unfit, match="digest"):
            with_digest_in_dockerfile("FROM foo:1\n", 1, "foo:1", wrong)


REFERENCES = st.sampled_from(
    ["foo:1", "foo", "ghcr.io/a/b:1.2-alpine", "h:5000/a", f"foo:1@{OLD}", f"a/b@{OLD}", f"foo:1@{NEW}"]
)
EXPRESSIONS = st.sampled_from(["{{ vars.registry }}/foo:1", "{{ vars['r'] }}/a", "r{{ v }}/b:2@" + OLD])
REMARKS = st.sampled_from(["", " # why", "   #\t'quoted\"", " # {{ x }} image: no:1", "  "])
BETWEEN = st.sampled_from(
    ["# image: no:1", "", "   # c: [", "list: [a, 'b', {c: d}]", "text: |\n  image: no:1\n\n  # kept", "odd:   {a: 1,   b: &k x,\n  c: *k }", "☃: \U0001f600"]
)  # fmt: skip


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """A value as YAML writes it, with an anchor or in quotes or not."""
    expression = draw(st.booleans())
    value = draw(EXPRESSIONS if expression else REFERENCES)
    style = draw(st.sampled_from(["'", '"'] if expression else ["", "'", '"']))
    value = value.replace("'", "''") if style == "'" else value
    return draw(st.sampled_from(["", "&anchor ", "!!str "])) + style + value + style


@st.composite
def yaml_files(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A text, and the lines whose key is `image`."""
    lines: list[str] = []
    at: list[int] = []
    for number in range(draw(st.integers(1, 4))):
        for index in range(draw(st.integers(0, 2))):
            extra = draw(BETWEEN)
            key, colon, rest = extra.partition(":")
            plain = not colon or extra.lstrip().startswith("#")
            lines += (extra if plain else f"{key}{number}{index}:{rest}").split("\n")
        value = draw(spelled()).replace("&anchor", f"&anchor{number}")
        shape = draw(
            st.sampled_from(
                ["s{}:\n      image: {}", "s{}:\n  a: 1\n  image:   {}", "s{}: {{image: {} , b: 1}}", "s{}: {{a: [1], 'image': {} }}", "s{}:\n - image: {}\n   b: 2"]
            )
        )  # fmt: skip
        block = shape.format(number, value).split("\n")
        at.append(len(lines) + 1 + next(i for i, line in enumerate(block) if "image" in line))
        lines += block
        if not block[-1].endswith("b: 2"):
            lines[-1] += draw(REMARKS)
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + newline.join(lines) + draw(
        st.sampled_from(["", newline])
    ), at


def values(text: str) -> Any:
    document = read_yaml("a.yml", text.encode())
    assert document.problems == ()
    return document.value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    if isinstance(value, dict):
        return {k: v for key, one in value.items() for k, v in leaves(one, (*path, key)).items()}
    if isinstance(value, list):
        return {k: v for key, one in enumerate(value) for k, v in leaves(one, (*path, key)).items()}
    return {path: value}


@given(st.data())
def test_one_span_changes_and_nothing_else(data: st.DataObject) -> None:
    text, lines = data.draw(yaml_files())
    line = data.draw(st.sampled_from(lines))

    changed = with_digest_in_yaml(text, line, NEW)

    assert with_digest_in_yaml(changed, line, NEW) == changed
    before, after = leaves(values(text)), leaves(values(changed))
    assert list(before) == list(after)
    differing = [path for path in before if before[path] != after[path]]
    was = text.split("\n")[line - 1]
    assert changed.split("\n")[: line - 1] == text.split("\n")[: line - 1]
    assert changed.split("\n")[line:] == text.split("\n")[line:]
    assert len(differing) == (changed != text) == (NEW not in was)
    for path in differing:
        assert path[-1] == "image"
        old = before[path].partition("@")[0]
        assert after[path] in {f"{old}@{NEW}", f"{old}:latest@{NEW}"}
        now = changed.split("\n")[line - 1]
        start = now.index(f"@{NEW}") - (0 if f"{old}@" in after[path] else len(":latest"))
        assert now[:start] == was[:start]
        assert was.endswith(now[now.index(NEW) + len(NEW) :])


@given(st.text("image: foo1\n{}[],&*x'\"#|@", max_size=60), st.integers(1, 4))
def test_any_text_is_changed_in_one_value_or_refused(text: str, line: int) -> None:
    try:
        changed = with_digest_in_yaml(text, line, NEW)
    except Unfit:
        return
    before, after = leaves(values(text)), leaves(values(changed))
    assert list(before) == list(after)
    assert {path[-1] for path in before if before[path] != after[path]} <= {"image"}


@pytest.mark.parametrize(
    "before, line, image, after",
    [
        ("FROM foo:1\n", 1, "foo:1", "FROM foo:1@NEW\n"),
        ("FROM foo AS b\r\n", 1, "foo", "FROM foo:latest@NEW AS b\r\n"),
        ('FROM "foo:1@OLD" # c\n', 1, "foo:1", 'FROM "foo:1@NEW" # c\n'),
        ("ARG R=ghcr.io\nFROM ${R}/foo:1\n", 2, "ghcr.io/foo:1", "ARG R=ghcr.io\nFROM ${R}/foo:1@NEW\n"),
        ("FROM ${R}/foo:1\n", 1, "${R}/foo:1", "FROM ${R}/foo:1@NEW\n"),
        ("FROM a:1\nCOPY --from=b:2 /x /y\n", 2, "b:2", "FROM a:1\nCOPY --from=b:2@NEW /x /y\n"),
        ("RUN --mount=from=b:2,target=/x ls\n", 1, "b:2", "RUN --mount=from=b:2@NEW,target=/x ls\n"),
        ("FROM \\\n  foo:1 \\\n  AS b\n", 2, "foo:1", "FROM \\\n  foo:1@NEW \\\n  AS b\n"),
    ],
)
def test_a_digest_in_a_dockerfile(before: str, line: int, image: str, after: str) -> None:
    before, after = before.replace("OLD", OLD), after.replace("NEW", NEW)

    assert with_digest_in_dockerfile(before, line, image, NEW) == after
    assert with_digest_in_dockerfile(after, line, image, NEW) == after


@pytest.mark.parametrize(
    "text, line, image, reason",
    [
        ("ARG V=12\nFROM debian:$V\n", 2, "debian:12", "its tag comes from a variable"),
        ("ARG V=12\nFROM debian:${V:-1}-slim\n", 2, "debian:12-slim", "its tag comes from a variable"),
        ("ARG I=debian:12\nFROM $I\n", 2, "debian:12", "as a whole"),
        ("ARG I=debian:12\nFROM ghcr.io/$I\n", 2, "ghcr.io/debian:12", "its tag comes from a variable"),
        ("FROM deb\\\nian:12\n", 1, "debian:12", "no name of an image"),
        ("FROM debian:12\n", 2, "debian:12", "no longer"),
        ("FROM debian:12\n", 1, "debian:13", "no longer"),
        ("RUN --mount=from=b:2 --mount=from=b:2 ls\n", 1, "b:2", "more than once"),
        (f"FROM a:1 AS b:1@{NEW}\nFROM b:1\n", 2, "b:1", "change more than this image"),
    ],
)
def test_what_cannot_be_changed_in_a_dockerfile(text: str, line: int, image: str, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        with_digest_in_dockerfile(text, line, image, NEW)


@given(st.lists(REFERENCES, min_size=1, max_size=4), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_one_word_of_a_dockerfile_changes(names: list[str], data: st.DataObject, newline: str) -> None:
    text = newline.join(
        f"# FROM no:1{newline}FROM --platform=linux/arm64 {name} AS s{newline}RUN x" for name in names
    )
    before = from_lines(text)
    target = data.draw(st.sampled_from(before))
    assume(len({one.line for one in before}) == len(before))

    changed = with_digest_in_dockerfile(text, target.line, target.image, NEW)

    after = from_lines(changed)
    for old, new in zip(before, after, strict=True):
        assert new.image == old.image if old is not target else new.image.endswith(f"@{NEW}")
    assert changed[: target.start] == text[: target.start]
    assert changed[len(changed) - (len(text) - target.end) :] == text[target.end :]


def test_edits_of_one_file_build_on_each_other() -> None:
    text = "".join(f"s{n}:\n  image: foo{n}:1 # c\n" for n in range(5))
    start = deepcopy(text)
    for n in range(5):
        text = with_digest_in_yaml(text, 2 * n + 2, NEW)
    assert text == start.replace(":1 ", f":1@{NEW} ")
