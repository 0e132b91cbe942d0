"""A project that is right, and what the fleet says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.inputs.folder import write

from opsctl.errors import UsageError
from opsctl.inputs.hosts_file import find_root
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet, Place
from opsctl.model.stack import DependsOn, FileSpec, Memory, OnChange, SecretRef, Service

TWO_ENVIRONMENTS = """\
    project = "demo"
    default_environment = "prod"
    [vars]
    domain = "example.org"
    [environments.prod]
    hosts = ["web"]
    require_pins = true
    [environments.stage]
    hosts = ["try"]
    vars.domain = "stage.example.org"
    [hosts.web]
    addresses = ["10.0.0.1", "web.example.org:2222", "[fd00::1]:22"]
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0YW5kb21ieXRlc2hlcmVmb3J0aGV0ZXN0 root@web"
    user = "deploy"
    memory = "8GiB"
    stacks = ["apps"]
    vars = { replicas = 2 }
    [hosts.try]
    connection = "local"
    stacks = ["apps"]
    """
STACK = """\
    x-common: &common
      restart: unless-stopped
      logging: {driver: json-file}
    services:
      api:
        <<: *common
        image: lab/api:1
        restart: always
        memory: 512M
        env:
          PORT: 8080
          DEBUG: false
          TOKEN: {secret: api_token}
        overrides:
          stage:
            env: {PORT: 9090, LEVEL: debug}
            ports: ["81:80"]
            memory: {reservation: 128M}
        ports: ["80:80"]
    """
PASTED = """\
    services:
      n8n:
        image: docker.n8n.io/n8nio/n8n:1.90.2
        container_name: n8n
        restart: unless-stopped
        ports:
          - "127.0.0.1:5678:5678"
        environment:
          - N8N_HOST=n8n.example.com
          - N8N_PORT=5678
          - EMPTY=
          - DB_URL=postgres://a:b@db/n8n?sslmode=disable
        mem_limit: 768m
        mem_reservation: 256m
        volumes:
          - n8n_data:/home/node/.n8n
          - ./local-files:/files:ro
        depends_on:
          - db
        networks: [back]
        healthcheck:
          test: ["CMD-SHELL", "wget -qO- http://localhost:5678/healthz || exit 1"]
          interval: 30s
          start_period: 1m
        logging:
          driver: json-file
          options: {max-size: "10m"}
        labels:
          - traefik.enable=true
      db:
        image: postgres:16-alpine
        environment:
          POSTGRES_USER: n8n
          POSTGRES_PASSWORD: n8n
        volumes:
          - {type: volume, source: db_data, target: /var/lib/postgresql/data}
        deploy:
          resources:
            limits: {memory: 1G, cpus: "0.5"}
            reservations: {memory: 256M}
        networks:
          back: {aliases: [postgres]}
    networks:
      back:
    volumes:
      n8n_data:
      db_data: {external: true, name: old_db}
    """


def service(fleet: Fleet, name: str, environment: str = "prod", stack: str = "apps") -> Service:
    return fleet.stacks[environment, stack].services[name]


def test_the_root_is_the_nearest_folder_upwards_with_hosts_toml(tmp_path: Path) -> None:
    write(tmp_path, {})
    inner = tmp_path / "templates" / "caddy"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path.resolve()


def test_without_hosts_toml_there_is_no_root(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no hosts\.toml in .* or any folder above it") as caught:
        find_root(tmp_path)
    assert caught.value.hint


def test_loading_a_folder_without_hosts_toml_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*hosts\.toml: No such file"):
        load(tmp_path)


def test_a_project_needs_neither_stacks_nor_templates(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text('project = "demo"\nenvironments = {}\nhosts = {}\n')
    assert load(tmp_path).stacks == {}


def test_hosts_have_their_values_and_defaults(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"hosts.toml": TWO_ENVIRONMENTS, "stacks/apps.yml": STACK}))
    web, local = fleet.host("web"), fleet.host("try")
    assert web.addresses == ("10.0.0.1", "web.example.org:2222", "[fd00::1]:22")
    assert web.host_key[0].split()[0] == "ssh-ed25519"
    assert web.memory == 8 * 1024**3
    assert (local.connection, local.addresses) == ("local", ())
    assert fleet.environment("prod").require_pins
    assert fleet.variables("stage", "try") == {"domain": "stage.example.org"}
    assert fleet.variables("prod", "web") == {"domain": "example.org", "replicas": 2}


def test_overrides_are_merged_before_the_service_is_read(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"hosts.toml": TWO_ENVIRONMENTS, "stacks/apps.yml": STACK}))
    prod, stage = service(fleet, "api"), service(fleet, "api", "stage")
    assert prod.env == {"PORT": "8080", "DEBUG": "false", "TOKEN": SecretRef(secret="api_token")}
    assert stage.env == {**prod.env, "PORT": "9090", "LEVEL": "debug"}
    assert (prod.compose["ports"], stage.compose["ports"]) == (["80:80"], ["81:80"])
    assert prod.memory == Memory(limit=512 * 1024**2)
    assert stage.memory == Memory(limit=512 * 1024**2, reservation=128 * 1024**2)


def test_anchors_and_merge_keys_work_and_extensions_are_dropped(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"hosts.toml": TWO_ENVIRONMENTS, "stacks/apps.yml": STACK}))
    assert service(fleet, "api").compose == {
        "restart": "always",
        "logging": {"driver": "json-file"},
        "ports": ["80:80"],
    }


def test_places_of_overrides_point_into_the_override(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"hosts.toml": TWO_ENVIRONMENTS, "stacks/apps.yml": STACK}))
    api = ("apps", "services", "api")
    assert fleet.places["stacks", *api, "env", "PORT"] == Place("stacks/apps.yml", 11)
    assert fleet.places["stacks@stage", *api, "env", "PORT"] == Place("stacks/apps.yml", 16)
    assert fleet.places["stacks@stage", *api, "compose", "ports", 0] == Place("stacks/apps.yml", 17)
    assert fleet.places["stacks@stage", *api, "ports", 0] == Place("stacks/apps.yml", 17)
    assert fleet.places["stacks", *api, "memory", "limit"] == Place("stacks/apps.yml", 9)
    assert fleet.places["stacks", *api, "compose", "logging"] == Place("stacks/apps.yml", 3)
    assert fleet.place("hosts", "web", "addresses", 1) == Place("hosts.toml", 12)


def test_a_service_pasted_from_a_compose_file_loads(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"stacks/apps.yml": PASTED}))
    n8n, db = service(fleet, "n8n"), service(fleet, "db")
    assert n8n.env == {
        "N8N_HOST": "n8n.example.com",
        "N8N_PORT": "5678",
        "EMPTY": "",
        "DB_URL": "postgres://a:b@db/n8n?sslmode=disable",
    }
    assert n8n.memory == Memory(limit=768 * 1024**2, reservation=256 * 1024**2)
    assert n8n.depends_on == {"db": DependsOn()}
    assert set(n8n.compose) == {
        "container_name", "restart", "ports", "volumes", "networks", "healthcheck", "logging", "labels"
    }  # fmt: skip
    assert db.memory == Memory(limit=1024**3, reservation=256 * 1024**2)
    assert db.compose["deploy"] == {"resources": {"limits": {"cpus": "0.5"}}}
    assert fleet.stacks["prod", "apps"].volumes == {
        "n8n_data": {},
        "db_data": {"external": True, "name": "old_db"},
    }


def test_files_are_read_with_their_reactions(tmp_path: Path) -> None:
    stack = """\
        services:
          caddy:
            image: lab/caddy:1
            files:
              - template: caddy/Caddyfile.j2
                target: /etc/caddy/Caddyfile
                mount: directory
                on_change: {reload: [caddy, reload, --config, /etc/caddy/Caddyfile]}
              - {source: caddy/logo.png, target: /srv/logo.png, mode: "0600", on_change: recreate}
              - {content: "on {{ host.name }}", target: /srv/x/where, mount: directory, on_change: {signal: SIGHUP}}
              - {content: "", target: /srv/y/empty, mode: 0640, mount: directory, on_change: none}
        """
    fleet = load(
        write(
            tmp_path,
            {
                "stacks/apps.yml": stack,
                "templates/caddy/Caddyfile.j2": "{{ vars.domain }} { respond ok }\n",
                "templates/caddy/logo.png": b"\x89PNG\xff",
            },
        )
    )
    caddyfile, logo, where, empty = service(fleet, "caddy").files
    reload = OnChange(kind="reload", command=("caddy", "reload", "--config", "/etc/caddy/Caddyfile"))
    assert caddyfile == FileSpec(
        template="caddy/Caddyfile.j2", target="/etc/caddy/Caddyfile", mount="directory", on_change=reload
    )
    assert (logo.mode, logo.on_change) == (0o600, OnChange())
    assert where.on_change == OnChange(kind="signal", signal="SIGHUP")
    assert (empty.content, empty.mode, empty.on_change.kind) == ("", 0o640, "none")
    assert fleet.templates["caddy/logo.png"] == b"\x89PNG\xff"


def test_only_stacks_that_hosts_use_are_in_the_fleet(tmp_path: Path) -> None:
    fleet = load(write(tmp_path, {"stacks/spare.yml": "services: {spare: {image: x}}\n"}))
    assert set(fleet.stacks) == {("prod", "apps")}


def test_a_host_in_no_environment_is_noted(tmp_path: Path) -> None:
    hosts = (
        'project = "demo"\nenvironments = {}\n[hosts.spare]\naddresses = ["10.0.0.9"]\nstacks = ["apps"]\n'
    )
    assert load(write(tmp_path, {"hosts.toml": hosts})).notes == ("the host 'spare' is in no environment",)


@pytest.mark.parametrize(
    "one,two",
    [
        ("'80:80'", "'80:80/udp'"),
        ("'127.0.0.1:80:80'", "'10.0.0.1:80:80'"),
        ("'0.0.0.0:80:80'", "'[::]:80:80'"),
        ("'8000-8004:80-84'", "'8005:80'"),
        ("'80'", "'80'"),
        ("'{{ vars.port }}:80'", "'{{ vars.port }}:80'"),
    ],
)
def test_ports_that_do_not_clash(tmp_path: Path, one: str, two: str) -> None:
    hosts = 'project = "demo"\nvars = {port = 80}\n[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["a"]\nstacks = ["apps"]\n'
    stack = f"services:\n  a: {{image: x, ports: [{one}]}}\n  b: {{image: x, ports: [{two}]}}\n"
    assert load(write(tmp_path, {"hosts.toml": hosts, "stacks/apps.yml": stack}))


@pytest.mark.parametrize(
    "text",
    [
        "{{ env }} {{ environment }} {{ project }} {{ stack }} {{ service.name }}",
        "{{ host.name }} {{ hosts.web.address }} {% for name in hosts %}{{ hosts[name].address }}{% endfor %}",
        "{{ services.api.image }} {{ vars.get('x') }} {{ vars.items() | list }}",
        "{{ secret('api_token') | urlencode | b64encode }}",
        "{% set own = vars.domain %}{{ own | regex_replace('a', 'b') }}{% for i in range(3) %}{{ i }}{% endfor %}",
        "{{ vars.maybe | default('x') }} {% if vars.maybe is defined %}{{ vars.domain }}{% endif %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}",
    ],
)
def test_names_that_templates_may_use(tmp_path: Path, text: str) -> None:
    stack = "services:\n  api:\n    image: x\n    files: [{template: a.j2, target: /a}]\n"
    assert load(write(tmp_path, {"stacks/apps.yml": stack, "templates/a.j2": text}))


def test_a_dependency_may_stand_in_another_stack_of_the_host(tmp_path: Path) -> None:
    hosts = 'project = "demo"\n[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["a"]\nstacks = ["data", "apps"]\n'
    files = {
        "hosts.toml": hosts,
        "stacks/apps.yml": "services: {api: {image: x, depends_on: [db], networks: [back]}}\n",
        "stacks/data.yml": "services: {db: {image: x, networks: [back]}}\nnetworks: {back: {}}\n",
    }
    assert list(load(write(tmp_path, files)).stacks_of("prod", "web")) == ["data", "apps"]
