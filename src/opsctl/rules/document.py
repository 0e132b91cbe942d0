"""The reference of the rules, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.rules.rule import Rule

_HEAD = """\
# Rules

What `opsctl lint` looks for, and what a deploy refuses. This page is made from the code
(`make docs`); a test holds the two together.

`error`: a deploy is refused, and `lint` ends with 4. `warning` and `note` end with 4 under `--strict` only. An id is never used
for another rule. `opsctl lint --explain ID` prints the same in a terminal. A finding that is meant is suppressed in the stack file,
with a reason and an end ([`lint`](stack-files.md#lint)); it stays visible.

"""


def document(rules: Sequence[Rule]) -> str:
    return _HEAD + "".join(f"{line}\n" for line in _lines(rules))


def _lines(rules: Sequence[Rule]) -> Iterator[str]:
    yield "| id | severity | theme | what is wrong |"
    yield "|---|---|---|---|"
    yield from (
        f"| [{one.id}](#{one.id.lower()}) | {one.severity} | {one.theme} | {one.title} |" for one in rules
    )
    for one in rules:
        yield from (
            "",
            f"## {one.id}",
            "",
            f"**{one.title}** ({one.severity})",
            "",
            one.why,
            "",
            one.mend,
            "",
        )
        yield f"Source: {one.source}." + (" Skipped without a secret store." if one.needs_store else "")
