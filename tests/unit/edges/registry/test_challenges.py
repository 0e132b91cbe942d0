"""What servers ask for, however they write it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.edges.registry.challenges import Challenge, read_challenges

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/redis:pull,push"'
)


@pytest.mark.parametrize(
    "header, found",
    [
        ("", ()),
        (
            HUB,
            (
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:library/redis:pull,push",
                    },
                ),
            ),
        ),
        ("Basic realm=plain", (Challenge("basic", {"realm": "plain"}),)),
        ("basic", (Challenge("basic"),)),
        ("Negotiate YII=, Basic", (Challenge("negotiate"), Challenge("basic"))),
        (
            r'Basic realm="a \"b\", c" , BEARER Realm = "d"',
            (Challenge("basic", {"realm": 'a "b", c'}), Challenge("bearer", {"realm": "d"})),
        ),
        ('Bearer realm=""', (Challenge("bearer", {"realm": ""}),)),
        (",, Basic ,", (Challenge("basic"),)),
        ('Basic realm="open', (Challenge("basic"), Challenge("realm"))),
        ('"nonsense"', ()),
    ],
)
def test_it_is_read(header: str, found: tuple[Challenge, ...]) -> None:
    assert read_challenges(header) == found


words = st.text(string.ascii_lowercase + string.digits + "-_.", min_size=1, max_size=8).filter(
    lambda word: word[0] in string.ascii_lowercase
)
challenges = st.builds(Challenge, words, st.dictionaries(words, st.text(string.printable, max_size=12)))


def written(challenge: Challenge) -> str:
    quoted = {
        name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in challenge.parameters.items()
    }
    return f"{challenge.scheme} " + ", ".join(f'{name}="{value}"' for name, value in quoted.items())


@given(st.lists(challenges, max_size=3))
def test_what_is_written_is_read_back(several: list[Challenge]) -> None:
    # A line break cannot stand in a header.
    plain = [
        Challenge(one.scheme, {name: " ".join(text.split()) for name, text in one.parameters.items()})
        for one in several
    ]

    assert read_challenges(", ".join(map(written, plain))) == tuple(plain)


@given(st.text(string.printable))
def test_nonsense_ends(header: str) -> None:
    read_challenges(header)
