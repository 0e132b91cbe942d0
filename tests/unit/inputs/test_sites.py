"""`site` of a service and the domains of environments: what is wrong is told at its line, and the schemas agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.unit.inputs.folder import HOSTS, marked, problems, write

from opsctl.errors import Problem
from opsctl.inputs.project import load
from opsctl.inputs.schemas import json_schema
from opsctl.model.sites import Site, host_name, vpn_address
from opsctl.model.yaml_document import read_yaml

NAMED = "write llm, which stands before the domain of the environment, or llm.example.org; no template"
WITH_DOMAIN = HOSTS.replace('hosts = ["web"]', 'hosts = ["web"]\n    domain = "example.org"')
TWO_HOSTS = WITH_DOMAIN.replace('hosts = ["web"]', 'hosts = ["web", "other"]') + (
    '    [hosts.other]\n    addresses = ["10.0.0.2"]\n    stacks = ["apps"]\n'
)


def stack(site: str, more: str = "") -> str:
    return f"services:\n  api:\n    image: lab/api:1\n    site: {site}\n{more}"


@pytest.mark.parametrize(
    "site,message,hint",
    [
        (
            "{name: llm, port: 1, acess: vpn} # <-",
            "services.api.site: unknown key 'acess'",
            "did you mean 'access'?",
        ),
        (
            "{name: llm, port: 1, paths: {logins: []}} # <-",
            "services.api.site.paths: unknown key 'logins'",
            "did you mean 'login'?",
        ),
        (
            "{name: llm, port: 1, access: vpm} # <-",
            "services.api.site.access: must be 'vpn' or 'public'",
            "did you mean 'vpn'?",
        ),
        ("{name: llm} # <-", "services.api.site: port is missing", ""),
        ("{name: llm, port: 0} # <-", "services.api.site.port: must be at least 1", ""),
        ("{name: llm, port: 65536} # <-", "services.api.site.port: must be at most 65535", ""),
        ("{name: Llm, port: 1} # <-", "services.api.site.name: 'Llm' is not the name of a site", NAMED),
        (
            "{name: '{{ host.name }}', port: 1} # <-",
            "services.api.site.name: '{{ host.name }}' is not the name of a site",
            NAMED,
        ),
        (
            "{name: llm, port: 1, paths: {login: ['/a b']}} # <-",
            "services.api.site.paths.login.0: '/a b' is not a path such as /rest/login or /webhook/*",
            "a * can stand at the end only",
        ),
        (
            "{name: llm, port: 1, paths: {public: [/*]}} # <-",
            "services.api.site: paths.public has /*, which is the whole site",
            "write access: public",
        ),
        (
            "{name: llm, port: 1, access: public, paths: {public: [/a]}} # <-",
            "services.api.site: paths.public on a public site",
            "everybody reaches it already: leave them out",
        ),
    ],
)
def test_what_is_wrong_with_a_site(site: str, message: str, hint: str, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"stacks/apps.yml": stack(site), "hosts.toml": WITH_DOMAIN}
    file, line = marked({"stacks/apps.yml": stack(site)})
    assert problems(write(tmp_path, files)) == (Problem(file, line, message, hint),)


@pytest.mark.parametrize(
    "key,message",
    [
        (
            'domain = "Example.org"',
            "environments.prod.domain: 'Example.org' is not a domain such as example.org",
        ),
        ('vpn_domain = "vpn"', "environments.prod.vpn_domain: 'vpn' is not a domain such as example.org"),
    ],
)
def test_what_is_wrong_with_a_domain(key: str, message: str, tmp_path: Path) -> None:
    text = HOSTS.replace('hosts = ["web"]', f'hosts = ["web"]\n    {key} # <-')
    expected = Problem(*marked({"hosts.toml": text}), message, "small letters, digits, '-' and dots")
    assert problems(write(tmp_path, {"hosts.toml": text})) == (expected,)


def test_what_is_wrong_with_an_address_of_the_vpn(tmp_path: Path) -> None:
    text = HOSTS.replace('stacks = ["apps"]', 'stacks = ["apps"]\n    vpn_address = "web" # <-')
    expected = Problem(*marked({"hosts.toml": text}), "hosts.web.vpn_address: 'web' is not an IP address")
    assert problems(write(tmp_path, {"hosts.toml": text})) == (expected,)


def test_a_name_without_a_domain(tmp_path: Path) -> None:
    text = stack("\n      name: llm # <-\n      port: 1")
    message = "services.api.site: the site 'llm' has no domain in prod"
    hint = "set domain in the environment (hosts.toml), or write the whole host name"
    assert problems(write(tmp_path, {"stacks/apps.yml": text})) == (
        Problem(*marked({"stacks/apps.yml": text}), message, hint),
    )
    load(write(tmp_path, {"stacks/apps.yml": stack("{name: llm.example.org, port: 1}")}))


@pytest.mark.parametrize("other", ["llm", "llm.example.org"])
def test_two_sites_of_one_name(other: str, tmp_path: Path) -> None:
    more = f"  web:\n    image: lab/web:1\n    site: {{name: {other}, port: 1}} # <-\n"
    text = stack("{name: llm, port: 1}", more)
    message = f"services.web.site: api on web has the name {other} too (stacks/apps.yml:4), in prod"
    assert problems(write(tmp_path, {"stacks/apps.yml": text, "hosts.toml": WITH_DOMAIN})) == (
        Problem(*marked({"stacks/apps.yml": text}), message, "a name is one site's alone in an environment"),
    )


def test_two_sites_of_one_label_in_two_domains(tmp_path: Path) -> None:
    more = "  web:\n    image: lab/web:1\n    site: {name: llm, port: 1, access: public} # <-\n"
    text = stack("{name: llm, port: 1}", more)
    hosts = WITH_DOMAIN.replace(
        'domain = "example.org"\n    [hosts',
        'domain = "example.org"\n    vpn_domain = "vpn.example.org"\n    [hosts',
    )
    assert "vpn_domain" in hosts
    found = problems(write(tmp_path, {"stacks/apps.yml": text, "hosts.toml": hosts}))
    assert [one.message for one in found] == [
        "services.web.site: api on web has the name llm too (stacks/apps.yml:4), in prod"
    ]


def test_a_site_of_a_stack_that_two_hosts_run(tmp_path: Path) -> None:
    found = problems(
        write(tmp_path, {"stacks/apps.yml": stack("{name: llm, port: 1}"), "hosts.toml": TWO_HOSTS})
    )
    assert [one.message for one in found] == [
        "services.api.site: api on web has the name llm too (stacks/apps.yml:4), in prod"
    ]


def test_a_template_that_names_a_site_which_is_not_there(tmp_path: Path) -> None:
    text = stack("{name: llm, port: 1}", "    env:\n      URL: '{{ sites.llmm.host_name }}' # <-\n")
    message = "services.api.env.URL: there is no site 'llmm' in the environment 'prod'"
    assert problems(write(tmp_path, {"stacks/apps.yml": text, "hosts.toml": WITH_DOMAIN})) == (
        Problem(*marked({"stacks/apps.yml": text}), message, "did you mean 'llm'?"),
    )


@pytest.mark.parametrize(
    "image,paths",
    [
        ("n8nio/n8n:2.0.1", ("/rest/login",)),
        ("docker.n8n.io/n8nio/n8n:{{ vars.domain }}", ("/rest/login",)),
        ("mirror.example.org:5000/hub/grafana/grafana-oss:12.0.1", ("/login",)),
        (
            "nocodb/nocodb:0.260.0",
            ("/api/v1/auth/user/signin", "/api/v2/auth/user/signin", "/auth/user/signin"),
        ),
        ("ghcr.io/berriai/litellm-database:main-v1.81.3", ("/login", "/v2/login")),
        ("acme/other-n8n:1", ()),
        ("{{ vars.domain }}", ()),
    ],
)
def test_login_paths_are_known_by_the_image(image: str, paths: tuple[str, ...], tmp_path: Path) -> None:
    text = stack("{name: llm, port: 1, paths: {login: [/own, /login]}}").replace("lab/api:1", f"'{image}'")
    fleet = load(write(tmp_path, {"stacks/apps.yml": text, "hosts.toml": WITH_DOMAIN}))
    site = fleet.stacks["prod", "apps"].services["api"].site
    assert site is not None
    assert site.paths.login == tuple(dict.fromkeys((*paths, "/own", "/login")))


def test_a_site_differs_by_environment(tmp_path: Path) -> None:
    more = "    overrides: {prod: {site: {access: public, name: open.example.com}}}\n"
    text = stack("{name: llm, port: 4000}", more)
    fleet = load(write(tmp_path, {"stacks/apps.yml": text, "hosts.toml": WITH_DOMAIN}))
    site = fleet.stacks["prod", "apps"].services["api"].site
    assert site == Site(name="open.example.com", port=4000, access="public")
    assert host_name(site, fleet.environment("prod")) == "open.example.com"


def test_the_address_of_a_host_in_the_vpn(tmp_path: Path) -> None:
    def of(addresses: str) -> str:
        return vpn_address(
            load(write(tmp_path, {"hosts.toml": HOSTS.replace('"10.0.0.1"', addresses)})).host("web")
        )

    assert of('"10.0.0.1"') == ""
    assert of('"web.example.org", "10.0.0.1", "100.127.255.1:2222", "100.64.0.1"') == "100.127.255.1"
    assert of('"100.128.0.1", "[fd7a:115c:a1e0::0:5]:22"') == "fd7a:115c:a1e0::5"
    own = HOSTS.replace('stacks = ["apps"]', 'stacks = ["apps"]\n    vpn_address = "10.8.0.1"')
    assert vpn_address(load(write(tmp_path, {"hosts.toml": own})).host("web")) == "10.8.0.1"


@pytest.mark.parametrize(
    "site,good",
    [
        ("{name: llm, port: 4000}", True),
        ("{name: llm.example.org, port: 4000, access: public, paths: {login: [/a, /b/*]}}", True),
        ("{name: llm, port: 4000, acess: vpn}", False),
        ("{name: Llm, port: 4000}", False),
        ("{name: llm, port: 70000}", False),
        ("{name: llm, port: 4000, paths: {logins: [/a]}}", False),
        ("{name: llm, port: 4000, paths: {login: [a]}}", False),
        ("llm", False),
    ],
)
def test_the_schema_knows_a_site(site: str, good: bool) -> None:
    value = read_yaml("x", stack(site).encode()).value
    assert Draft202012Validator(json_schema("stack")).is_valid(value) is good
