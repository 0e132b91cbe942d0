"""Where a value comes from, and what it was laid over."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.inputs.folder import write

from opsctl.errors import UsageError
from opsctl.inputs.explain import explain
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet

HOSTS = """\
    project = "demo"
    vars = { domain = "example.org", port = 80 }
    [environments.prod]
    hosts = ["web", "vpn"]
    vars.domain = "prod.example.org"
    [hosts.web]
    addresses = ["10.0.0.1"]
    user = "deploy"
    memory = "8GiB"
    stacks = ["apps"]
    vars.domain = "web.example.org"
    [hosts.vpn]
    addresses = ["10.0.0.2"]
    """
STACK = """\
    services:
      n8n.io:
        image: lab/n8n:1
        mem_limit: 512M
        env:
          PORT: 80
          KEY: {secret: n8n_key}
        ports: ["80:80"]
        labels: {traefik.enable: "true"}
        overrides:
          prod:
            memory: 1g
            env: {PORT: 8080, KEY: {secret: n8n_prod_key}}
            labels: {traefik.port: "80"}
      api:
        image: "{{ vars.domain }}/api:{{ vars.port }}{{ vars.path | default('') }}"
        env: {URL: "http://{{ host.name }}"}
        checks:
          - {name: up, severity: high, http: {url: "https://{{ vars.domain }}/", from: here}}
    """


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return load(write(tmp_path, {"hosts.toml": HOSTS, "stacks/apps.yml": STACK}))


@pytest.mark.parametrize(
    "path,text",
    [
        ("vars.port", "vars.port = 80\n  hosts.toml:2  [vars]"),
        (
            "vars.domain",
            (
                "vars.domain = differs by host\n"
                "vars.domain on web = web.example.org\n"
                "  hosts.toml:11  [hosts.web.vars]\n"
                "  over hosts.toml:5  [environments.prod.vars]: prod.example.org\n"
                "  over hosts.toml:2  [vars]: example.org\n"
                "vars.domain on vpn = prod.example.org\n"
                "  hosts.toml:5  [environments.prod.vars]\n"
                "  over hosts.toml:2  [vars]: example.org"
            ),
        ),
        ("hosts.web.user", "hosts.web.user = deploy\n  hosts.toml:8  [hosts.web]"),
        ("hosts.web.memory", "hosts.web.memory = 8GiB\n  hosts.toml:9  [hosts.web]"),
        ("hosts.vpn.user", "hosts.vpn.user = not set\n  default"),
        ("hosts.vpn.sudo.files", "hosts.vpn.sudo.files = auto\n  default"),
        ("project", "project = demo\n  hosts.toml:1  hosts.toml"),
        ("n8n.io.image", "n8n.io.image = lab/n8n:1\n  stacks/apps.yml:3  the service"),
        ("services.n8n.io.image", "services.n8n.io.image = lab/n8n:1\n  stacks/apps.yml:3  the service"),
        (
            "n8n.io.env.PORT",
            (
                "n8n.io.env.PORT = 8080\n  stacks/apps.yml:13  overrides of prod\n"
                "  over stacks/apps.yml:6  the service: 80"
            ),
        ),
        (
            "n8n.io.env.KEY",
            (
                "n8n.io.env.KEY = secret n8n_prod_key\n  stacks/apps.yml:13  overrides of prod\n"
                "  over stacks/apps.yml:7  the service: secret n8n_key"
            ),
        ),
        (
            "n8n.io.memory.limit",
            (
                "n8n.io.memory.limit = 1GiB\n  stacks/apps.yml:12  overrides of prod\n"
                "  over stacks/apps.yml:4  the service: 512MiB"
            ),
        ),
        (
            "n8n.io.mem_limit",
            (
                "n8n.io.mem_limit = 1GiB\n  stacks/apps.yml:12  overrides of prod\n"
                "  over stacks/apps.yml:4  the service: 512MiB"
            ),
        ),
        ("n8n.io.ports.0", "n8n.io.ports.0 = 80:80\n  stacks/apps.yml:8  the service"),
        (
            "n8n.io.labels.traefik.enable",
            "n8n.io.labels.traefik.enable = true\n  stacks/apps.yml:9  the service",
        ),
        (
            "n8n.io.labels.traefik.port",
            "n8n.io.labels.traefik.port = 80\n  stacks/apps.yml:14  overrides of prod",
        ),
        ("api.checks.0.severity", "api.checks.0.severity = high\n  stacks/apps.yml:19  the service"),
        ("api.checks.0.http.from", "api.checks.0.http.from = here\n  stacks/apps.yml:19  the service"),
        ("api.checks.0.timeout", "api.checks.0.timeout = 10.0\n  default"),
        ("n8n.io.wait.timeout", "n8n.io.wait.timeout = 120.0\n  default"),
    ],
)
def test_paths(fleet: Fleet, path: str, text: str) -> None:
    assert str(explain(fleet, "prod", path)) == text


@pytest.mark.parametrize(
    "path,message,hint",
    [
        ("n8n.io.env.PROT", "n8n.io.env.PROT: there is no 'PROT' in env", "did you mean 'PORT'?"),
        ("n8n.io.memry", "n8n.io.memry: there is no 'memry' in the service", "did you mean 'memory'?"),
        ("n8n.oi", "n8n.oi: there is no service 'n8n' in prod", "did you mean 'n8n.io'?"),
        ("vars.domian", "there is no variable 'domian' in prod", "did you mean 'domain'?"),
        ("hosts.wbe.user", "hosts.wbe.user: there is no 'wbe' in hosts", "did you mean 'web'?"),
    ],
)
def test_a_path_that_leads_nowhere(fleet: Fleet, path: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(fleet, "prod", path)
    assert str(caught.value).splitlines()[0] == message
    assert caught.value.hint == hint


def test_an_environment_that_is_not_there(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="there is no environment 'prd'"):
        explain(fleet, "prd", "vars.domain")


def test_the_variables_of_a_value_are_explained_too(fleet: Fleet) -> None:
    assert str(explain(fleet, "prod", "api.image")) == (
        "api.image = {{ vars.domain }}/api:{{ vars.port }}{{ vars.path | default('') }}\n"
        "  stacks/apps.yml:16  the service\n"
        "  vars.domain = web.example.org\n"
        "    hosts.toml:11  [hosts.web.vars]\n"
        "    over hosts.toml:5  [environments.prod.vars]: prod.example.org\n"
        "    over hosts.toml:2  [vars]: example.org\n"
        "  vars.port = 80\n"
        "    hosts.toml:2  [vars]"
    )
    assert explain(fleet, "prod", "api.env.URL").uses == ()


def test_a_whole_service_shows_secrets_by_name(fleet: Fleet) -> None:
    found = explain(fleet, "prod", "n8n.io")
    assert '"KEY": "secret n8n_prod_key"' in found.value
    assert str(found.place) == "stacks/apps.yml:11"
