"""The repository's own project `prod` as it can be deployed on the lab: its stacks and templates, the lab's hosts and images."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from opsctl.inputs.project import load
from opsctl.model.references import parse_reference
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from tests.lab.layers import Image, publish
from tests.lab.repository import Repository
from tests.lab.site import CHECKOUT, Site
from tests.lab.software import NOTES

HOSTS = {"prod-app": "lab-app", "prod-vpn": "lab-vpn", "prod-pi": "lab-spare"}
VERSIONS = {
    "caddy_version": "2.11.7",
    "postgres_version": "15-bookworm",
    "postgres_volume": "/var/lib/postgresql/data",
    "redis_version": "7.0-bookworm",
}
"""What is among the lab's own images; the others tell theirs by the tag that they are published with."""
VARIABLES = {
    "n8nio/n8n": "n8n_version",
    "nocodb/nocodb": "nocodb_version",
    "berriai/litellm": "litellm_version",
    "victoriametrics/victoria-metrics": "victoriametrics_version",
    "prom/alertmanager": "alertmanager_version",
    "prom/node-exporter": "node_exporter_version",
    "prom/blackbox-exporter": "blackbox_version",
    "prometheuscommunity/postgres-exporter": "postgres_exporter_version",
}
LAB = {"library/caddy", "library/postgres", "library/redis"}
HEADSCALE = "/opt/services/headscale/config"
_STAND_IN = Path(__file__).parent / "standin"
_EXAMPLE = """\
# by hand
server_url: http://127.0.0.1:8080
dns:
  magic_dns: false
  base_domain: x
  override_local_dns: false
  nameservers:
    global: []
  extra_records: []
log:
  level: info # stays
"""


def lay_out(site: Site, images: Sequence[Image], telegram: str) -> Site:
    """The project on these hosts, with these images under their own names and a stand-in under every other one. Alertmanager
    sends to the URL `telegram`, and all spans of the alerts are short.
    """
    for folder in ("stacks", "templates"):
        shutil.copytree(CHECKOUT / folder, site.root / folder)
    versions = VERSIONS | {VARIABLES[one.path]: one.tag for one in images if one.path in VARIABLES}
    (site.root / "hosts.toml").write_text(_hosts_toml(site, versions))
    # Secrets are made up, but one that LiteLLM would refuse (LLM010).
    site.write("secrets/prod.generated.json", '{"litellm_master_key": "sk-0123456789abcdef0123456789abcdef"}')
    (site.root / "secrets/prod.generated.json").chmod(0o600)
    _fit_the_machine(site)
    _give_time(site)
    _shorten(site, telegram)
    stand_in = f"{site.lab.registry}/lab/standin:1"
    for context in ("palais", "opencut"):
        (site.root / "templates" / context / "Dockerfile").write_text(f"FROM {stand_in}\n")
    sandbox = f'FROM {stand_in}\nENTRYPOINT []\nCMD ["sleep", "infinity"]\n'
    (site.root / "templates/openclaw/sandbox/Dockerfile").write_text(sandbox)
    _build_stand_in(site, stand_in)
    for image in images:
        publish(site.lab.registry, image, NOTES)
    _stand_in_for_the_rest(site, LAB | {one.path for one in images})
    site.host("lab-app").run(["install", "-d", "-o", "1000", "-g", "1000", "/opt/openclaw"])
    host = site.host("lab-vpn")
    host.run(["mkdir", "-p", HEADSCALE])
    host.run(["sh", "-c", f"cat >{HEADSCALE}/config.yaml"], stdin=_EXAMPLE.encode())
    made = Site(site.root, site.lab, "demo", site.hosts)
    # By digests, so that nothing of another time runs under the same tag; only the hosts find the lab under these names.
    made.opsctl("pin-images", "-e", "prod", "--via", "prod-app")
    return made


def _hosts_toml(site: Site, versions: dict[str, str]) -> str:
    """The shipped file, with the lab's addresses and versions in the place of those of prod."""
    text = (CHECKOUT / "hosts.toml").read_text()
    for name, value in versions.items():
        text, count = re.subn(rf'(?m)^{name} = "[^"]*"( .*)?$', f'{name} = "{value}"', text)
        assert count >= 1, name
    head = '[environments.prod]\nsecrets = "generated"\nrequire_pins = true\n'
    head += f'known_hosts = "{CHECKOUT}/.lab/known_hosts"\n'
    text = text.replace("[environments.prod]\n", head).replace('platform = "linux/arm64"\n', "")
    key = CHECKOUT / ".lab" / "id_ed25519"
    for name, lab in HOSTS.items():
        address = site.host(lab).address
        text = re.sub(
            rf"(?m)^(\[hosts\.{name}\]\n)addresses = .*\nuser = .*$",
            rf'\1addresses = ["{address}"]\nuser = "root"\nidentity_files = ["{key}"]',
            text,
        )
        text = re.sub(rf'(\[hosts\.{name}\.vars\]\nvpn_bind = )"[^"]*"', rf'\1"{address}"', text)
    group = site.host("lab-app").docker_socket.stat().st_gid
    text, count = re.subn(r'docker_group = "\d+"', f'docker_group = "{group}"', text)
    assert count == 1
    assert f'"{site.lab.registry}"' in text
    return text


def _fit_the_machine(site: Site) -> None:
    """The machine of the lab may not give all capabilities away, its hosts share no mounts, nobody gives it certificates, and two
    of them are all of its VPN.
    """
    inside = ", ".join(f"{site.host(HOSTS[name]).address}/32" for name in ("prod-app", "prod-vpn"))
    site.edit(
        "stacks/infra.yml",
        "    settings:\n      certi",
        f"    settings:\n      vpn_ranges: [{inside}]\n      certi",
    )
    site.edit(
        "stacks/opencut.yml",
        "{certificates: internal}",
        f"{{certificates: internal, vpn_ranges: [{inside}]}}",
    )
    database = "postgresql://litellm:{{ secret('litellm_db') | urlencode }}@postgresql:5432/litellm"
    site.edit("stacks/apps.yml", f'      DATABASE_URL: "{database}"\n      REDIS_USER', "      REDIS_USER")
    site.edit("stacks/apps.yml", "      max_budget: 5\n      budget_duration: 1d\n", "")
    for name in ("max_budget", "budget_duration"):
        site.edit("templates/litellm/config.yaml.j2", f"  {name}: {{{{ service.settings.{name} }}}}\n", "")
    site.edit("stacks/headscale.yml", "{email: ops@example.net}", "{certificates: internal}")
    peers = ", ".join(f"{name}: {site.host(HOSTS[name]).address}" for name in ("prod-app", "prod-vpn"))
    for name in ("monitoring", "watch"):
        site.edit(f"stacks/{name}.yml", "    privileged: true\n", "")
        site.edit(f"stacks/{name}.yml", '"/:/host:ro,rslave"', '"/:/host:ro"')
        site.edit(f"stacks/{name}.yml", "{prod-app: 100.64.0.1, prod-vpn: 100.64.0.2}", f"{{{peers}}}")


def _give_time(site: Site) -> None:
    """All of them start at once, on two cores that run other tests too: a first start of n8n takes 15 s on a quiet machine, and took
    more than two minutes at a load of 20.
    """
    for app in ("n8n", "litellm", "openclaw", "nocodb"):
        site.edit("stacks/apps.yml", f"    app: {app}\n", f"    app: {app}\n    wait: {{timeout: 10m}}\n")
    for seconds in (60, 90, 120):
        site.edit("stacks/apps.yml", f"start_period: {seconds}s", "start_period: 600s")


def _shorten(site: Site, telegram: str) -> None:
    """Debian's Alertmanager, 0.25, knows no bot_token_file: its configuration has the token itself."""
    token = "bot_token: {{ secret('telegram_token') | to_json }}"
    site.edit("templates/monitoring/alertmanager.yml.j2", "bot_token_file: /etc/telegram/token", token)
    # The gateway asks Telegram who its bot is before it is ready.
    site.edit(
        "templates/openclaw/openclaw.json.j2",
        "telegram: {enabled: true,",
        f'telegram: {{enabled: true, apiRoot: "{telegram}",',
    )
    waits = f"api_url: '{telegram}', group_wait: 1s, group_interval: 5s"
    for name in ("monitoring", "watch"):
        stack = f"stacks/{name}.yml"
        site.edit(stack, "chat_id: -1001234567890}", f"chat_id: -1001234567890, {waits}}}")
        site.edit(stack, "unhealthy_for: 100s", "unhealthy_for: 20s, evaluation_interval: 5s")
        site.edit(stack, "      retention: 30d\n", "      retention: 30d\n      scrape_interval: 5s\n")


def _build_stand_in(site: Site, name: str) -> None:
    host = site.host("lab-app")
    host.run(["mkdir", "-p", "/tmp/standin"])
    for file in _STAND_IN.iterdir():
        host.run(["sh", "-c", f"cat >/tmp/standin/{file.name}"], stdin=file.read_bytes())
    base = f"{site.lab.registry}/lab/whoami:1.0.0"
    host.docker("pull", "--quiet", base)
    host.docker(
        "build", "--quiet", "--network=none", f"--build-arg=BASE={base}", "--tag", name, "/tmp/standin"
    )
    host.docker("push", "--quiet", name)


def _stand_in_for_the_rest(site: Site, there: set[str]) -> None:
    """The stand-in under every name that the stacks use and nothing was published for."""
    fleet = load(site.root)
    for desired in render(fleet, "prod", placeholder, login=login_placeholder).hosts:
        for service in desired.services.values():
            reference = parse_reference(service.asked_image)
            if service.build or reference.path in there:
                continue
            Repository(site.lab.registry, reference.path).copy("lab/standin", "1", reference.tag)
