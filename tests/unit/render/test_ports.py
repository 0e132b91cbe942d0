from __future__ import annotations

from typing import Any

import pytest

from opsctl.render.ports import published, read_port
from opsctl.state.desired import DesiredPort


@pytest.mark.parametrize(
    "entry, expected",
    [
        (8080, []),
        ("80", []),
        ("127.0.0.1::80", []),
        ("8080:80", [("", 8080, "tcp")]),
        ("8080:80/UDP", [("", 8080, "udp")]),
        ("127.0.0.1:8080:80", [("127.0.0.1", 8080, "tcp")]),
        ("[::1]:53:53/udp", [("::1", 53, "udp")]),
        ("::1:53:53", [("::1", 53, "tcp")]),
        ("8000-8002:80-82", [("", 8000, "tcp"), ("", 8001, "tcp"), ("", 8002, "tcp")]),
        ("8000-8002:80", [("", 8000, "tcp")]),
        ("132:132/sctp", []),
        ({"target": 80}, []),
        (
            {"target": 80, "published": "8080", "host_ip": "10.0.0.1", "protocol": "udp"},
            [("10.0.0.1", 8080, "udp")],
        ),
    ],
)
def test_what_each_spelling_takes_of_the_host(entry: Any, expected: list[tuple[str, int, Any]]) -> None:
    assert published([entry]) == tuple(DesiredPort(*port) for port in expected)


@pytest.mark.parametrize(
    "entry", ["", "a:80", "80:b", "1.2.3:80:80", True, None, 1.5, "0:80", "70000:80", "9-8:9-8", {}]
)
def test_nonsense_is_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="is not a port"):
        read_port(entry)


def test_ranges_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        read_port("8000-8002:80-81")


def test_templates_see_the_first_of_a_range() -> None:
    view = read_port("127.0.0.1:8000-8001:80-81").as_view()

    assert view == {"address": "127.0.0.1", "published": 8000, "target": 80, "protocol": "tcp"}
