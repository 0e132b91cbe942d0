"""YAML as people write it: comments, any indentation, quotes, blocks of text, anchors, blanks at ends of lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

Path = tuple[str, ...]
Draw = st.DrawFn

KEYS = ("a", "bb", "dns", "key_1", "with blank", "x-y", "443", "ümlaut")
_COMMENTS = ("", "", "  # why", " # 'quote", "  ", " #")
_PLAIN = (
    "1",
    "true",
    "text",
    "two words",
    "0644",
    "~",
    "1.5",
    "yes",
    "http://x/y?z#q",
    "2026-01-01",
    "a\U0001f600b",
)
_QUOTED = ("'it''s'", '"a: b # c"', "''", '"\\t"', "'0644'")
_BLOCKS = ("|", ">", "|-", ">-", "|+")


@dataclass
class Text:
    """Lines with the path of the leaf each belongs to, and what can be managed in it."""

    lines: list[tuple[str, Path | None]] = field(default_factory=list)
    leaves: list[Path] = field(default_factory=list)
    parents: list[Path] = field(default_factory=list)
    nulls: list[Path] = field(default_factory=list)
    keys: set[Path] = field(default_factory=set)
    anchors: list[str] = field(default_factory=list)
    start: str = ""
    newline: str = "\n"
    ends_with_newline: bool = True

    def text(self) -> str:
        joined = self.start + self.newline.join(line for line, _ in self.lines)
        return joined + self.newline if self.ends_with_newline else joined

    def lines_without(self, managed: set[Path]) -> list[str]:
        return [line for line, owner in self.lines if owner not in managed]


@st.composite
def texts(draw: Draw) -> Text:
    text = Text(newline=draw(st.sampled_from(["\n", "\n", "\r\n"])))
    text.start = draw(st.sampled_from(["", "", "\ufeff"]))
    if draw(st.integers(0, 4)) == 0:
        text.lines.append(("---", None))
    _mapping(draw, text, (), 0)
    _between(draw, text, 0)
    if text.lines[0] == ("---", None) and draw(st.booleans()):
        text.lines.append(("...", None))
    # Without a line break at its end, a block of text lacks one too, and gets one by whatever comes after.
    is_block = text.lines[-1][0].strip() in {"more", ""}
    text.ends_with_newline = is_block or draw(st.booleans())
    return text


def _mapping(draw: Draw, text: Text, path: Path, column: int) -> None:
    text.parents.append(path)
    names = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    for name in names:
        _between(draw, text, column)
        key = draw(st.sampled_from([name, f"'{name}'", f'"{name}"']))
        below = (*path, name)
        text.keys.add(below)
        _entry(draw, text, below, column, " " * column + key + draw(st.sampled_from([":", " :"])))


def _entry(draw: Draw, text: Text, path: Path, column: int, key: str) -> None:
    comment = draw(st.sampled_from(_COMMENTS))
    deeper = column + draw(st.integers(1, 8))
    kind = draw(st.sampled_from(_KINDS))
    if kind == "mapping" and len(path) < 3:
        text.lines.append((key + comment, None))
        _mapping(draw, text, path, deeper)
        return
    if kind == "anchor":
        name = f"n{len(text.anchors)}"
        text.lines.append((f"{key} &{name} {draw(st.sampled_from(_PLAIN))}{comment}", None))
        text.anchors.append(name)
        return
    if kind == "elsewhere":
        other = ["{k: 1, l: [2]}", "!own value", "!!str 5", *(f"*{name}" for name in text.anchors)]
        text.lines.append((f"{key} {draw(st.sampled_from(other))}{comment}", None))
        return
    text.leaves.append(path)
    text.lines += [(line, path) for line in _leaf(draw, kind, key, comment, (column, deeper))]
    if text.lines[-1][0] == key + comment:
        text.nulls.append(path)


_KINDS = (
    "mapping",
    "anchor",
    "elsewhere",
    "plain",
    "quoted",
    "flow",
    "list",
    "block",
    "below",
    "null",
    "folded",
)


def _leaf(draw: Draw, kind: str, key: str, comment: str, columns: tuple[int, int]) -> list[str]:
    plain, quoted = draw(st.sampled_from(_PLAIN)), draw(st.sampled_from(_QUOTED))
    pad = " " * columns[1]
    match kind:
        case "plain" | "mapping":
            return [f"{key}   {plain}{comment}"]
        case "quoted":
            return [f"{key} {quoted}{comment}"]
        case "flow":
            return [f"{key} [ {plain},{quoted}]{comment}"]
        case "list":
            dash = " " * draw(st.sampled_from(columns))
            return [key + comment, f"{dash}- {quoted}{comment}", f"{dash}-   k: {plain}", f"{dash}    l: 1"]
        case "block":
            header = draw(st.sampled_from(_BLOCKS))
            tail = ["", ""] if header == "|+" else []
            return [f"{key} {header}", f"{pad}text # no comment", "", f"{pad}  more", *tail]
        case "below":
            return [key + comment, f"{pad}{quoted}{comment}"]
        case "folded":
            return [f"{key} 'one", f"{pad}two'{comment}"]
    return [key + comment]


def _between(draw: Draw, text: Text, column: int) -> None:
    """Comments and blank lines; not so deep that a block of text before them would take them in."""
    between = st.sampled_from(["", " " * column, f"{' ' * column}# a comment: [", "# another"])
    text.lines += [(line, None) for line in draw(st.lists(between, max_size=2))]
