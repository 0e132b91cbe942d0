"""Upgrades on a real host: refused before anything stops, carried out, and put back."""

from __future__ import annotations

import json

import pytest

from tests.lab.repository import Repository
from tests.lab.site import Site

pytestmark = pytest.mark.hosts("lab-spare")

CADDY = """\
    services:
      caddy:
        app: caddy
        image: "{{ vars.repository }}:2.11.7"   # in front
        files:
          - target: /etc/caddy/Caddyfile
            mount: directory
            content: |
              :80 {
                  respond "hello {$WORD}"
              }
        env: {WORD: world}
        stop_grace_period: 2s
        wait: {settle: 1s}
"""
OPENCLAW = """\
    services:
      openclaw:
        app: openclaw
        image: "{{ vars.repository }}:2026.2.15"
        command: [sleeper]
        files:
          - target: /home/node/.openclaw/openclaw.json
            content: '{"plugins": {"entries": {"telegram": {"enabled": true}}}}'
        env: {OPENCLAW_GATEWAY_TOKEN: {secret: openclaw_gateway_token}}
        volumes: ["state:/home/node/.openclaw/state"]
        stop_grace_period: 2s
        wait: {settle: 1s}
    volumes: {state: {}}
"""
POSTGRESQL = """\
    services:
      db:
        app: postgresql
        image: "{{ vars.repository }}:15.20"
        settings: {max_connections: 20, superuser_reserved_connections: 3, shared_buffers: 24MB}
        command:
          - postgres
          - -cfsync=off
          - -cmax_connections={{ service.settings.max_connections }}
          - -csuperuser_reserved_connections={{ service.settings.superuser_reserved_connections }}
          - -cshared_buffers={{ service.settings.shared_buffers }}
        shm_size: 128m
        env: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256, POSTGRES_USER: boss, POSTGRES_PASSWORD: {secret: superuser}}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {interval: 1s, timeout: 5s, retries: 100, test: [CMD, pg_isready, -h, 127.0.0.1]}
        stop_grace_period: 20s
    volumes: {data: {}}
"""
# What OpenClaw 2026.2.22 said of a Telegram that was on before (facts: services, 2.1).
STAND_IN = """\
FROM {sleeper}
LABEL opsctl.stand-in=openclaw
ENV HOME=/
RUN printf '%s' '{plugins}' >/plugins.json \\
 && printf '%s' '{channels}' >/channels.json \\
 && printf '#!/bin/sh\\n[ -z "$OPENCLAW_CONFIG_PATH" ] || grep -q telegram "$OPENCLAW_CONFIG_PATH" || exit 9\\n\\
case "$2" in plugins) echo "[a line of a log]"; cat /plugins.json;; agents) echo "[{{\\"id\\": \\"main\\"}}]";; channels) cat /channels.json;; esac\\n' >/bin/node \\
 && chmod 755 /bin/node
"""
# A Caddy that takes no Caddyfile any more.
PICKY = """\
FROM {caddy}
RUN printf '#!/bin/sh\\n[ "$1" != validate ] || {{ echo "Error: unrecognized directive: respond" >&2; exit 1; }}\\n\\
exec /bin/real-caddy "$@"\\n' >/bin/picky && chmod 755 /bin/picky && mv /bin/caddy /bin/real-caddy && mv /bin/picky /bin/caddy
"""


def project(site: Site, repository: Repository, stack: str) -> None:
    extra = (
        f'[vars]\nrepository = "{repository.image}"\n[registries."{site.lab.registry}"]\ninsecure = true\n'
    )
    site.hosts_toml({"lab-spare": ["apps"]}, extra=extra)
    site.write("stacks/apps.yml", stack)
    site.opsctl("pin-images")
    site.deploy("--no-verify")


def build(site: Site, dockerfile: str, image: str) -> None:
    """On the host, and into the registry."""
    host = site.host()
    host.run(
        ["docker", "build", "--quiet", "--network", "none", "--tag", image, "-"], stdin=dockerfile.encode()
    )
    host.docker("push", "--quiet", image)
    host.docker("rmi", image)


def files(site: Site) -> dict[str, bytes]:
    return {
        name: (site.root / name).read_bytes()
        for name in ("stacks/apps.yml", "images.lock.yaml", "hosts.toml")
    }


def left(site: Site) -> str:
    """What there is of trials on the host."""
    found = site.host().docker("ps", "--all", "--quiet", "--filter", "label=opsctl.probe")
    return (
        found
        + site.host().run(["sh", "-c", "ls -d /dev/shm/opsctl-trial.* 2>/dev/null || true"]).stdout.decode()
    )


def upgrade(site: Site, *words: str, code: int = 0) -> str:
    return site.opsctl("upgrade", *words, "-e", "lab", "--yes", "--no-verify", code=code).text


def test_an_openclaw_that_would_lose_its_telegram_is_refused_before_anything_stops(site: Site) -> None:
    repository = Repository(site.lab.registry)
    loaded = {"id": "telegram", "status": "loaded", "origin": "bundled"}
    lost = {**loaded, "status": "disabled", "error": "bundled (disabled by default)"}
    channels = {"channelAccounts": {"telegram": [{"accountId": "default", "running": True}]}}
    sleeper = f"{site.lab.registry}/lab/sleeper:1.0.0"
    for tag, plugin in (("2026.2.15", loaded), ("2026.2.22", lost), ("2026.2.23", loaded)):
        text = STAND_IN.format(
            sleeper=sleeper, plugins=json.dumps({"plugins": [plugin]}), channels=json.dumps(channels)
        )
        build(site, text, f"{repository.image}:{tag}")
    project(site, repository, OPENCLAW)
    before, snapshot = files(site), site.snapshot()

    told = upgrade(site, "openclaw", "2026.2.22", code=4)
    assert "it would not load telegram (bundled (disabled by default)); nothing was stopped" in told
    assert (files(site), site.snapshot(), left(site)) == (before, snapshot, "")

    assert "upgraded  openclaw: 2026.2.15 -> 2026.2.23" in upgrade(site, "openclaw", "2026.2.23")
    assert left(site) == ""


def test_a_major_version_of_postgresql_is_refused_before_anything_stops(site: Site) -> None:
    repository = Repository(site.lab.registry)
    repository.copy("lab/postgres", "15.20", "15.20")
    repository.variant("15.20", "16", "16.1")
    project(site, repository, POSTGRESQL)
    before, snapshot = files(site), site.snapshot()

    told = upgrade(site, "db", "16.1", code=4)
    assert "16 does not open the data of 15" in told
    assert (files(site), site.snapshot()) == (before, snapshot)
    assert "16 does not open the data of 15" in upgrade(site, "db", code=4)
    assert files(site) == before


def test_a_good_caddy_is_tried_and_runs_and_a_bad_one_is_put_back(site: Site) -> None:
    repository = Repository(site.lab.registry)
    repository.copy("lab/caddy", "2.11.7", "2.11.7")
    repository.variant("2.11.7", "next", "2.11.8")
    project(site, repository, CADDY)
    before = files(site)

    assert "upgraded  caddy: 2.11.7 -> 2.11.8" in upgrade(site, "caddy")
    after = files(site)
    assert after["stacks/apps.yml"] == before["stacks/apps.yml"].replace(b"2.11.7", b"2.11.8")
    assert ":2.11.8@sha256:" in site.container("caddy").image
    assert left(site) == ""
    assert "nothing to change" in site.deploy("--no-verify").stdout

    build(site, PICKY.format(caddy=f"{repository.image}:2.11.8"), f"{repository.image}:2.11.9")
    snapshot = site.snapshot()
    told = upgrade(site, "caddy", code=4)
    assert "it does not take its Caddyfile: Error: unrecognized directive: respond" in told
    assert "put back  caddy: 2.11.8 -> 2.11.9" in told
    assert (files(site), site.snapshot(), left(site)) == (after, snapshot, "")

    assert "upgraded  caddy: 2.11.8 -> 2.11.9" in upgrade(site, "caddy", "--no-gate")


def test_a_postgresql_is_started_with_its_options_before_anything_stops(site: Site) -> None:
    repository = Repository(site.lab.registry)
    repository.copy("lab/postgres", "15.20", "15.20")
    repository.variant("15.20", "next", "15.21")
    project(site, repository, POSTGRESQL)
    before, snapshot = files(site), site.snapshot()

    site.edit("stacks/apps.yml", "-cfsync=off", "-cwrok_mem=8MB")
    told = upgrade(site, "db", "15.21", code=4)
    wrong = 'it does not start with its options: unrecognized configuration parameter "wrok_mem"'
    assert f"{wrong}; nothing was stopped" in told
    assert (site.snapshot(), left(site)) == (snapshot, "")

    site.edit("stacks/apps.yml", "-cwrok_mem=8MB", "-cfsync=off")
    assert files(site) == before
    assert "upgraded  db: 15.20 -> 15.21" in upgrade(site, "db")
    assert left(site) == ""


def test_a_caddy_that_is_built_is_built_and_tried_before_anything_stops(site: Site) -> None:
    """From an image to a build, and from one build to another: a module that the Caddyfile needs may come with it."""
    repository = Repository(site.lab.registry)
    repository.copy("lab/caddy", "2.11.7", "2.11.7")
    project(site, repository, CADDY)
    snapshot = site.snapshot()
    site.edit("stacks/apps.yml", 'image: "{{ vars.repository }}:2.11.7"   # in front', "build: edge")
    site.write("templates/edge/Dockerfile.j2", PICKY.format(caddy="{{ vars.repository }}:2.11.7"))

    told = site.deploy("--no-verify", code=4).text
    assert (
        "it does not take its Caddyfile: Error: unrecognized directive: respond; nothing was stopped" in told
    )
    assert (site.snapshot(), left(site)) == (snapshot, "")

    for word in ("one", "two"):
        site.write(
            "templates/edge/Dockerfile.j2", f"FROM {{{{ vars.repository }}}}:2.11.7\nLABEL word={word}\n"
        )
        site.deploy("--no-verify")
        assert site.container("caddy").labels["word"] == word
        assert left(site) == ""
    assert "nothing to change" in site.deploy("--no-verify").stdout
