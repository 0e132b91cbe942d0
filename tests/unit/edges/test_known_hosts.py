"""Reading known_hosts, and adding to it without touching what is somebody else's."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.edges.ssh.host_keys import trust
from opsctl.edges.ssh.known_hosts import HostKey, KnownHosts, parse_line
from opsctl.edges.ssh.policy import algorithms
from opsctl.errors import UsageError


def key(text: bytes, kind: str = "ssh-ed25519") -> HostKey:
    return HostKey(kind, len(kind).to_bytes(4) + kind.encode() + text)


OLD, NEW, OTHER = key(b"old"), key(b"new"), key(b"other")
RSA = key(b"rsa", "ssh-rsa")


def hashed(name: str, salt: bytes = b"salt") -> str:
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


@given(st.binary(max_size=40), st.sampled_from(["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"]))
def test_a_key_reads_back_as_it_prints(blob: bytes, kind: str) -> None:
    one = key(blob, kind)

    assert HostKey.parse(f"{one} and a comment") == one


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 ***", f"ssh-rsa {str(OLD).split()[1]}", "ssh-rsa AAAA"]
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        HostKey.parse(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_load(text: str) -> None:
    lines = f"{text}\nweb {OLD}\n"

    assert OLD in KnownHosts.parse(lines).keys(["web"])


@given(st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), st.binary(min_size=1, max_size=20))
def test_a_hashed_name_matches_itself_alone(name: str, salt: bytes) -> None:
    known = KnownHosts.parse(f"{hashed(name, salt)} {OLD}")

    assert known.keys([name]) == {OLD}
    assert known.keys([f"x{name}"]) == frozenset()


def test_only_plain_lines_make_a_key_trusted() -> None:
    known = KnownHosts.parse(f"@cert-authority web {OLD}\n@revoked web {NEW}\nweb {OTHER}\n*.web,!web {RSA}")

    assert known.keys(["web"]) == {OTHER}
    assert known.revoked == {NEW}


def test_the_known_types_are_asked_for_first() -> None:
    assert algorithms([RSA])[:2] == ("rsa-sha2-512", "rsa-sha2-256")
    assert algorithms([])[0] == "ssh-ed25519"
    assert sorted(algorithms([RSA])) == sorted(algorithms([]))


class TestTrust:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "known_hosts"

    def test_a_new_file(self, file: Path) -> None:
        trust(file, "web", ["192.0.2.7", "web.example:2222", "[2001:db8::1]:22"], NEW)

        assert file.read_text() == f"web,192.0.2.7,[web.example]:2222,2001:db8::1 {NEW}\n"
        assert file.stat().st_mode & 0o777 == 0o644

    def test_an_earlier_key_of_the_type_is_forgotten_and_others_stay_byte_for_byte(self, file: Path) -> None:
        others = (
            f"# a  comment\r\n\n@cert-authority web {OLD}\n@revoked * {OTHER}\nnot a line\n\tdb  {OLD}  spaced \n"
            f"web {RSA} of another type\n{hashed('db')} {OLD}\n"
        ).encode() + b"\xff\xfe binary\n"
        file.write_bytes(others + f"web {OLD}\n{hashed('web')} {OLD}\nWEB,192.0.2.7 {OLD}\n".encode())

        trust(file, "web", ["192.0.2.7"], NEW)

        assert file.read_bytes() == others + f"web,192.0.2.7 {NEW}\n".encode()

    def test_a_line_about_several_hosts_loses_only_this_one(self, file: Path) -> None:
        file.write_text(f"db,web,cache {OLD} shared")

        trust(file, "web", [], NEW)

        assert file.read_text() == f"db,cache {OLD} shared\nweb {NEW}\n"

    def test_twice_is_once(self, file: Path) -> None:
        trust(file, "web", ["192.0.2.7"], NEW)
        once = file.read_bytes()

        trust(file, "web", ["192.0.2.7"], NEW)

        assert file.read_bytes() == once

    def test_a_revoked_key_is_refused_and_nothing_is_written(self, file: Path) -> None:
        file.write_text(f"@revoked elsewhere {NEW}\n")

        with pytest.raises(UsageError, match="revoked"):
            trust(file, "web", [], NEW)
        assert file.read_text() == f"@revoked elsewhere {NEW}\n"

    def test_no_temporary_file_is_left(self, file: Path) -> None:
        trust(file, "web", [], NEW)

        assert [path.name for path in file.parent.iterdir()] == ["known_hosts"]


def test_a_marker_that_nobody_knows_is_no_line() -> None:
    assert parse_line(f"@tomorrow web {OLD}") is None
