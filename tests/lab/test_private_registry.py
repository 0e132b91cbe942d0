"""Hosts pull private images with a login that is nowhere afterwards: a real registry with Basic auth, a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.canaries import Canaries
from tests.lab.evidence import nothing_changes
from tests.lab.private import private_registry
from tests.lab.site import Site

PASSWORD = """pr1v4te-c4n4ry pa$$ "w"'ö'rd #1/2 ${HOME} \\n %41+&="""
CANARIES = Canaries({"registry_token": PASSWORD})

STACK = """
    services:
      api:
        image: "%s/lab/sleeper:1.0.0"
        wait: {settle: 0s}
"""
# Where a login could have been left, and what lives in memory.
_FIND = 'find /root /home /tmp /run /dev/shm /opt /etc /var/tmp -xdev -name "*.json" -o -name "opsctl-login*" 2>/dev/null'
# Docker would give a keyring whatever it is told to keep, where a configuration knows no login and one of these is there.
_KEYRING = '#!/bin/sh\ncat >>/tmp/keyring; echo "$*" >>/tmp/keyring\n'


@pytest.fixture
def registry(site: Site) -> Iterator[str]:
    with private_registry(site.root.parent / "private", "ann", PASSWORD) as address:
        yield address


@pytest.fixture
def private(site: Site, registry: str) -> Iterator[Site]:
    login = (
        f'[registries."{registry}"]\nlogin = {{username = "ann", password = {{secret = "registry_token"}}}}'
    )
    site.hosts_toml({"lab-app": ["apps"]}, extra=login, secrets="")
    site.write("stacks/apps.yml", STACK % registry)
    site.keep_store()
    yield site
    site.host().run(["sh", "-c", 'docker rmi "$1/lab/sleeper:1.0.0" || true', "rmi", registry])


def deploy_public(site: Site, registry: str) -> None:
    """Let the host run the same image from the public registry before."""
    site.edit("stacks/apps.yml", registry, site.lab.registry)
    site.deploy()
    site.edit("stacks/apps.yml", site.lab.registry, registry)


def logins_left(site: Site) -> list[str]:
    """Files of docker's with a login in them, and our own folders."""
    found = site.host().run(["sh", "-c", _FIND]).stdout.decode().split()
    texts = {path: site.host().run(["cat", path], check=False).stdout.decode() for path in found}
    return [path for path, text in texts.items() if "opsctl-login" in path or '"auth"' in text]


def test_a_private_image_is_pulled_and_the_password_is_nowhere(private: Site) -> None:
    site = private
    site.set_secret("registry_token", value=PASSWORD)

    with CANARIES.watching() as watch:
        run = site.deploy()
        second = site.deploy()

    assert site.container("api").running
    assert not CANARIES.leaks(run.text + second.text)
    assert not watch.leaked
    on_the_way = " ".join(watch.argv)
    assert "login --username ann --password-stdin" in on_the_way, "the watch did not see the login"
    assert logins_left(site) == []
    assert not CANARIES.leaks(site.opsctl("audit", "lab", "--json").text + site.read(".opsctl/audit.jsonl"))
    assert "nothing to do" in second.text.lower()


def test_no_keyring_of_the_host_is_told(private: Site) -> None:
    """docker/cli: a configuration without a login takes `pass`, or the desktop's keyring, where their helpers are there."""
    site = private
    site.set_secret("registry_token", value=PASSWORD)
    helpers = [f"/usr/local/bin/{name}" for name in ("docker-credential-secretservice", "pass")]
    helpers.append("/usr/local/bin/docker-credential-pass")
    for path in helpers:
        site.host().run(["sh", "-c", 'cat >"$1" && chmod 755 "$1"', "put", path], stdin=_KEYRING.encode())
    try:
        site.deploy()

        assert site.host().run(["ls", "/tmp/keyring"], check=False).returncode != 0
    finally:
        site.host().run(["rm", "-f", "/tmp/keyring", *helpers])


def test_a_wrong_password_says_so_and_touches_nothing(private: Site, registry: str) -> None:
    site = private
    site.set_secret("registry_token", value=PASSWORD + "x")
    deploy_public(site, registry)

    with nothing_changes(site):
        run = site.deploy(code=1)

    assert f"cannot log in to {registry} as ann; no container was touched" in run.stderr
    assert "401 Unauthorized" in run.stderr
    assert "opsctl secrets set" in run.stderr
    assert not CANARIES.leaks(run.text)
    assert logins_left(site) == []


def test_a_missing_password_is_told_before_anything_is_done_and_only_where_it_is_needed(
    private: Site, registry: str
) -> None:
    site = private
    deploy_public(site, registry)

    with nothing_changes(site):
        run = site.deploy(code=2)

    assert "registry_token" in run.stderr
    assert "opsctl secrets set registry_token" in run.stderr


def test_without_a_login_the_engine_is_refused_and_the_hint_says_what_to_write(
    private: Site, registry: str
) -> None:
    site = private
    site.edit("hosts.toml", "login = ", "#")

    run = site.deploy(code=1)

    assert f"cannot pull {registry}/lab/sleeper:1.0.0" in run.stderr
    assert f'login = {{…}} of [registries."{registry}"]' in run.stderr


def test_the_outcome_in_json_names_the_login_that_failed(private: Site) -> None:
    site = private
    site.set_secret("registry_token", value="wrong password of ann")

    told = json.loads(site.opsctl("deploy", "lab", "--yes", "--json", code=1).stdout)

    assert "as ann" in json.dumps(told)
    assert "wrong password" not in json.dumps(told)
