"""What a deploy costs in connections and channels, counted on real SSH: a guard that noise cannot fool."""

from __future__ import annotations

from pathlib import Path

from opsctl.cli.invocation import Invocation
from opsctl.cli.main import main
from opsctl.edges.connect import open_connection
from opsctl.edges.ports import Connection
from opsctl.model.hosts import Environment, Host
from tests.lab.site import Site

STACK = """
    services:
      api:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        env: {GREETING: hello}
        wait: {settle: 1s}
      other:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        env: {NUMBER: 1}
        wait: {settle: 1s}
"""


def deploy(site: Site, *options: str) -> list[dict[str, int]]:
    """Deploy inside this process; the channels of each connection that was opened, by kind."""
    opened: list[Connection] = []

    def connect(name: str, host: Host, environment: Environment, root: Path, *, directory: str) -> Connection:
        opened.append(open_connection(name, host, environment, root, directory=directory))
        return opened[-1]

    invocation = Invocation.of_this_process()
    invocation.argv = ("--project", str(site.root), "deploy", "lab", "--yes", *options)
    invocation.connect = connect
    assert main(invocation) == 0
    return [dict(connection.channels) for connection in opened]


def test_nothing_changed_is_one_connection_and_two_channels_beside_the_lease(site: Site) -> None:
    site.hosts_toml({"lab-app": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy()

    (channels,) = deploy(site)

    assert channels.pop("session") == 1
    assert sum(channels.values()) <= 2, channels


def test_one_variable_is_one_connection_and_four_channels_beside_the_lease(site: Site) -> None:
    site.hosts_toml({"lab-app": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy()
    site.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")

    (channels,) = deploy(site, "--no-verify")

    assert site.container("api").env["GREETING"] == "bonjour"
    assert channels.pop("session") == 1
    assert sum(channels.values()) <= 4, channels


def test_the_checks_at_the_end_are_one_more_look_over_the_same_connection(site: Site) -> None:
    site.hosts_toml({"lab-app": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy()
    site.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")

    (channels,) = deploy(site)

    assert channels.pop("session") == 1
    assert sum(channels.values()) <= 5, channels
