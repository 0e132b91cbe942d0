"""Every rule of sites: the smallest broken example is found in its file, at its line, and the right one is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked
from tests.unit.apps.sites import CADDY, CADDYFILE, HOSTS, LIMITED, LLM, N8N, SHOP, TOP, project

from opsctl.apps.caddy.app import CADDY as APP
from opsctl.rules.engine import Finding

LIMIT = ("settings:\n", "settings:\n  rate_limit: {}  # <-\n")
BUILT = ("image: caddy:2.11.4-alpine\n", "build: image\n")
HOST_LINES = HOSTS.replace(', "100.64.0.14:2222"', "")


@dataclass(frozen=True)
class Case:
    rule: str
    says: str
    services: Mapping[str, str] = field(default_factory=dict)
    caddyfile: str = CADDYFILE
    dockerfile: str = ""
    hosts: str = HOSTS
    top: str = TOP

    def write(self, root: Path) -> Path:
        return project(
            root,
            hosts=self.hosts,
            caddyfile=self.caddyfile,
            dockerfile=self.dockerfile,
            top=self.top,
            **self.services,
        )


ALL_VPN = {"n8n": changed(N8N, [("  paths: {public: [/webhook/*]}\n", "")]), "shop": ""}
CASES = [
    Case(
        "SIT001",
        "llm: port 4000 is open to everybody, and all sites of web are VPN-only",
        {**ALL_VPN, "llm": LLM + 'ports:\n  - "4000:4000"  # <-\n'},
    ),
    Case(
        "SIT001",
        "caddy: port 443 is open to everybody, and all sites of web are VPN-only",
        {
            **ALL_VPN,
            "caddy": changed(
                CADDY, [('["100.64.0.14:80:80", "100.64.0.14:443:443"]', '\n  - "[::]:443:443"  # <-')]
            ),
        },
    ),
    Case(
        "SIT002",
        "llm: caddy cannot reach llm:4000: they share no network (its own: default)",
        {"llm": changed(LLM, [("site:", "networks: [apart]\nsite:"), ("4000}", "4000} # <-")])},
        top=TOP + "networks: {apart: {}}\n",
    ),
    Case(
        "SIT002",
        "llm: caddy cannot reach llm:4000: they share no network (its own: default)",
        {"llm": changed(LLM, [("site:", "network_mode: host\nsite:"), ("4000}", "4000} # <-")])},
    ),
    Case(
        "SIT003",
        "caddy: trusted_proxies: peers in these ranges say by X-Forwarded-For who they are",
        caddyfile=changed(
            CADDYFILE,
            [("%}\n}", "%}\n\tservers :8443 {\n\t\ttrusted_proxies static 10.0.0.0/8 # <-\n\t}\n}")],
        ),
    ),
    Case(
        "SIT003",
        "caddy: private_ranges is let in beside the VPN, and containers and the bridge's gateway have addresses in it",
        caddyfile=CADDYFILE + "own.example.org {\n\t@in remote_ip 100.64.0.0/10 private_ranges # <-\n}\n",
    ),
    Case(
        "SIT003",
        "caddy: 10.77.0.0/16 is let in beside the VPN, and containers and the bridge's gateway have addresses in it",
        caddyfile=CADDYFILE + "own.example.org {\n\t@in not client_ip 10.77.0.0/16 # <-\n}\n",
        top=TOP + "networks: {back: {ipam: {config: [{subnet: 10.77.3.0/24}]}}}\n",
        services={"caddy": CADDY + "networks: [default, back]\n"},
    ),
    Case(
        "SIT003",
        "caddy: 172.18.0.0/16 counts as the VPN, and containers and the bridge's gateway have addresses in it",
        {
            "caddy": changed(
                CADDY, [("settings:\n", "settings:\n  vpn_ranges: [100.64.0.0/10, 172.18.0.0/16]  # <-\n")]
            )
        },
    ),
    Case(
        "SIT003",
        "caddy: ::/0 counts as the VPN, and containers and the bridge's gateway have addresses in it",
        {"caddy": changed(CADDY, [("settings:\n", "settings:\n  vpn_ranges: ['::/0']  # <-\n")])},
    ),
    Case(
        "SIT004",
        "caddy: rate_limit is asked for, and caddy:2.11.4-alpine does not have that module",
        {"caddy": changed(CADDY, [LIMIT])},
    ),
    Case(
        "SIT004",
        "caddy: rate_limit is asked for, and templates/image/Dockerfile does not build mholt/caddy-ratelimit in",
        {"caddy": changed(CADDY, [LIMIT, BUILT])},
        dockerfile="FROM caddy:2.11.4-alpine\n",
    ),
    Case(
        "SIT004",
        "caddy: rate_limit is asked for, and caddy:2.11.4-alpine does not have that module",
        {"caddy": changed(CADDY, [("app: caddy", "app: caddy  # <-")])},
        caddyfile=CADDYFILE + "own.example.org {\n\trate_limit {\n\t}\n}\n",
    ),
    Case(
        "SIT004",
        "caddy: rate_limit is asked for, and whether acme/caddy-of-ours:2.11.4 has that module cannot be told from here",
        {"caddy": changed(CADDY, [LIMIT, ("caddy:2.11.4-alpine", "acme/caddy-of-ours:2.11.4")])},
    ),
    Case(
        "SIT005",
        "n8n: passwords can be tried at /rest/login as fast as the software answers",
        {"n8n": changed(N8N, [("site:", "site:  # <-")]), "llm": "", "shop": ""},
    ),
    Case(
        "SIT006",
        "llm: nobody says where the VPN reaches web: llm.vpn.example.org has no record in its DNS",
        {"llm": changed(LLM, [("4000}", "4000} # <-")]), "n8n": ""},
        hosts=HOST_LINES,
    ),
    Case(
        "SIT007",
        "llm: no Caddy runs on web",
        {"llm": changed(LLM, [("4000}", "4000} # <-")]), "n8n": "", "shop": "", "caddy": ""},
    ),
    Case(
        "SIT007",
        "llm: caddy has no llm.vpn.example.org in its Caddyfile",
        {"llm": changed(LLM, [("4000}", "4000} # <-")]), "n8n": "", "shop": ""},
        caddyfile="# llm.vpn.example.org\nmy-llm.vpn.example.org, llm.vpn.example.org.uk {\n}\n",
    ),
    Case(
        "SIT008",
        "caddy: nothing is mounted at /data, where certificates and keys are kept",
        {"caddy": changed(CADDY, [("volumes:", "volumes:  # <-\n "), ('"caddy_data:/data", ', "")])},
    ),
]


def findings(root: Path, rule: str = "SIT") -> list[Finding]:
    return linted.findings(root, rule)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.says[:40]}")
def test_what_is_wrong_is_found_at_its_line(case: Case, tmp_path: Path) -> None:
    found = findings(case.write(tmp_path), case.rule)
    assert [one.hit.message for one in found] == [case.says]
    assert [(one.hit.place.file, one.hit.place.line) for one in found] == marked(tmp_path)
    assert found[0].hit.unknown == ("cannot be told" in case.says)


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} == {rule.id for rule in APP.rules}


@pytest.mark.parametrize(
    "services,dockerfile",
    [
        ({"caddy": changed(CADDY, [LIMIT, BUILT])}, LIMITED),
        (
            {
                **ALL_VPN,
                "caddy": changed(CADDY, [LIMIT, BUILT, ("limit: {}", "limit: {events: 3, window: 30s}")]),
                "llm": LLM + "ports: ['127.0.0.1:4000:4000']\n",
            },
            LIMITED,
        ),
    ],
)
def test_what_is_right_is_not_found(services: Mapping[str, str], dockerfile: str, tmp_path: Path) -> None:
    assert findings(project(tmp_path, dockerfile=dockerfile, **services)) == []


def test_a_public_site_opens_ports(tmp_path: Path) -> None:
    """80 and 443 of every address are meant as soon as one site is for everybody."""
    services = {"caddy": changed(CADDY, [("100.64.0.14:80:80", "80:80"), ("100.64.0.14:443:443", "443:443")])}
    assert findings(project(tmp_path, **services), "SIT001") == []
    shop = changed(SHOP, [("access: public, ", ""), ("www.example.com", "shop")])
    assert findings(project(tmp_path / "b", **services, shop=shop), "SIT001") == []
    services |= ALL_VPN
    assert len(findings(project(tmp_path / "c", **services), "SIT001")) == 2


def test_trust_is_nothing_where_all_sites_are_public(tmp_path: Path) -> None:
    caddyfile = CADDYFILE + "own.example.org {\n\t@in remote_ip private_ranges\n}\n"
    assert findings(project(tmp_path, caddyfile=caddyfile, n8n="", llm=""), "SIT003") == []


def test_published_upstreams_need_no_network(tmp_path: Path) -> None:
    caddy = changed(
        CADDY,
        [
            ("settings:\n", "network_mode: host\nsettings:\n  upstreams: published\n"),
            ('ports: ["100.64.0.14:80:80", "100.64.0.14:443:443"]\n', ""),
        ],
    )
    llm = LLM + "ports: ['127.0.0.1:4000:4000']\n"
    assert findings(project(tmp_path, caddy=caddy, llm=llm, n8n="", shop=""), "SIT002") == []
    caddy = changed(caddy, [("  upstreams: published\n", "")])
    assert len(findings(project(tmp_path / "b", caddy=caddy, llm=llm, n8n="", shop=""), "SIT002")) == 1
