"""Digests beside tags in the operator's own files: one word is spliced, every other byte stays.

A digest is only written where it cannot outlive its tag: where the tag is written out at that very place. What was spliced is
read again, and given only if it is the old document with this one value changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from opsctl.images.dockerfile import From, from_lines
from opsctl.model.references import IMPLIED_TAG, check_digest, parse_reference
from opsctl.model.values import Unfit

# ruamel's, which is imported late.
Node = Any

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")
_ARGUMENT = re.compile(r"\$\{[^}]*\}|\$[A-Za-z_]\w*", re.ASCII)
# An anchor or a tag before a value, with what may stand between it and the value.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s(?:\s|#[^\r\n]*)*)*")
_OUTLIVES = (
    "its tag comes from a variable: a digest beside it would outlive the tag",
    "it stays pinned by images.lock.yaml",
)


def with_digest_in_yaml(text: str, line: int, digest: str) -> str:
    """The text with `@digest` in the value of the key `image` that stands in this 1-based line, in place of an older one.

    A tag is kept; a missing one becomes `latest`. Raises Unfit where that value cannot be changed alone: a tag or a whole
    value from an expression, an alias, a text of several lines, two such keys in the line or none, or what is no YAML.
    """
    check_digest(digest)
    root = _composed(text)
    key, value = _image_at(root, line)
    start, end = _span(text, key, value)
    _require_only_images(root, value)
    changed = text[:start] + _pinned(text[start:end], digest, _EXPRESSION) + text[end:]
    if changed != text and not _differ_only(
        root, _composed(changed), value, _pinned(value.value, digest, _EXPRESSION)
    ):
        raise Unfit(
            "a digest there would change more than this image", "write it by hand, or leave it to the lock"
        )
    return changed


def with_tag_in_yaml(text: str, line: int, tag: str, digest: str) -> str:
    """The text with this tag in the value of the key `image` of this line; a digest beside it becomes `digest`.

    Raises Unfit where that value cannot be changed alone, as `with_digest_in_yaml` does.
    """
    root = _composed(text)
    key, value = _image_at(root, line)
    start, end = _span(text, key, value)
    _require_only_images(root, value)
    changed = text[:start] + _tagged(text[start:end], tag, digest) + text[end:]
    if changed != text and not _differ_only(
        root, _composed(changed), value, _tagged(value.value, tag, digest)
    ):
        raise Unfit("a tag there would change more than this image", "write it by hand")
    return changed


def _tagged(written: str, tag: str, digest: str) -> str:
    """A reference as it is written, with this tag. Raises Unfit where its tag or digest comes from a variable."""
    masked = _EXPRESSION.sub(lambda match: "x" * len(match[0]), written)
    name, at, _old = masked.partition("@")
    colon = name.find(":", name.rfind("/") + 1)
    literal_from = len(name) - 1 if colon < 0 else colon
    if any(match.end() > literal_from for match in _EXPRESSION.finditer(written)):
        raise Unfit("its tag comes from an expression", "write the tag out, or change it by hand")
    return f"{written[: len(name) if colon < 0 else colon]}:{tag}" + (f"@{digest}" if at else "")


def with_digest_in_dockerfile(text: str, line: int, image: str, digest: str) -> str:
    """The same for an image that a Dockerfile names in this 1-based line, as `opsctl.images.dockerfile.From` gives it.

    Raises Unfit where the tag comes from an ARG, or no such image is named there, or two.
    """
    check_digest(digest)
    before = from_lines(text)
    there = [one for one in before if one.line == line and _name(one.image) == _name(image)]
    if len(there) != 1:
        raise Unfit(f"line {line} names {image} {'more than once' if there else 'no longer'}", "run it again")
    (found,) = there
    written = text[found.start : found.end]
    changed = text[: found.start] + _pinned(written, digest, _ARGUMENT) + text[found.end :]
    expected = [
        (one.line, one.image if one != found else _pinned(one.image, digest, _ARGUMENT)) for one in before
    ]
    if _places(from_lines(changed)) != expected:
        raise Unfit("a digest there would change more than this image", "write it by hand")
    return changed


def _places(found: tuple[From, ...]) -> list[tuple[int, str]]:
    return [(one.line, one.image) for one in found]


def _name(image: str) -> str:
    """What stays the same whatever digest is written."""
    try:
        return parse_reference(image).key
    except Unfit:
        return image.partition("@")[0]


def _pinned(written: str, digest: str, variable: re.Pattern[str]) -> str:
    """A reference as it is written, with this digest. Raises Unfit where a variable may hold the tag."""
    if written and not variable.sub("", written).strip():
        raise Unfit("it comes from a variable as a whole", _OUTLIVES[1])
    masked = variable.sub(lambda match: "x" * len(match[0]), written)
    name = masked.partition("@")[0]
    last = name.rfind("/") + 1
    colon = name.find(":", last)
    literal_from = last if colon < 0 else colon
    if any(match.start() >= len(name) for match in variable.finditer(written)):
        raise Unfit("its digest comes from a variable", _OUTLIVES[1])
    if any(match.end() > literal_from for match in variable.finditer(written)):
        raise Unfit(*_OUTLIVES)
    try:
        parse_reference(variable.sub("x", written))
    except Unfit as error:
        raise Unfit("this is no name of an image", error.hint) from None
    tag = "" if colon >= 0 else f":{IMPLIED_TAG}"
    return f"{written[: len(name)]}{tag}@{digest}"


@lru_cache(maxsize=2)
def _composed(text: str) -> Node:
    """The nodes of a YAML text; they must not be changed. Cached, because each edit is checked by what the next one reads."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        root = yaml.compose(text)
    except YAMLError:
        root = None
    if root is None:
        raise Unfit("the file is not one YAML document", "opsctl lint says where")
    return root


def _image_at(root: Node, line: int) -> tuple[Node, Node]:
    pairs = {
        id(key): (key, value)
        for node in _nodes(root)
        for key, value in _pairs(node)
        if key.value == "image" and key.start_mark.line + 1 == line
    }
    if len(pairs) != 1:
        many = "more than one key" if pairs else "no key"
        raise Unfit(f"line {line} has {many} `image`", "give each image a line of its own" if pairs else "")
    return next(iter(pairs.values()))


def _span(text: str, key: Node, value: Node) -> tuple[int, int]:
    """The characters of a value without its quotes. Raises Unfit where it is not one line of text, written there."""
    start, end = value.start_mark.index, value.end_mark.index
    if start < key.end_mark.index:
        anchor = value.start_mark.line + 1
        raise Unfit(
            f"its value is an alias of what stands in line {anchor}", f"write the digest in line {anchor}"
        )
    if isinstance(value.value, list) or not str(value.tag).endswith(":str"):
        raise Unfit("its value is no text", "write repository:tag")
    if value.style in {"|", ">"}:
        raise Unfit("its value is a block of text", "write it beside the key")
    properties = _PROPERTIES.match(text, start, end)
    start = properties.end() if properties else start
    if value.style:
        start, end = start + 1, end - 1
    if re.search(r"[\r\n]", text[start:end]):
        raise Unfit("its value fills several lines", "write it in one line")
    return start, end


def _require_only_images(root: Node, value: Node) -> None:
    """An anchor may lend its text to other keys `image`, which name the same image then, but to nothing else."""
    for node in _nodes(root):
        images = [one for key, one in _pairs(node) if key.value == "image"]
        if sum(one is value for one in _children(node)) > sum(one is value for one in images):
            raise Unfit("an alias takes its text for something that is no image", "write the text out there")


def _nodes(root: Node) -> Iterator[Node]:
    """Every node once, however often aliases lead to it."""
    seen, waiting = {id(root)}, [root]
    while waiting:
        node = waiting.pop()
        yield node
        for child in _children(node):
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _children(node: Node) -> list[Node]:
    if _is_sequence(node):
        return list(node.value)
    return [one for pair in _pairs(node) for one in pair]


def _pairs(node: Node) -> list[tuple[Node, Node]]:
    return node.value if isinstance(node.value, list) and not _is_sequence(node) else []


def _is_sequence(node: Node) -> bool:
    return bool(node.id == "sequence")


def _differ_only(old: Node, new: Node, changed: Node, value: str) -> bool:
    """Whether two documents are alike in kinds, keys, values, anchors and aliases, but for this one value."""
    met: dict[int, int] = {}
    waiting = [(old, new)]
    while waiting:
        one, other = waiting.pop()
        if id(one) in met:
            if met[id(one)] != id(other):
                return False
            continue
        met[id(one)] = id(other)
        if (one.id, str(one.tag), one.anchor) != (other.id, str(other.tag), other.anchor):
            return False
        if isinstance(one.value, list):
            children = _children(one), _children(other)
            if len(children[0]) != len(children[1]):
                return False
            waiting += zip(*children, strict=True)
        elif other.value != (value if one is changed else one.value):
            return False
    return id(changed) in met
