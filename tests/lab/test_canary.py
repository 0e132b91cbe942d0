"""A secret's value occurs nowhere but in its container's environment, its env file and its mounted files."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import urllib.parse
from typing import Any

import pytest

from tests.lab.canaries import Canaries
from tests.lab.site import Run, Site

pytestmark = pytest.mark.hosts("lab-spare")

# Each has something that a quoting, an encoding or a template could stumble over; none can be taken for another.
SECRETS = {
    "env_token": """c4n4ry pa$$ "w"'ö'rd #1/2 ${HOME} \\n %41+&=✓""",
    "file_token": "f1l3-c4n4ry $(id) `id` <b>&amp; 'é\"\\\\ end",
    "url_token": "ürl/c4n4ry:p@ss?w=1#x&y %2F$",
    "plain_token": "pl41nc4n4ryAlphanumeric0",
    "health_token": "h34lth-c4n4ry \"$x\" 'quoted'/ü",
}

STACK = """
    x-image: &image {image: "{{ vars.registry }}/sleeper:1.0.0", init: true}
    services:
      app:
        <<: *image
        command: [sh, -c, 'env; env | base64 -w0; echo; cat /etc/app.json /etc/app.txt /etc/app.b64; printf "user:%s" "$TOKEN" | base64 -w0; echo; echo "$URL" >&2; sleep 100000']
        env:
          TOKEN: {secret: env_token}
          PLAIN: {secret: plain_token}
          URL: "postgresql://user:{{ secret('url_token') | urlencode }}@db/{{ secret('plain_token') }}"
          GREETING: hello
        files:
          - {template: app.json.j2, target: /etc/app.json}
          - {target: /etc/app.txt, content: "{{ secret('url_token') }}\n"}
          - {target: /etc/app.b64, content: "{{ ('user:' ~ secret('file_token')) | b64encode }}\\n"}
        wait: {settle: 0s}
      sick:
        <<: *image
        command: [sh, -c, 'echo "log $TOKEN"; exec sleep 100000']
        env: {TOKEN: {secret: health_token}, MODE: well}
        healthcheck:
          test: [CMD-SHELL, 'echo "probe $TOKEN"; test "$MODE" = well']
          interval: 1s
          retries: 1
"""

TEMPLATE = """\
{"token": {{ secret('file_token') | to_json }}, "dsn": "mysql://u:{{ secret('file_token') | urlencode }}@h"}
"""


CANARIES = Canaries(SECRETS)
leaks = CANARIES.leaks


@pytest.fixture
def planted(site: Site) -> Site:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    (site.root / "templates").mkdir()
    (site.root / "templates/app.json.j2").write_text(TEMPLATE)
    store = site.root / "secrets/lab.generated.json"
    store.parent.mkdir(mode=0o700)
    store.touch(mode=0o600)
    store.write_text(json.dumps(SECRETS))
    return site


def quiet(site: Site, *words: str, code: int | None = 0) -> Run:
    run = site.opsctl(*words, code=None)
    assert not leaks(run.text), (words, leaks(run.text))
    assert code is None or run.code == code, (words, run.text)
    return run


def both(site: Site, *words: str, code: int = 0) -> None:
    quiet(site, *words, code=code)
    json.loads(quiet(site, *words, "--json", code=code).stdout)


def test_a_secret_is_nowhere_but_where_it_lives(planted: Site) -> None:
    site = planted
    with CANARIES.watching() as watch:
        quiet(site, "plan", "lab")
        quiet(site, "render", "lab", "-o", str(site.root / "out"))
        quiet(site, "deploy", "lab", "--yes")
        change(site)
        both(site, "plan", "lab")
        both(site, "diff", "lab")
        quiet(site, "deploy", "lab", "--yes", "--json", code=1)
        failed = quiet(site, "recreate", "sick", "-e", "lab", code=1)
        quiet(site, "status", "lab", code=4)
        both(site, "why", "sick", "-e", "lab", code=4)
        logs = quiet(site, "logs", "app", "sick", "-e", "lab")
        both(site, "explain", "lab", "app.env.TOKEN")
    # What a person types for exec is on the command lines of that person's making, and nowhere else.
    said = SECRETS["env_token"]
    site.opsctl("exec", "app", "-e", "lab", "--", "test", said, "=", said)
    both(site, "audit", "lab")
    assert "| health: exit 1: probe ***" in failed.stderr
    assert "| log: log ***" in failed.stderr
    assert "TOKEN=***" in logs.stdout
    assert "postgresql://user:***@db/***" in logs.stdout
    assert not watch.leaked
    on_the_way = " ".join(watch.argv)
    for seen in ("docker compose --progress", "flock -n 9", "-m opsctl"):
        assert seen in on_the_way, f"the watch did not see {seen}"
    arrived(site)
    kept_to_their_places(site)


def change(site: Site) -> None:
    """Everything about the secrets changes on the way, and one service falls ill."""
    site.edit("stacks/apps.yml", "MODE: well", "MODE: ill")
    site.edit("stacks/apps.yml", "GREETING: hello", "GREETING: {secret: plain_token}")
    site.put("files/app/etc/app.json", json.dumps({"token": SECRETS["file_token"], "edited": True}) + "\n")
    site.put("env/app.env", site.read("env/app.env") + "STRAY='" + SECRETS["plain_token"] + "'\n")


def arrived(site: Site) -> None:
    """The canaries did fly: the containers have the values, letter by letter."""
    app = site.container("app")
    assert app.env["TOKEN"] == SECRETS["env_token"]
    assert urllib.parse.unquote(re.split("[:@]", app.env["URL"])[2]) == SECRETS["url_token"]
    assert json.loads(site.inner("app", "/etc/app.json"))["token"] == SECRETS["file_token"]
    assert base64.b64decode(site.inner("app", "/etc/app.b64")).decode() == f"user:{SECRETS['file_token']}"
    assert site.container("sick").env["TOKEN"] == SECRETS["health_token"]


def kept_to_their_places(site: Site) -> None:
    for container in site.inspected():
        facts: dict[str, Any] = json.loads(json.dumps(container.facts))
        facts["Config"].pop("Env")
        facts["State"].pop("Health", None)  # what the probe itself printed
        assert not leaks(json.dumps(facts, ensure_ascii=False)), container.service
    listed = site.host().run(["find", site.directory, "-type", "f"]).stdout.decode().split()
    holds = {
        path.removeprefix(f"{site.directory}/")
        for path in listed
        if leaks(site.host().run(["cat", path]).stdout.decode())
    }
    assert holds == {
        "env/app.env",
        "env/sick.env",
        "files/app/etc/app.json",
        "files/app/etc/app.txt",
        "files/app/etc/app.b64",
    }
    for path in ("env/app.env", "env/sick.env"):
        assert site.host().run(["stat", "-c", "%a", f"{site.directory}/{path}"]).stdout == b"600\n"
    out = "".join(path.read_text() for path in (site.root / "out").rglob("*") if path.is_file())
    assert not leaks(out)
    assert "TOKEN" in out


CRASH = """
import sys
from opsctl.cli import main
from opsctl.flows import deploy

def broken(world, desired, *_, **__):
    host = desired.hosts[0]
    raise RuntimeError(repr(host.env_files), host, {one.path: one.content for one in host.services["app"].files})

deploy.deploy = broken
main.run()
"""


def test_a_bug_does_not_tell_secrets(planted: Site) -> None:
    words = ["--project", str(planted.root), "deploy", "lab", "--yes"]
    argv = [sys.executable, "-c", CRASH, *words]
    done = subprocess.run(argv, capture_output=True, text=True, env=planted.environ, check=False, timeout=60)
    assert done.returncode == 3, done.stderr
    assert not leaks(done.stdout + done.stderr)
    (crash,) = (planted.root / ".state/opsctl").glob("crash-*")
    text = crash.read_text()
    assert crash.stat().st_mode & 0o777 == 0o600
    assert "TOKEN=" in text
    assert "***" in text
    assert not leaks(text)
