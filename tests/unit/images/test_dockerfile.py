from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.images.dockerfile import From, from_lines


def images(text: str) -> list[tuple[int, str]]:
    """Lines and whole images; every word must stand where it is said to."""
    return [(one.line, one.image) for one in from_lines(text) if one.whole]


def unknown(text: str) -> list[str]:
    return [one.image for one in from_lines(text) if not one.whole]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("FROM debian:12\n", [(1, "debian:12")]),
        ("from debian", [(1, "debian")]),
        ("\n# FROM no:1\n  FROM\t debian:12 # not a comment\n", [(3, "debian:12")]),
        ("FROM --platform=linux/amd64 debian:12 AS Base\nFROM base\nFROM BASE as b\n", [(1, "debian:12")]),
        ("FROM scratch\nCOPY x /x\n", []),
        ("FROM ghcr.io/a/b:1@sha256:" + "0" * 64, [(1, "ghcr.io/a/b:1@sha256:" + "0" * 64)]),
        ('FROM "debian:12"\n', [(1, "debian:12")]),
        ("FROM debian:12\r\nRUN true\r\nFROM alpine:3\r\n", [(1, "debian:12"), (3, "alpine:3")]),
        ("\ufeffFROM debian:12\n", [(1, "debian:12")]),
        ("RUN FROM x\nCMD FROM y\nFROM\n", []),
        ("", []),
        # Lines that go on.
        ("FROM \\\n  # why\n\n  debian:12 \\\n  AS base\nFROM base\n", [(4, "debian:12")]),
        ("FROM debian:12\nRUN a && \\\nFROM x\nRUN b\n", [(1, "debian:12")]),
        ("# escape=`\nFROM a:1\nRUN c:\\\nFROM b:1\nRUN d `\nFROM no:1\n", [(2, "a:1"), (4, "b:1")]),
        ("# syntax=docker/dockerfile:1\n# escape = `\nRUN d `\nFROM no:1\n", []),
        ("# other=1\n# escape=`\nRUN c \\\nFROM no:1\n", []),
        ("# a comment\n# escape=`\nRUN c \\\nFROM no:1\n", []),
        ("RUN c \\\\\nFROM yes:1\n", [(2, "yes:1")]),
        # Heredocs.
        ("FROM a:1\nRUN <<EOF\nFROM no:1\nEOF\nFROM b:1\n", [(1, "a:1"), (5, "b:1")]),
        ("RUN <<-'EOF' cat\n\tFROM no:1\n\tEOF\nFROM b:1\n", [(4, "b:1")]),
        ('RUN cat <<A 3<<"B" >x\nFROM no:1\nA\nFROM no:2\nB\nFROM b:1\n', [(6, "b:1")]),
        ("RUN <<EOF\r\nFROM no:1\r\nEOF\r\nRUN a \\\r\nFROM no:2\r\nFROM b:1\r\n", [(6, "b:1")]),
        ("COPY <<EOF /x\nFROM no:1\n  EOF\nFROM no:2\nEOF\nFROM b:1\n", [(6, "b:1")]),
        ("ONBUILD RUN <<EOF\nFROM no:1\nEOF\nFROM b:1\n", [(4, "b:1")]),
        ("RUN <<EOF\nFROM no:1\n", []),
        ('RUN echo "<<EOF" \'<<X\' a<<B <<<word << EOF\nFROM b:1\n', [(2, "b:1")]),
        ("ENV A=<<EOF\nFROM b:1\n", [(2, "b:1")]),
        # Other ways to take from an image.
        (
            "FROM a:1 AS base\nCOPY --from=base /x /x\nCOPY --from=0 /x /x\nCOPY --chown=1:1 --from=b:2 /x /y\n",
            [(1, "a:1"), (4, "b:2")],
        ),
        ("FROM a:1\nCOPY x --from=no:1\nADD --from=no:1 x y\n", [(1, "a:1")]),
        ("FROM a:1\nONBUILD COPY --from=b:2 x y\n", [(1, "a:1"), (2, "b:2")]),
        (
            "FROM a:1 AS base\nRUN --mount=type=bind,from=b:2,target=/x --mount=from=c:3 --mount=from=base make\n",
            [(1, "a:1"), (2, "b:2"), (2, "c:3")],
        ),
    ],
)  # fmt: skip
def test_images_are_found_with_their_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert images(text) == expected
    assert unknown(text) == []


@pytest.mark.parametrize(
    "text, expected",
    [
        ("ARG V=12\nFROM debian:$V\n", "debian:12"),
        ("ARG V=12\nFROM debian:${V}-slim\n", "debian:12-slim"),
        ("ARG R=\"ghcr.io\" I='a'\nARG X=$R/$I\nFROM ${X}:1\n", "ghcr.io/a:1"),
        ("ARG V\nFROM debian:${V:-12}\n", "debian:12"),
        ("ARG V=\nFROM debian:${V:-12}\n", "debian:12"),
        ("FROM debian:${V-12}\n", "debian:12"),
        ("ARG V=\nFROM debian${V-:12}\n", "debian"),
        ("ARG V=13\nFROM debian:${V:-12}\n", "debian:13"),
        ("ARG S=1\nFROM debian:12${S:+-slim}${T:+-no}\n", "debian:12-slim"),
        ("arg V=1\nARG V=2\nFROM debian:$V\n", "debian:2"),
    ],
)
def test_arguments_with_defaults_are_filled_in(text: str, expected: str) -> None:
    assert [image for _, image in images(text)] == [expected]


@pytest.mark.parametrize(
    "text, written",
    [
        ("ARG V\nFROM debian:$V\n", "debian:$V"),
        ("FROM debian:${V}-slim\n", "debian:${V}-slim"),
        ("ARG V=\nFROM debian:${V:?no}\n", "debian:${V:?no}"),
        ("ARG A=1\nARG A=$B\nFROM debian:$A\n", "debian:$A"),
        ("FROM a:1\nARG V=1\nFROM b:$V\n", "b:$V"),
        ("FROM a:1\nARG V=1\nCOPY --from=b:$V x y\n", "b:$V"),
        ("FROM {{ image }}\n", "{{"),
    ],
)
def test_what_only_the_builder_knows_stays_as_it_is_written(text: str, written: str) -> None:
    assert unknown(text) == [written]


def test_a_stage_behind_an_argument_is_no_image() -> None:
    assert from_lines("ARG B=base\nFROM a:1 AS base\nFROM $B\n") == (From("a:1", 2, 16, 19),)


def test_a_word_that_goes_on_in_the_next_line_is_one_image() -> None:
    text = "FROM deb\\\nian:12\n"
    (found,) = from_lines(text)
    assert (found.image, text[found.start : found.end]) == ("debian:12", "deb\\\nian:12")


FILLERS = st.sampled_from(
    ["# FROM no:0\n", "\n", "RUN make\n", "RUN a \\\n  b\n", "RUN <<EOF\nFROM no:0\nEOF\n", "COPY a b\n", "LABEL x=y\r\n"]
)  # fmt: skip
WORDS = st.from_regex(r"[a-z]{3}(/[a-z]+)?:[0-9]\.[0-9](@sha256:[0-9a-f]{64})?", fullmatch=True)
SHAPES = st.sampled_from(
    ["FROM {}\n", "FROM --platform=linux/arm64 {} AS stage{{}}\n", "from\t{}\r\n", "COPY --from={} a b\n", "RUN --mount=from={},target=/x ls\n"]
)  # fmt: skip


@given(st.lists(st.tuples(st.lists(FILLERS, max_size=3), SHAPES, WORDS), max_size=6), FILLERS)
def test_every_image_is_found_where_it_stands(pieces: list[tuple[list[str], str, str]], last: str) -> None:
    text, expected = "", []
    for fillers, shape, word in pieces:
        text += "".join(fillers)
        start = len(text) + shape.index("{}")
        expected.append(From(word, text.count("\n") + 1, start, start + len(word)))
        text += shape.format(word)

    found = from_lines(text + last)

    assert found == tuple(expected)
    assert [text[one.start : one.end] for one in found] == [word for _, _, word in pieces]


@given(st.text("FROM RUN<E\n\\#$\"'{a}:-=`", max_size=80))
def test_what_is_no_dockerfile_gives_what_can_be_read_of_it(text: str) -> None:
    for one in from_lines(text):
        assert 0 <= one.start < one.end <= len(text)


@pytest.mark.parametrize(
    "text, given, expected",
    [
        ("ARG V=1\nFROM a:$V\n", {"V": "2"}, ["a:2"]),
        ("ARG V\nFROM a:$V\n", {"V": "2"}, ["a:2"]),
        ("ARG V W=3\nFROM a:$V-$W\n", {"V": "2"}, ["a:2-3"]),
        ("FROM a:${V:-1}\n", {"V": "2"}, ["a:1"]),
        ("FROM b:1\nARG V\nFROM a:${V:-1}\n", {"V": "2"}, ["b:1", "a:1"]),
        ("ARG V=1\nFROM a:$V\n", {"W": "2"}, ["a:1"]),
    ],
)
def test_what_a_build_is_given_stands_in_for_defaults(
    text: str, given: dict[str, str], expected: list[str]
) -> None:
    assert [one.image for one in from_lines(text, given) if one.whole] == expected
