"""Sizes, durations, modes, addresses and names."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.model.values import (
    Unfit,
    check_directory,
    check_host_key,
    check_name,
    check_target,
    check_variable,
    parse_duration,
    parse_mode,
    parse_size,
    split_address,
)

UNITS = {
    "": 0,
    "b": 0,
    "k": 1,
    "kb": 1,
    "KiB": 1,
    "M": 2,
    "MiB": 2,
    "mb": 2,
    "g": 3,
    "GB": 3,
    "GiB": 3,
    "t": 4,
}


@given(st.integers(0, 10**9), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_whole_size_is_its_number_times_its_unit(number: int, unit: str, space: str) -> None:
    assert parse_size(f"{number}{space}{unit}") == number * 1024 ** UNITS[unit]


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(["k", "M", "g"]))
def test_a_broken_size_is_exact_down_to_the_byte(whole: int, thousandths: int, unit: str) -> None:
    size = parse_size(f"{whole}.{thousandths:03}{unit}")
    assert size == (whole * 1000 + thousandths) * 1024 ** UNITS[unit] // 1000


@given(st.integers(0))
def test_a_number_is_bytes(number: int) -> None:
    assert parse_size(number) == number


@pytest.mark.parametrize("value", ["", "M", "5 gigs", "-1", "1,5g", "1.g", "٣m", True, None, 1.5, -1, []])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(Unfit):
        parse_size(value)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 1000))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int, millis: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s{millis}ms"
    assert parse_duration(text) == pytest.approx(hours * 3600 + minutes * 60 + seconds + millis / 1000)


@given(st.floats(0, 1e9, allow_nan=False))
def test_a_number_is_seconds(seconds: float) -> None:
    assert parse_duration(seconds) == seconds


@pytest.mark.parametrize(
    "text,seconds", [("500ms", 0.5), ("1.5h", 5400), ("90s", 90), ("2m", 120), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value", ["", "5", "5 s", "s", "1s1h", "soon", "-1s", "٣s", -1, True, None, float("nan"), float("inf")]
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(Unfit):
        parse_duration(value)


@given(st.integers(0, 0o7777))
def test_a_mode_is_octal_text(mode: int) -> None:
    assert parse_mode(f"{mode:04o}") == parse_mode(f"0o{mode:04o}") == parse_mode(mode) == mode


@pytest.mark.parametrize("value", ["", "8", "0888", "rw-r--r--", "00644", True, None, -1, 0o10000])
def test_what_is_no_mode(value: object) -> None:
    with pytest.raises(Unfit):
        parse_mode(value)


@pytest.mark.parametrize(
    "text,host,port",
    [
        ("web", "web", None),
        ("web.example.org:2222", "web.example.org", 2222),
        ("10.0.0.1", "10.0.0.1", None),
        ("10.0.0.1:22", "10.0.0.1", 22),
        ("[fd00::1]:22", "fd00::1", 22),
        ("[fd00::1]", "fd00::1", None),
        ("fd00::1", "fd00::1", None),
    ],
)
def test_addresses(text: str, host: str, port: int | None) -> None:
    assert split_address(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    ["", "web:", "web:0", "web:65536", "user@web", "we b", "[web]:22", "-oProxyCommand=x", "a:b:c", "web\n"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Unfit):
        split_address(text)


def host_key(kind: str, inner: str) -> str:
    blob = len(inner).to_bytes(4) + inner.encode() + b"\0\0\0\x20" + b"k" * 32
    return f"{kind} {base64.b64encode(blob).decode()}"


@pytest.mark.parametrize(
    "kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"]
)
def test_host_keys_lose_their_comment(kind: str) -> None:
    assert check_host_key(host_key(kind, kind) + " root@web") == host_key(kind, kind)


@pytest.mark.parametrize(
    "text",
    [
        "ssh-ed25519",
        "ssh-dss " + host_key("", "ssh-dss").strip(),
        "SHA256:abcdef",
        "ssh-ed25519 !!!",
        host_key("ssh-rsa", "ssh-ed25519"),
        "web " + host_key("ssh-rsa", "ssh-rsa"),
    ],
)
def test_what_is_no_host_key(text: str) -> None:
    with pytest.raises(Unfit):
        check_host_key(text)


@pytest.mark.parametrize("name", ["a", "n8n.io", "sese-ai", "a_b", "0"])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a b", "a/b", "a\n", "a" * 64, 5])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(Unfit):
        check_name(name)


@pytest.mark.parametrize("name", ["", "a-b", "1a", "a.b", "items", "get", "a\n"])
def test_what_is_no_variable(name: str) -> None:
    with pytest.raises(Unfit):
        check_variable(name)


@pytest.mark.parametrize("path", ["", "opt", "/opt/../etc", "/opt/my app", "/opt\n"])
def test_what_is_no_directory(path: str) -> None:
    with pytest.raises(Unfit):
        check_directory(path)


def test_a_directory_loses_its_last_slash() -> None:
    assert check_directory("/opt/demo/") == "/opt/demo"


@pytest.mark.parametrize("path,target", [("/a", "/a"), ("//a//b", "/a/b"), ("/a/./b", "/a/b")])
def test_targets(path: str, target: str) -> None:
    assert check_target(path) == target


@pytest.mark.parametrize("path", ["", "a", "/", "/a/", "/a/../b", "/a:b", "/a\nb"])
def test_what_is_no_target(path: str) -> None:
    with pytest.raises(Unfit):
        check_target(path)
