"""The reference of the checks, made from the checks themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.checks.check import Check

_HEAD = """\
# Checks

What `opsctl verify` asks of a running environment. This page is made from the code (`make docs`); a test holds the two
together.

A check passes, fails, is skipped with a reason, or is `inconclusive`: it could not look, which is never a pass and ends with 5.
`unproved`: only a stand-in answered (an image with the label `opsctl.stand-in`), which proves nothing of the software. A failed
check ends with 4, unless that is accepted with a reason and an end ([`waive`](stack-files.md#waive)): it is `waived` then. `--tag` and `--severity` narrow what is asked; checks with the tag `deploy` are asked at the end of a deploy, of
the hosts that it changed. A metered check costs money and is asked with `--allow-metered` only;
one that bothers who uses the system (`on request`) only where `--tag` names one of its tags. An id is never used for another check.

"""


def document(checks: Sequence[Check]) -> str:
    return _HEAD + "".join(f"{line}\n" for line in _lines(checks))


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    yield "| id | severity | tags | what is checked |"
    yield "|---|---|---|---|"
    yield from (
        f"| [{one.id}](#{one.id.lower()}) | {one.severity} | {_tags(one)} | {one.title} |" for one in checks
    )
    for one in checks:
        yield from ("", f"## {one.id}", "", f"**{one.title}** ({one.severity})", "")
        yield from (f"A pass proves: {one.proves}", "", f"When it fails: {one.mend}.", "")
        yield f"Source: {one.source}." + _patience(one)


def _tags(check: Check) -> str:
    return ", ".join(
        [
            *sorted(check.tags),
            *(["metered"] if check.metered else []),
            *(["on request"] if check.on_request else []),
        ]
    )


def _patience(check: Check) -> str:
    patience = check.patience
    found = f" One attempt may take {check.timeout:g} s."
    if patience.deadline:
        found += f" Asked anew each {patience.interval:g} s, for at most {patience.deadline:g} s."
    if patience.successes > 1:
        found += f" It must pass {patience.successes} times in a row."
    return found
