"""What a merged file holds now: the values of the managed keys, and the keys that somebody has edited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from opsctl.merging import json_nodes
from opsctl.merging.json_splice import merge_json
from opsctl.merging.keys import Merged, Path, Unmergeable, Value, differing, present
from opsctl.merging.yaml_nodes import parse
from opsctl.merging.yaml_splice import merge_yaml
from opsctl.merging.yaml_values import meaning

Form = Literal["yaml", "json"]


def text_of(data: bytes) -> str:
    """The text of a file, with its byte order mark; encoded as UTF-8 it is the same bytes. Raises Unmergeable."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unmergeable("the file is not UTF-8 text", "save it as UTF-8", line=line) from None


def merge(text: str, desired: Mapping[str, Value], form: Form) -> Merged:
    """As `merge_yaml` and `merge_json`, which it chooses from."""
    return merge_json(text, desired) if form == "json" else merge_yaml(text, desired)


def tree_of(text: str, form: Form) -> Value:
    """What the text means; null where it holds nothing. Raises Unmergeable for a text that a merge would refuse as a whole."""
    if form == "json":
        root = json_nodes.parse(text)
        return root.value if root else None
    return meaning(parse(text).root)


def reading(text: str, paths: Iterable[Path], form: Form) -> dict[Path, Value]:
    """The values at these paths; absent ones are absent. Raises Unmergeable as `tree_of`."""
    return present(tree_of(text, form), paths)


def hand_edits(old_text: str, new_text: str, form: Form) -> tuple[Path, ...]:
    """The paths at which two texts differ in meaning, in the order of the files; comments and spelling do not count.

    A list or scalar counts as a whole; an empty path says that the file is no mapping any more, or was none. Raises Unmergeable
    as `tree_of`.
    """
    old, new = tree_of(old_text, form), tree_of(new_text, form)
    return differing({} if old is None else old, {} if new is None else new)
