"""The reference stacks on three hosts, under their real names through the lab's registry.

PostgreSQL, Redis and Caddy are the real ones, in the versions of the lab; everything else is a stand-in that answers 200, which
proves the placing, the order, the limits and the probes' words, and nothing of the software: `verify` says `unproved`.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsctl.inputs.project import load
from opsctl.model.references import parse_reference
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from tests.lab.repository import Repository
from tests.lab.site import CHECKOUT, Site
from tests.unit.test_prod import PLACED

pytestmark = [pytest.mark.hosts("lab-app", "lab-vpn", "lab-spare"), pytest.mark.timeout(900)]

HOSTS = {"prod-app": "lab-app", "prod-vpn": "lab-vpn", "prod-pi": "lab-spare"}
REAL = {
    "caddy_version": "2.11.7",
    "postgres_version": "15-bookworm",
    "postgres_volume": "/var/lib/postgresql/data",
    "redis_version": "7.0-bookworm",
}
SOURCES = Path(__file__).parent / "standin"
HEADSCALE = "/opt/services/headscale/config"


@pytest.fixture
def prod(site: Site) -> Iterator[Site]:
    """The repository's own stacks, with the lab's hosts, three real versions, and built images on the stand-in."""
    for folder in ("stacks", "templates"):
        shutil.copytree(CHECKOUT / folder, site.root / folder)
    (site.root / "hosts.toml").write_text(hosts_toml(site))
    # The machine of the lab may not give all capabilities away, and its hosts share no mounts.
    for name in ("monitoring", "watch"):
        site.edit(f"stacks/{name}.yml", "    privileged: true\n", "")
        site.edit(f"stacks/{name}.yml", '"/:/host:ro,rslave"', '"/:/host:ro"')
    # Secrets are made up, but one that LiteLLM would refuse (LLM010).
    site.write("secrets/prod.generated.json", '{"litellm_master_key": "sk-0123456789abcdef0123456789abcdef"}')
    (site.root / "secrets/prod.generated.json").chmod(0o600)
    stand_in = f"{site.lab.registry}/lab/standin:1"
    for context in ("openclaw/gateway", "palais", "opencut"):
        (site.root / "templates" / context / "Dockerfile").write_text(f"FROM {stand_in}\n")
    sandbox = f'FROM {stand_in}\nENTRYPOINT []\nCMD ["sleep", "infinity"]\n'
    (site.root / "templates/openclaw/sandbox/Dockerfile").write_text(sandbox)
    publish(site, stand_in)
    site.host("lab-vpn").run(["mkdir", "-p", HEADSCALE])
    example = "# by hand\nserver_url: http://127.0.0.1:8080\ndns:\n  magic_dns: false\n  base_domain: x\n  override_local_dns: false\n"
    example += "  nameservers:\n    global: []\n  extra_records: []\nlog:\n  level: info # stays\n"
    site.host("lab-vpn").run(["sh", "-c", f"cat >{HEADSCALE}/config.yaml"], stdin=example.encode())
    yield Site(site.root, site.lab, "demo", site.hosts)
    site.host("lab-vpn").run(["rm", "-rf", "/opt/services"])


def hosts_toml(site: Site) -> str:
    """The shipped file, with the lab's addresses and versions in the place of those of prod."""
    text = (CHECKOUT / "hosts.toml").read_text()
    for name, value in REAL.items():
        text, count = re.subn(rf'(?m)^{name} = "[^"]*"( .*)?$', f'{name} = "{value}"', text)
        assert count >= 1, name
    text = text.replace('secrets = "generated"\n', "", 0)
    text = text.replace("[environments.prod]\n", '[environments.prod]\nsecrets = "generated"\n')
    text = text.replace(
        "[environments.prod]\n", f'[environments.prod]\nknown_hosts = "{CHECKOUT}/.lab/known_hosts"\n'
    )
    text = text.replace('platform = "linux/arm64"\n', "")
    key = CHECKOUT / ".lab" / "id_ed25519"
    for name, lab in HOSTS.items():
        address = site.host(lab).address
        text = re.sub(
            rf"(?m)^(\[hosts\.{name}\]\n)addresses = .*\nuser = .*$",
            rf'\1addresses = ["{address}"]\nuser = "root"\nidentity_files = ["{key}"]',
            text,
        )
        text = re.sub(rf'(\[hosts\.{name}\.vars\]\nvpn_bind = )"[^"]*"', rf'\1"{address}"', text)
    text += (
        f'\n[registries."{site.lab.registry}"]\ninsecure = true\n' if site.lab.registry not in text else ""
    )
    return text


def publish(site: Site, stand_in: str) -> None:
    """The stand-in under every name that the stacks use and the lab has nothing for."""
    host = site.host("lab-app")
    host.run(["mkdir", "-p", "/tmp/standin"])
    for file in SOURCES.iterdir():
        host.run(["sh", "-c", f"cat >/tmp/standin/{file.name}"], stdin=file.read_bytes())
    base = f"{site.lab.registry}/lab/whoami:1.0.0"
    host.docker("pull", "--quiet", base)
    host.docker(
        "build", "--quiet", "--network=none", f"--build-arg=BASE={base}", "--tag", stand_in, "/tmp/standin"
    )
    host.docker("push", "--quiet", stand_in)
    fleet = load(site.root)
    for desired in render(fleet, "prod", placeholder, login=login_placeholder).hosts:
        for service in desired.services.values():
            reference = parse_reference(service.asked_image)
            if service.build or reference.path in {"library/caddy", "library/postgres", "library/redis"}:
                continue
            Repository(site.lab.registry, reference.path).copy("lab/standin", "1", reference.tag)


def test_the_whole_of_prod_runs_and_verify_tells_what_a_stand_in_answered(prod: Site) -> None:
    prod.opsctl("deploy", "prod", "--yes", "--no-verify", seconds=600)
    asleep = {"opencut", "opencut-postgresql", "opencut-redis-http", "opencut-redis"}
    for name, lab in HOSTS.items():
        running = prod.host(lab).docker("ps", "--format", '{{.Label "com.docker.compose.service"}}').split()
        assert set(running) == PLACED[name] - asleep - {"openclaw-sandbox"}
    config = prod.host("lab-vpn").run(["cat", f"{HEADSCALE}/config.yaml"]).stdout.decode()
    assert "override_local_dns: true" in config
    assert "  level: info # stays" in config

    told: Any = prod.opsctl("verify", "prod", "--severity", "high", "--json", code=None, seconds=300).json()
    results = told["data"]["results"]
    of_app = [one for one in results if one["check"].split("-")[1] in {"PGS", "RDS"}]
    assert [(one["check"], one["message"]) for one in of_app if one["result"] not in {"pass", "skip"}] == []
    assert {one["service"] for one in of_app if one["result"] == "pass"} >= {"postgresql", "redis"}
    health = Counter(one["result"] for one in results if one["check"] == "V-CTR-001")
    assert set(health) <= {"pass", "skip"}, health
    stood_in = {one["service"] for one in results if one["result"] == "unproved"}
    assert "litellm" in stood_in or "n8n" in stood_in
    assert not stood_in & {"postgresql", "redis", "caddy"}

    report = prod.opsctl("deploy", "prod", "--yes", "--json", seconds=300).json()
    assert report["data"]["plan"]["changes"] is False
