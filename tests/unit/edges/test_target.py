"""Who and where: hosts.toml and ssh_config make the ways."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.edges.ssh.ssh_config import ClientConfig, read_config
from opsctl.edges.ssh.target import Way, split_address, ways
from opsctl.errors import UsageError
from opsctl.model.hosts import Host

ROOT = Path("/project")


def config(text: str) -> ClientConfig:
    return ClientConfig(Path("ssh_config"), tuple(text.splitlines()))


def only(host: Host, text: str = "") -> Way:
    [way] = ways("web", host, ROOT, config(text))
    return way


@pytest.mark.parametrize(
    "address,parts",
    [
        ("web", ("web", None)),
        ("192.0.2.7:2222", ("192.0.2.7", 2222)),
        ("[2001:db8::1]:22", ("2001:db8::1", 22)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
    ],
)
def test_an_address_has_a_host_and_perhaps_a_port(address: str, parts: tuple[str, int | None]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["", "[::1", "web:ssh", "web:0", "web:70000", ":22", "[::1]22", "web:-1"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        split_address(address)


@given(st.text())
def test_any_other_text_is_refused_in_the_same_way(text: str) -> None:
    try:
        host, _ = split_address(text)
    except UsageError:
        return
    assert host


def test_addresses_are_tried_in_order_and_share_their_names() -> None:
    first, second = ways("web", Host(addresses=("192.0.2.7", "web.example:2222")), ROOT, config(""))

    assert (first.hop.address, first.hop.port) == ("192.0.2.7", 22)
    assert (second.hop.address, second.hop.port) == ("web.example", 2222)
    assert first.hop.names == ("192.0.2.7", "[web.example]:2222", "web.example", "web")
    assert set(second.hop.names) == set(first.hop.names)


def test_hosts_toml_wins_over_ssh_config() -> None:
    text = "Host 192.0.2.7\n User them\n Port 99\n IdentityFile ~/.ssh/theirs\n"

    hop = only(Host(addresses=("192.0.2.7:2222",), user="us", identity_files=("keys/ours",)), text).hop

    assert (hop.user, hop.port) == ("us", 2222)
    assert [(file.path, file.required) for file in hop.identity_files] == [
        (ROOT / "keys/ours", True),
        (Path("~/.ssh/theirs").expanduser(), False),
    ]


def test_an_alias_brings_its_entry() -> None:
    hop = only(
        Host(addresses=("box",)),
        "Host box\n HostName 192.0.2.7\n User me\n Port 99\n HostKeyAlias key-name\n",
    ).hop

    assert (hop.address, hop.user, hop.port) == ("192.0.2.7", "me", 99)
    assert {"[box]:99", "[192.0.2.7]:99", "[key-name]:99", "web"} <= set(hop.names)


def test_without_any_word_on_it_the_user_is_the_one_who_asks() -> None:
    assert only(Host(addresses=("web",))).hop.user == getpass.getuser()


def test_a_match_on_the_user_of_hosts_toml() -> None:
    text = "Match user deploy\n Port 99\n"

    assert only(Host(addresses=("web",), user="deploy"), text).hop.port == 99
    assert only(Host(addresses=("web",), user="root"), text).hop.port == 22


class TestJumps:
    TEXT = (
        "Host web\n ProxyJump b\n"
        "Host b\n HostName 192.0.2.2\n User bob\n ProxyJump a\n"
        "Host a\n HostName 192.0.2.1\n Port 2201\n ProxyCommand relay %h %p %r\n User ann\n"
        "Host two\n ProxyJump ssh://eve@b:23,c\n"
        "Host none\n ProxyJump none\n ProxyCommand none\n"
        "Host x\n ProxyJump y\nHost y\n ProxyJump x\n"
    )

    def test_a_jump_host_has_its_own_entry_and_its_own_jump(self) -> None:
        way = only(Host(addresses=("web",), user="deploy", identity_files=("key",)), self.TEXT)

        assert [(str(hop), hop.user) for hop in way.jumps] == [
            ("192.0.2.1:2201", "ann"),
            ("192.0.2.2", "bob"),
        ]
        assert way.command == "relay 192.0.2.1 2201 ann"
        assert not any(file.required for hop in way.jumps for file in hop.identity_files)

    def test_in_a_list_only_the_first_follows_its_entry(self) -> None:
        way = only(Host(addresses=("two",)), self.TEXT)

        assert [str(hop) for hop in way.jumps] == ["192.0.2.1:2201", "192.0.2.2:23", "c"]
        assert [hop.user for hop in way.jumps][1] == "eve"

    def test_none_is_none(self) -> None:
        way = only(Host(addresses=("none",)), self.TEXT)

        assert (way.jumps, way.command) == ((), None)

    def test_a_circle_ends(self) -> None:
        with pytest.raises(UsageError, match="circle"):
            only(Host(addresses=("x",)), self.TEXT)

    def test_a_proxy_command_gets_the_port_of_hosts_toml(self) -> None:
        way = only(Host(addresses=("box:2222",), user="deploy"), "Host *\n ProxyCommand nc %h %p as %r\n")

        assert way.command == "nc box 2222 as deploy"


class TestFiles:
    def test_none_reads_none(self, tmp_path: Path) -> None:
        assert read_config("none", tmp_path) == ClientConfig()

    def test_the_users_own_may_be_absent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))

        assert read_config(None, tmp_path) == ClientConfig()

    def test_include_at_the_top_is_followed_and_the_rest_is_for_all(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".ssh" / "config.d").mkdir(parents=True)
        (tmp_path / ".ssh" / "config.d" / "one").write_text("Host box\n Port 99\n")
        (tmp_path / ".ssh" / "config").write_text("Include config.d/* nothing-there\nUser everyone\n")

        read = read_config(None, tmp_path)

        assert (read.options("box").port, read.options("box").user) == (99, "everyone")
        assert (read.options("other").port, read.options("other").user) == (None, "everyone")

    def test_include_in_a_block_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "config").write_text("Host a\n Include more\n")

        with pytest.raises(UsageError, match="`Include` inside"):
            read_config("config", tmp_path)

    def test_include_of_itself_ends(self, tmp_path: Path) -> None:
        (tmp_path / "config").write_text(f"Include {tmp_path}/config\n")

        with pytest.raises(UsageError, match="deeper than"):
            read_config("config", tmp_path)

    @pytest.mark.parametrize("text", ["Port many", "Host 'open", "nonsense"])
    def test_what_cannot_be_understood(self, text: str) -> None:
        with pytest.raises(UsageError, match="ssh_config"):
            config(text).options("web")
