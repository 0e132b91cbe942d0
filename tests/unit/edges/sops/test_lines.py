"""The quick reader says of a text what the whole one says, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.edges.sops.oracle import Person, Sops
from tests.unit.edges.sops.stores import NOW, pending, setting, store_of

from opsctl.edges.sops import nodes
from opsctl.edges.sops.document import create
from opsctl.edges.sops.lines import quickly
from opsctl.edges.sops.nodes import Branch
from opsctl.errors import StoreUnusable

STORE = """\
# The store of prod.

recipients:
    ann: age1x
secrets:
    db:
        class: database
        keep: 5
        note: "two: words # here"
        target:
            role: app
        versions:
            # the newest first
            v2:
                stage: current
                created: "2026-11-01T10:00:00Z"
                by: Ann B
                value: ENC[AES256_GCM,data:H0+/=,iv:AA==,tag:BB==,type:str]
            v1:
                value: ""
sops:
    age:
        - recipient: age1x
          enc: |
            -----BEGIN AGE ENCRYPTED FILE-----
            YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0
            -----END AGE ENCRYPTED FILE-----
        - recipient: age1y
          enc: |
            x
    lastmodified: "2026-11-01T10:00:00Z"
    mac: ENC[AES256_GCM,data:H0+/=,iv:AA==,tag:BB==,type:str]
    encrypted_regex: ^value$
    version: 3.11.0
"""
VALUES = st.sampled_from(
    [*("", " ", "x", "a b", "a  b", "a:b", "a: b", "a :b", "a:", "a #c", "a# c", "#c", "x ", "1", "1.5", "1.50", "0x1"),
    *("true", "~", "null", "yes", "<<", "2026-01-01", ".5", "-1", "^v$", "/x", "ENC[A,data:x,type:str]", "a,b]}"),
    *('"q"', '""', '"a: # b"', '"a\\n"', '"a" # c', '"a"b', '"', "'q'", "|", "| # c", "|-", "|2", ">", "{}", "[]", "'a'"),
    *("{a: b}", "[a]", "&a x", "*a", "!t x", "- x", "? x", "%x", "@x", "`x", "\t", "x\t", "é", "x\u2028y", "---")]
)  # fmt: skip
KEYS = st.sampled_from(
    ["a", "b", "c", "value", "true", "null", "v1", "a.b-c", "'a'", "1", "a b", "<<", "x" * 101]
)
INDENTS = st.integers(0, 9).map(" ".__mul__)
ENTRIES = st.builds(
    "{}{}{}:{}{}".format, INDENTS, st.sampled_from(["", "", "", "- ", "-", "-  ", "- - "]), KEYS, st.sampled_from([" ", " ", " ", "", "  "]), VALUES
)  # fmt: skip
OTHERS = st.builds("{}{}".format, INDENTS, st.sampled_from(["", "# c", "text", "---", "...", "? a", ": b", "- a", "-", "%Y", "a", "\ta: b"]))  # fmt: skip
USUAL = st.sampled_from(["x", "a b", "a:b", "1", "1.5", "true", "^v$", "ENC[A,data:x,type:str]", '"q"', '""', '"a: # b"', "'a'"])  # fmt: skip


@st.composite
def trees(draw: st.DrawFn, indent: int = 0, first: str = "", depth: int = 0) -> list[str]:
    """Lines of a mapping in block style, indented somehow; `first` stands before its first key."""
    lines: list[str] = []
    for key in draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True)):
        before = first if not lines else " " * indent
        kind = draw(
            st.sampled_from(["scalar", "scalar", "block", "branch", "items"][: 3 if depth > 2 else 5])
        )
        deeper = indent + draw(st.integers(1, 4))
        if kind == "scalar":
            lines.append(f"{before}{key}: {draw(USUAL)}")
        elif kind == "block":
            lines += [f"{before}{key}: |", *[" " * deeper + draw(st.sampled_from(["x", "a  b ", "# c", "a: b"])) for _ in range(draw(st.integers(1, 3)))]]  # fmt: skip
        elif kind == "branch":
            lines += [f"{before}{key}:", *draw(trees(deeper, " " * deeper, depth + 1))]
        else:
            dash = indent + draw(st.integers(0, 3))
            lines.append(f"{before}{key}:")
            for _ in range(draw(st.integers(1, 2))):
                lines += draw(trees(dash + 2, " " * dash + "- ", depth + 1))
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(INDENTS) + draw(st.sampled_from(["", "# c"])))
    return lines


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Such a mapping, in which up to two lines are others, or begin elsewhere."""
    lines = draw(trees())
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        lines[at] = draw(
            st.one_of(ENTRIES, OTHERS, st.sampled_from([line[1:], f" {line}", f"{line}\n{line}"]))
        )
    end = draw(st.sampled_from(["\n"] * 8 + ["\n\n", "\r\n", ""]))
    return end.join([*lines, ""])


def whole(text: str) -> Branch | None:
    try:
        return nodes.read(text, "x.yaml")
    except StoreUnusable:
        return None


@tries(120)
@given(text=texts())
@example(text="a: |\n  x\nb: |\n # c\n# d\n  # e\nc:\n")
@example(text="a:\n- b:\n - c: x\n")
@example(text="a: x\n  y\n")
@example(text="a: b #c\n")
@example(text="a: b: c\n")
def test_of_any_lines_it_says_the_same_or_nothing(text: str) -> None:
    assert quickly(text) in (None, whole(text))


@tries(80)
@given(data=st.data())
def test_of_a_store_that_somebody_edited_it_says_the_same_or_nothing(data: st.DataObject) -> None:
    text = STORE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.one_of(st.just(at), st.just(at + 1), st.integers(at, at + 40)))
        new = data.draw(st.one_of(st.text(' \n#:"|-ax,\t', max_size=3), st.builds("{}\n".format, ENTRIES)))
        text = text[:at] + new + text[until:]
    assert quickly(text) in (None, whole(text))


@pytest.mark.parametrize(
    "text",
    [
        STORE,
        "a: x\n",
        "a:\n- b: x\n  c: 1\n- d: y\ne: z\n",
        "a:\n  b: 'x'\nc: \"\"\n",
        "a: |\n  x\n  y\n# c\n",
    ],
)
def test_what_is_in_its_layout_it_reads(text: str) -> None:
    assert quickly(text) == whole(text) is not None


def test_a_store_of_opsctl_is_in_its_layout(tmp_path: Path, ann: Person, bob: Person) -> None:
    path = tmp_path / "prod.sops.yaml"
    store = store_of(path, ann)
    store.create({"ann": ann.recipient, "bob": bob.recipient})
    store.change(setting("db", "x", target={"role": "app"}, keep=5, rotate_every="90d", note="ask: ann, #3"))
    store.change(setting("db", "y"))
    store.change(pending("db", "z"))
    store.change(setting("token", "two\nlines"))
    text = path.read_text()
    assert quickly(text) == whole(text) is not None


@pytest.mark.sops
def test_what_sops_writes_is_in_its_layout(sops: Sops) -> None:
    text = sops.encrypted(STORE.partition("sops:")[0].replace("ENC[", "enc[")).decode()
    assert quickly(text) == whole(text) is not None


def test_a_new_document_is_in_its_layout(ann: Person) -> None:
    assert quickly(create([ann.recipient], "x.yaml").dump(NOW).decode())
