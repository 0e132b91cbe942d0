from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries

from opsctl.images.lock_text import lock_text
from opsctl.model.lock import EMPTY_LOCK, LOCK_FILE, Lock, Pinned, Previous
from opsctl.model.yaml_document import read_yaml

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
AT, LATER = "2026-11-26T16:20:00Z", "2026-11-27T08:00:00Z"
INDEX = "application/vnd.oci.image.index.v1+json"
PLATFORMS = ("linux/amd64", "linux/arm64")


def parsed(text: str) -> Lock:
    document = read_yaml(LOCK_FILE, text.encode())
    assert document.problems == ()
    lock: Lock = Lock.model_validate(document.value)
    return lock


def with_entries(images: Mapping[str, Pinned]) -> Lock:
    return Lock(images=dict(sorted(images.items())))


def lock_of(**images: Pinned) -> Lock:
    return with_entries({f"{name}:{entry.tag}": entry for name, entry in images.items()})


CADDY = Pinned(
    tag="2.11.4-alpine",
    digest=NEW,
    media_type=INDEX,
    platforms=PLATFORMS,
    resolved_at=AT,
    validated_at=LATER,
    previous=Previous(digest=OLD, resolved_at=AT, media_type=INDEX, platforms=PLATFORMS, validated_at=AT),
)
REDIS = Pinned(tag="8.10", digest=OLD, resolved_at=AT, resolved_by="engine of sese-ai")

WRITTEN = f"""\
# The digest of every image, so that what was tried is what runs.
# `opsctl pin-images` writes this file; your comments stay.
version: 1
images:
  caddy:2.11.4-alpine:
    tag: 2.11.4-alpine
    digest: {NEW}
    media_type: {INDEX}
    platforms: [linux/amd64, linux/arm64]
    resolved_at: {AT}
    validated_at: {LATER}
    previous:
      digest: {OLD}
      resolved_at: {AT}
      media_type: {INDEX}
      platforms: [linux/amd64, linux/arm64]
      validated_at: {AT}
  redis:8.10:
    tag: "8.10"
    digest: {OLD}
    resolved_at: {AT}
    resolved_by: engine of sese-ai
"""


def test_a_new_file() -> None:
    lock = lock_of(redis=REDIS, caddy=CADDY)
    assert lock_text(lock, "") == lock_text(lock, "\n") == WRITTEN
    assert parsed(WRITTEN) == lock
    assert lock_text(lock, WRITTEN) == WRITTEN


def test_an_empty_lock() -> None:
    text = lock_text(EMPTY_LOCK, WRITTEN)
    assert text == "".join(WRITTEN.partition("images:")[:2]) + " {}\n"
    assert parsed(text) == EMPTY_LOCK
    assert lock_text(lock_of(redis=REDIS, caddy=CADDY), text) == WRITTEN


COMMENTED = f"""\
# Ours.

version: 1 # of the format

# All of them:
images:   # by name
  # Holds the certificates.
  caddy:2.11.4-alpine:  # watch it
    # the tag
    tag: 2.11.4-alpine
    digest: {NEW}    # good
    resolved_at: {AT}
    # green since
    validated_at: {LATER} # by hand
    previous: # was bad
      # this one
      digest: {OLD}   # bad
      resolved_at: {AT}

  # Last.
  redis:8.10:
    tag: "8.10" # not a number
    digest: {OLD}
    resolved_at: {AT}
    resolved_by: engine of sese-ai

# The end.
"""


def test_comments_and_empty_lines_stay_where_they_are() -> None:
    assert lock_text(parsed(COMMENTED), COMMENTED) == COMMENTED


def test_comments_of_what_stays_survive_what_comes_and_goes() -> None:
    lock = parsed(COMMENTED)
    entry = lock.images["caddy:2.11.4-alpine"]
    moved = entry.model_copy(update={"digest": OLD, "validated_at": None, "previous": None})

    text = lock_text(lock_of(alpine=REDIS, caddy=moved, valkey=REDIS), COMMENTED)

    assert (
        text
        == f"""\
# Ours.

version: 1 # of the format

# All of them:
images:   # by name
  alpine:8.10:
    tag: "8.10"
    digest: {OLD}
    resolved_at: {AT}
    resolved_by: engine of sese-ai
  # Holds the certificates.
  # green since
  # by hand
  # was bad
  # this one
  # bad
  caddy:2.11.4-alpine:  # watch it
    # the tag
    tag: 2.11.4-alpine
    digest: {OLD}    # good
    resolved_at: {AT}
  valkey:8.10:
    tag: "8.10"
    digest: {OLD}
    resolved_at: {AT}
    resolved_by: engine of sese-ai

# The end.
"""
    )


REFORMATTED = f"""\
%YAML 1.2
# first
---
# second
"version": 1
'images':
\t# third
    'caddy:2.11.4-alpine': {{   # fourth
        tag: 2.11.4-alpine, # fifth
        digest: "{NEW}",
        platforms: [linux/amd64,   # sixth
          linux/arm64], # seventh
        resolved_at: "{AT}" }} # eighth
    "redis:8.10":
            digest: '{OLD}' # ninth
            # tenth
            tag: "8.10"
            platforms:
              # eleventh
              - linux/amd64  # twelfth
            resolved_at: {AT}
            resolved_by: 'it''s # no comment'
"""


def test_a_file_that_a_person_laid_out_otherwise_loses_no_comment() -> None:
    lock = parsed(REFORMATTED.replace("\t#", "    #"))

    text = lock_text(lock, REFORMATTED)

    assert parsed(text) == lock
    assert lock_text(lock, text) == text
    for word in "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split():  # noqa: SIM905
        assert len(re.findall(rf"# {word}\b", text)) == 1, word
    assert text.startswith(
        "# first\n# second\nversion: 1\nimages:\n# third\n  caddy:2.11.4-alpine:   # fourth\n"
    )


def test_comments_without_an_owner_go_to_the_head() -> None:
    text = lock_text(lock_of(redis=REDIS), "# a\nversion: 1\n# b\nnotes: x # c\nimages:\n  {odd # d\n")
    assert text.startswith("# a\n# b\n# c\nversion: 1\n# d\nimages:\n")
    assert parsed(text) == lock_of(redis=REDIS)


def test_line_ends_stay_as_they_are() -> None:
    lock = lock_of(redis=REDIS, caddy=CADDY)
    windows = WRITTEN.replace("\n", "\r\n")
    assert lock_text(lock, windows) == windows
    assert lock_text(lock, "\ufeff" + windows) == windows


def test_no_character_of_a_comment_breaks_the_file() -> None:
    lock = lock_of(redis=REDIS)
    for odd in ("\r", "\x85", "\u2028", "\x00", "\x0b", "\ufeff", "\x7f"):
        assert parsed(lock_text(lock, f"# a{odd}tag: 1 # b\nversion: 1\n")) == lock


PATHS = st.sampled_from(
    ["a", "redis", "7zip", "a/b", "x1/y/z", "ghcr.io/a/b", "h:5000/a", "Host:1/a", "[::1]:5000/a"]
)
TAGS = st.one_of(
    st.sampled_from(
        ["1.10", "8", "20260803", "2026-08-03", "true", "No", "null", "1e5", "0x1f", "_", "1_0", "08", "y", "nan", "1.2.3"]
    ),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True),
)  # fmt: skip
DIGESTS = st.sampled_from([OLD, NEW, "sha256:" + "0" * 64])
MOMENTS = st.sampled_from([AT, LATER, "2026-01-01T00:00:00Z"])
TEXTS = st.one_of(st.sampled_from(["", INDEX]), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
CONTENTS = {"digest": DIGESTS, "resolved_at": MOMENTS, "media_type": TEXTS, "platforms": st.lists(TEXTS, max_size=2).map(tuple)}  # fmt: skip
BY = st.one_of(st.sampled_from(["registry", "engine of a", "running on b # c", "a: b", "it's"]), TEXTS)


@st.composite
def pins(draw: st.DrawFn) -> tuple[str, Pinned]:
    name, tag = draw(PATHS), draw(TAGS)
    validated = st.none() | MOMENTS
    previous = st.none() | st.builds(Previous, **CONTENTS, validated_at=validated)
    entry = st.builds(
        Pinned, tag=st.just(tag), **CONTENTS, resolved_by=BY, validated_at=validated, previous=previous
    )
    return f"{name}:{tag}", draw(entry)


def _valid(images: Mapping[str, Pinned]) -> bool:
    try:
        Lock(images=dict(images))
    except ValueError:
        return False
    return True


LOCKS = st.lists(pins(), max_size=4).map(dict).filter(_valid).map(with_entries)


@given(LOCKS)
@tries(20)
def test_reading_gives_exactly_the_lock(lock: Lock) -> None:
    text = lock_text(lock, "")
    assert parsed(text) == lock
    assert lock_text(lock, text) == text


@dataclass(frozen=True)
class Annotated:
    """A file with comments, and the entry that each belongs to; "" for those of no entry."""

    text: str
    owners: Mapping[str, str]


REMARKS = ["", "why: ", 'it`s "x', "# - {", "☃"]


@st.composite
def annotated(draw: st.DrawFn, lock: Lock) -> Annotated:
    lines = lock_text(lock, "").removesuffix("\n").split("\n")[2:]
    keys = iter(sorted(lock.images))
    text: list[str] = []
    owners: dict[str, str] = {}
    entry = ""
    for line in [*lines, ""]:
        indent = len(line) - len(line.lstrip(" "))
        entry = next(keys) if indent == 2 else entry if indent else ""
        for _ in range(draw(st.integers(0, 2))):
            word = f"#{len(owners)} {draw(st.sampled_from(REMARKS))}!"
            owners[word] = entry
            text.append(draw(st.sampled_from(["", " ", "  ", "      "])) + word)
        text += [""] * draw(st.sampled_from([0, 0, 0, 1]))
        if line and draw(st.booleans()):
            word = f"#{len(owners)} !"
            owners[word] = entry
            line += draw(st.sampled_from([" ", "   "])) + word  # noqa: PLW2901
        text += [line] if line else []
    return Annotated("\n".join([*text, ""]), owners)


@given(st.data())
@tries(20)
def test_a_commented_file_of_the_same_lock_stays_as_it_is(data: st.DataObject) -> None:
    lock = data.draw(LOCKS)
    file = data.draw(annotated(lock))
    assert parsed(file.text) == lock
    assert lock_text(lock, file.text) == file.text


@given(st.data())
@tries(20)
def test_edits_lose_no_comment_of_what_stays(data: st.DataObject) -> None:
    lock, other = data.draw(LOCKS), data.draw(LOCKS)
    file = data.draw(annotated(lock))
    kept = {key: entry for key, entry in lock.images.items() if data.draw(st.booleans())}
    changed = {
        key: entry.model_copy(update={"validated_at": None, "previous": None, "platforms": (), "digest": OLD})
        for key, entry in kept.items()
        if data.draw(st.booleans())
    }
    after = with_entries({**other.images, **kept, **changed})

    text = lock_text(after, file.text)

    assert parsed(text) == after
    assert lock_text(after, text) == text
    for word, entry in file.owners.items():
        lines = [line for line in text.split("\n") if line.endswith(word)]
        assert len(lines) == (not entry or entry in after.images), word


@given(st.text("#'\" \t\n\r:{}[]-&*!|>%@aversionimages1,?\\", max_size=60), LOCKS)
@tries(20)
def test_whatever_the_file_held_the_text_is_the_lock(before: str, lock: Lock) -> None:
    text = lock_text(lock, before)
    assert parsed(text) == lock
    assert lock_text(lock, text) == text


@pytest.mark.parametrize("key", ["[::1]:5000/a:1", "12:30", "127.0.0.1:5000/a:1"])
def test_keys_that_are_no_plain_yaml(key: str) -> None:
    entry = Pinned(tag=key.rpartition(":")[2], digest=OLD, resolved_at=AT)
    text = lock_text(with_entries({key: entry}), "")
    assert f'  "{key}":\n' in text
    assert list(parsed(text).images) == [key]
