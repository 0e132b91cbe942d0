"""Which host keys a connection accepts, against a real sshd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.ssh.conftest import Connect
from tests.ssh.sshd import Sshd, make_key

from opsctl.edges.ssh.host_keys import scan, trust
from opsctl.edges.ssh.known_hosts import HostKey
from opsctl.errors import HostKeyRefused, UsageError
from opsctl.model.hosts import Environment, Host


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """A public key that no host here has."""
    return " ".join(make_key(tmp_path / "stranger").with_suffix(".pub").read_text().split()[:2])


def known(root: Path, *lines: str) -> None:
    (root / "known_hosts").write_text("\n".join(lines) + "\n")


def test_an_unknown_key_is_refused_with_its_fingerprint_and_the_way_to_trust_it(
    sshd: Sshd, connect: Connect
) -> None:
    with pytest.raises(HostKeyRefused) as refused:
        connect(sshd, host_key=())

    assert "is not known: ssh-ed25519 " + HostKey.parse(sshd.public()).fingerprint in str(refused.value)
    assert "opsctl hosts trust web" in refused.value.hint


def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(sshd: Sshd) -> None:
    printed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(sshd.host_keys["ed25519"])], capture_output=True, text=True, check=True
    ).stdout

    assert HostKey.parse(sshd.public()).fingerprint in printed


def test_a_changed_pinned_key_is_refused_and_both_are_named(
    sshd: Sshd, connect: Connect, stranger: str
) -> None:
    with pytest.raises(HostKeyRefused) as refused:
        connect(sshd, host_key=(stranger,))

    assert "another host key than hosts.toml says" in str(refused.value)
    assert HostKey.parse(stranger).fingerprint in str(refused.value)
    assert HostKey.parse(sshd.public()).fingerprint in str(refused.value)


def test_a_changed_known_key_is_refused(sshd: Sshd, connect: Connect, root: Path, stranger: str) -> None:
    known(root, f"web {stranger}")

    with pytest.raises(HostKeyRefused, match="another host key than known_hosts says"):
        connect(sshd, host_key=())


def test_a_changed_key_is_refused_even_where_another_type_is_right(
    sshd: Sshd, connect: Connect, root: Path, stranger: str
) -> None:
    known(root, f"web {stranger}", f"web {sshd.public('rsa')}")

    with pytest.raises(HostKeyRefused):
        connect(sshd, host_key=())


def test_the_host_is_asked_for_the_type_of_key_that_is_known(sshd: Sshd, connect: Connect) -> None:
    connect(sshd, host_key=(sshd.public("rsa"),))


def test_any_of_several_pins_will_do(sshd: Sshd, connect: Connect, stranger: str) -> None:
    connect(sshd, host_key=(stranger, sshd.public()))


@pytest.mark.parametrize("form", ["web", "127.0.0.1", "[127.0.0.1]:{port}", "other,web,third", "WEB"])
def test_a_host_is_known_by_its_name_or_an_address(
    sshd: Sshd, connect: Connect, root: Path, form: str
) -> None:
    known(root, f"{form.format(port=sshd.port)} {sshd.public()} comment of words")

    connect(sshd, host_key=())


def test_lines_that_paramiko_stumbles_over_do_not_break_the_load(
    sshd: Sshd, connect: Connect, root: Path, stranger: str
) -> None:
    known(
        root,
        "# a comment",
        f"@cert-authority *.example {stranger}",
        f"@unheard-of web {stranger}",
        f"*.example,!no.example {stranger}",
        "web ssh-ed25519 !!!",
        "web ssh-tomorrow AAAA",
        "|1|nonsense ssh-ed25519 AAAA",
        "",
        f"web {sshd.public()}",
    )

    connect(sshd, host_key=())


def test_a_certificate_authority_makes_no_host_known(sshd: Sshd, connect: Connect, root: Path) -> None:
    known(root, f"@cert-authority web {sshd.public()}")

    with pytest.raises(HostKeyRefused, match="is not known"):
        connect(sshd, host_key=())


def test_a_hashed_line(sshd: Sshd, connect: Connect, root: Path) -> None:
    known(root, f"[127.0.0.1]:{sshd.port} {sshd.public()}")
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", str(root / "known_hosts")], check=True, stderr=subprocess.DEVNULL
    )
    assert (root / "known_hosts").read_text().startswith("|1|")

    connect(sshd, host_key=())


@pytest.mark.parametrize("hosts", ["web", "*", "somebody-else"])
def test_a_revoked_key_is_refused_even_where_it_is_pinned(
    sshd: Sshd, connect: Connect, root: Path, hosts: str
) -> None:
    known(root, f"@revoked {hosts} {sshd.public()}", f"web {sshd.public()}")

    with pytest.raises(HostKeyRefused, match="revoked"):
        connect(sshd)


def test_a_wildcard_makes_no_host_known(sshd: Sshd, connect: Connect, root: Path) -> None:
    known(root, f"* {sshd.public()}")

    with pytest.raises(HostKeyRefused, match="is not known"):
        connect(sshd, host_key=())


def test_a_pin_that_is_no_key_says_so(sshd: Sshd, connect: Connect) -> None:
    with pytest.raises(UsageError, match=r"host_key in hosts\.toml"):
        connect(sshd, host_key=("ssh-ed25519 AAAA",))


class TestTrust:
    def test_what_is_scanned_and_trusted_connects(self, sshd: Sshd, connect: Connect, root: Path) -> None:
        host = Host(addresses=(sshd.address,), ssh_config="none")

        found = scan("web", host, Environment(hosts=("web",)), root)
        trust(root / "known_hosts", "web", host.addresses, found[0].key)

        assert [(one.key.type, one.known, one.revoked) for one in found] == [
            ("ssh-ed25519", False, False),
            ("ssh-rsa", False, False),
        ]
        assert (root / "known_hosts").read_text() == f"web,[127.0.0.1]:{sshd.port} {sshd.public()}\n"
        assert (root / "known_hosts").stat().st_mode & 0o777 == 0o644
        connect(sshd, host_key=())
        assert [one.known for one in scan("web", host, Environment(hosts=("web",)), root)] == [True, False]

    def test_nothing_is_sent_that_proves_who_we_are(self, sshd: Sshd, root: Path) -> None:
        before = sshd.log.count("Accepted")

        scan("web", Host(addresses=(sshd.address,), ssh_config="none"), Environment(hosts=("web",)), root)

        assert sshd.log.count("Accepted") == before
