from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.render.fleets import SECRETS, fleet_of, host_of, rendered, secret

from opsctl.errors import InputError, UsageError
from opsctl.model.fleet import Place
from opsctl.render.fleet import render
from opsctl.state.desired import Dependency, DesiredPort, Reaction

PLACES: dict[tuple[str | int, ...], Place] = {("stacks", "apps"): Place("stacks/apps.yml", 1)}
FILE: dict[str, Any] = {"target": "/etc/app/app.conf"}


def problems(raw: Mapping[str, Any], places: Mapping[Any, Place] = PLACES, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        host_of(fleet_of({"app": raw}, places=places, **more))
    return str(caught.value)


def bind(target: str) -> dict[str, Any]:
    """A mount that the engine refuses, rather than fills with an empty folder, when the file is gone."""
    return {
        "type": "bind",
        "source": f"./files/app{target}",
        "target": target,
        "read_only": True,
        "bind": {"create_host_path": False},
    }


# ── what is rendered ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_service_gets_its_defaults_and_the_keys_of_the_stack_file_win() -> None:
    plain = rendered({}).definition
    own = rendered({"restart": "always", "kind": "job"}).definition

    assert plain == {"image": "app:1", "restart": "unless-stopped"}
    assert own["restart"] == "always"
    assert rendered({"kind": "job"}).definition["restart"] == "no"


def test_env_values_are_rendered_with_everything_a_template_knows() -> None:
    env = {
        "PLAIN": "as it is $HOME #",
        "VAR": "{{ vars.greeting }}",
        "HOST": "{{ host.name }} {{ host.address }} {{ hosts['web'].services | join(',') }}",
        "WHERE": "{{ env }} {{ environment }} {{ project }} {{ stack }} {{ service.name }}",
        "OTHER": "{{ services.db.image }} {{ services.db.ports[0].published }}",
        "URL": "postgresql://u:{{ secret('db_password') | urlencode }}@db/x",
        "WHOLE": {"secret": "db_password"},
    }
    fleet = fleet_of(
        {
            "app": {"env": env},
            "db": {"image": "db:{{ vars.version }}", "ports": ["{{ vars.version }}0:5432"]},
        },
        variables={"greeting": "hi", "version": 16},
    )

    host = host_of(fleet)

    assert host.services["app"].env == {
        "PLAIN": "as it is $HOME #",
        "VAR": "hi",
        "HOST": "web 192.0.2.7 app,db",
        "WHERE": "prod prod demo apps app",
        "OTHER": "db:16 160",
        "URL": "postgresql://u:p%24w%27d%2F%C3%BC%231@db/x",
        "WHOLE": "p$w'd/ü#1",
    }
    assert host.env_files == {"app": host.env_files["app"]}, "a service without env has no env file"
    assert b"WHOLE='p$w\\'d/\xc3\xbc#1'\n" in host.env_files["app"]
    assert host.services["app"].definition["env_file"] == ["env/app.env"]
    assert "env_file" not in host.services["db"].definition


def test_compose_keys_are_rendered_at_any_depth_and_other_values_stay() -> None:
    definition = rendered(
        {
            "command": ["a", "{{ vars.x }}"],
            "healthcheck": {"test": "{{ vars.x }} $?", "retries": 3},
            "cpus": 0.5,
        },
        variables={"x": "é"},
    ).definition

    assert definition["command"] == ["a", "é"]
    assert definition["healthcheck"] == {"test": "é $?", "retries": 3}
    assert definition["cpus"] == 0.5


def test_an_anchor_used_in_many_services_is_rendered_for_each() -> None:
    shared = {"options": ["{{ service.name }}"]}

    services = host_of(fleet_of({name: {"logging": shared} for name in ("a", "b")})).services

    assert [services[name].definition["logging"] for name in "ab"] == [{"options": ["a"]}, {"options": ["b"]}]


def test_files_come_from_templates_sources_and_content_and_lie_below_their_service() -> None:
    files = [
        {"target": "/etc/app.conf", "template": "app.conf.j2", "mode": "0640"},
        {"target": "/etc/raw.bin", "source": "raw.bin"},
        {"target": "/etc/motd", "content": "hé {{ host.name }}\n\n"},
    ]
    templates = {
        "app.conf.j2": "{% include 'part.j2' %}\nb\n",
        "part.j2": "{% if true %}\na={{ vars.x }}\n{% endif %}",
        "raw.bin": b"\xff{{",
    }

    service = rendered({"files": files}, templates=templates, variables={"x": 1})

    assert [(file.path, file.content, file.mode) for file in service.files] == [
        ("files/app/etc/app.conf", b"a=1\nb\n", 0o640),
        ("files/app/etc/raw.bin", b"\xff{{", 0o644),
        ("files/app/etc/motd", "hé web\n\n".encode(), 0o644),
    ]
    assert service.definition["volumes"] == [bind("/etc/app.conf"), bind("/etc/raw.bin"), bind("/etc/motd")]


def test_files_mounted_as_a_directory_share_one_mount_of_it() -> None:
    reload = {"mount": "directory", "content": "x", "on_change": {"reload": ["app", "reload"]}}
    checked = {"on_change": {"signal": "SIGHUP", "check": ["app", "{{ host.name }}"]}}
    files = [{**reload, "target": "/etc/app/a"}, {**reload, **checked, "target": "/etc/app/b"}]

    service = rendered({"files": files, "volumes": ["/srv:/srv"]})

    assert service.definition["volumes"] == ["/srv:/srv", bind("/etc/app")]
    assert service.files[0].reaction == Reaction("reload", ("app", "reload"))
    assert service.files[1].reaction == Reaction("signal", signal="SIGHUP", check=("app", "web"))


def test_what_the_plan_needs_is_read_from_the_final_mapping() -> None:
    services: dict[str, dict[str, Any]] = {
        "db": {
            "volumes": ["data:/data", "./x:/x", "/y:/y", {"type": "volume", "source": "more", "target": "/m"}]
        },
        "app": {
            "ports": [80, "8080:80", "127.0.0.1:53:53/udp", {"target": 1, "published": "90"}],
            "network_mode": "service:db",
            "volumes_from": ["db:ro", "container:other"],
            "container_name": "the-app",
            "mem_limit": "1.5g",
            "memory": {"reservation": "100MiB", "peak": 5},
            "depends_on": {"db": {"condition": "service_healthy", "restart": True}},
            "wait": {"timeout": "3m", "settle": 2},
        },
    }

    host = host_of(fleet_of(services, volumes={"data": {}, "more": {}, "unused": {}}))
    app, db = host.services["app"], host.services["db"]

    assert db.volumes == ("data", "more")
    assert (db.networks, app.networks) == (("default",), ())
    assert app.ports == (DesiredPort("", 8080), DesiredPort("127.0.0.1", 53, "udp"), DesiredPort("", 90))
    assert app.shares == {"db"}
    assert app.container_name == "the-app"
    assert (app.memory_limit, app.memory_reservation, app.memory_peak) == (1536 * 1024**2, 100 * 1024**2, 5)
    assert app.definition["mem_limit"] == "1536m"
    assert app.depends_on == {"db": Dependency("service_healthy", restart=True)}
    assert (app.health_timeout, app.settle) == (180.0, 2.0)
    assert (app.stack, app.kind, app.on_demand) == ("apps", "service", False)


def test_memory_joins_the_other_limits_where_there_are_some() -> None:
    service = rendered(
        {"deploy": {"resources": {"limits": {"cpus": "1", "memory": "1g"}}}, "mem_reservation": "8m"}
    )

    assert service.definition["deploy"] == {"resources": {"limits": {"cpus": "1", "memory": "1g"}}}
    assert "mem_limit" not in service.definition
    assert service.definition["mem_reservation"] == "8m"
    assert (service.memory_limit, service.memory_reservation) == (1024**3, 8 * 1024**2)


def test_networks_of_several_services_with_the_implied_one() -> None:
    host = host_of(
        fleet_of({"a": {"networks": {"back": {"aliases": ["x"]}}}, "b": {}}, networks={"back": {}})
    )

    assert host.services["a"].networks == ("back",)
    assert host.networks == {"back": {}, "default": {}}
    assert (host.project, host.directory, host.name) == ("demo", "/opt/demo", "web")


def test_labels_in_list_form_become_a_mapping_of_text() -> None:
    assert rendered({"labels": ["a=b=c", "d"]}).definition["labels"] == {"a": "b=c", "d": ""}
    assert rendered({"labels": {"a": 1, "b": True, "c": None}}).definition["labels"] == {
        "a": "1",
        "b": "true",
        "c": "",
    }


def test_a_projects_own_compose_template_changes_what_it_names() -> None:
    template = (
        '{% extends "opsctl/compose.yml.j2" %}'
        '{% block service %}{{ mapping | combine({"init": true, "cpus": loop.index}) | to_json }}{% endblock %}'
        '{% block networks %}{{ compose.networks | combine({"extra": {}}) | to_json }}{% endblock %}'
    )

    host = host_of(fleet_of({"b": {}, "a": {}}, templates={"compose.yml.j2": template}))

    assert host.services["a"].definition == {
        "image": "app:1",
        "restart": "unless-stopped",
        "init": True,
        "cpus": 1,
    }
    assert host.networks == {"default": {}, "extra": {}}


def test_a_projects_own_compose_template_may_be_yaml() -> None:
    template = "services:\n  app:\n    image: {{ compose.services.app.image }}\n    ports: [80:80]\nx-note: &a {b: 1}\n"

    service = rendered({}, templates={"compose.yml.j2": template})

    assert service.definition == {"image": "app:1", "ports": ["80:80"]}


def test_the_same_fleet_gives_equal_results_and_a_local_host_the_state_folder() -> None:
    fleet = fleet_of({"a": {"env": {"X": "{{ secret('api_key') }}"}}})
    local = fleet.hosts_file.model_copy(
        update={"hosts": {"web": fleet.host("web").model_copy(update={"connection": "local"})}}
    )

    assert render(fleet, "prod", secret) == render(fleet, "prod", secret)
    here = type(fleet)(fleet.root, local, fleet.stacks, fleet.places)
    assert render(here, "prod", secret, state_folder="/home/me/.local/state/opsctl").hosts[0].directory == (
        "/home/me/.local/state/opsctl/demo"
    )


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_problem_is_told_at_once_with_its_place() -> None:
    places: dict[tuple[str | int, ...], Place] = {
        ("stacks", "apps"): Place("stacks/apps.yml", 1),
        ("stacks", "apps", "services", "app", "env", "A"): Place("stacks/apps.yml", 7),
        ("stacks@prod", "apps", "services", "app", "env", "B"): Place("stacks/apps.yml", 30),
        ("stacks", "apps", "services", "app", "env", "B"): Place("stacks/apps.yml", 8),
        ("stacks", "apps", "services", "app", "command"): Place("stacks/apps.yml", 9),
    }
    raw = {"env": {"A": "{{ vars.greting }}", "B": "{{ hots.name }}"}, "command": "{{ 1 / 0 }}"}

    text = problems(raw, places, variables={"greeting": "x"})

    assert text.splitlines() == [
        "stacks/apps.yml:7: 'dict object' has no attribute 'greting'",
        "    hint: did you mean 'greeting'?",
        "stacks/apps.yml:9: ZeroDivisionError: division by zero",
        "stacks/apps.yml:30: 'hots' is undefined",
        "    hint: did you mean 'hosts'?",
        "",
        "3 problems in the project's files",
    ]


def test_an_undefined_name_in_a_template_is_told_with_the_templates_line() -> None:
    templates = {"a.j2": "one\n{% include 'sub/b.j2' %}\n", "sub/b.j2": "\n\n{{ vars.nope }}\n"}

    text = problems({"files": [{**FILE, "template": "a.j2"}]}, templates=templates, variables={"name": "x"})

    assert text.startswith("templates/sub/b.j2:3: 'dict object' has no attribute 'nope'\n    hint: ")


@pytest.mark.parametrize(
    "template, expected",
    [
        ("ok\n{% if %}\n", "templates/a.j2:2: Expected an expression"),
        ("\n{{ x | nofilter }}", "templates/a.j2:2: No filter named 'nofilter'"),
        (
            "{% include 'b.j2' %}",
            "templates/a.j2:1: there is no template 'b.j2'\n    hint: did you mean 'a.j2'?",
        ),
        ("{{ ''.__class__.__mro__ }}", "templates/a.j2:1: access to attribute '__class__'"),
        ("{% set x = [] %}{{ x.append(1) }}", "templates/a.j2:1: "),
        ("{{ vars.x | mandatory('set x') }}", "templates/a.j2:1: set x"),
        (b"\xff", "templates/a.j2: a template is UTF-8 text\n    hint: mount bytes with `source`"),
    ],
)
def test_what_a_template_gets_wrong(template: str | bytes, expected: str) -> None:
    assert problems({"files": [{**FILE, "template": "a.j2"}]}, templates={"a.j2": template}).startswith(
        expected
    )


def test_a_template_or_source_that_is_not_there_is_told_where_it_is_named() -> None:
    files = [{"target": "/a", "template": "app.cnf.j2"}, {"target": "/b", "source": "raw.bn"}]

    text = problems({"files": files}, templates={"app.conf.j2": "", "raw.bin": b""})

    assert (
        "stacks/apps.yml:1: there is no template 'app.cnf.j2'\n    hint: did you mean 'app.conf.j2'?" in text
    )
    assert "stacks/apps.yml:1: there is no file templates/raw.bn\n    hint: did you mean 'raw.bin'?" in text


def test_a_line_within_a_long_text_is_told() -> None:
    assert "in line 3 of this text: 'x' is undefined" in problems({"env": {"A": "1\n2\n{{ x }}\n"}})


@pytest.mark.parametrize(
    "raw",
    [
        {"image": "x:{{ secret('api_key') }}"},
        {"command": "{{ secret('api_key') }}"},
        {"labels": ["{{ secret('api_key') }}"]},
    ],
)
def test_secrets_have_no_place_in_compose_yml(raw: dict[str, Any]) -> None:
    text = problems(raw)

    assert "secret() may be used in env values and in files only" in text
    assert "hint: put the value into `env`" in text


def test_secrets_have_no_place_in_the_compose_template() -> None:
    template = "{{ secret('api_key') }}"

    assert "templates/compose.yml.j2:1: secret() may" in problems({}, templates={"compose.yml.j2": template})


def test_a_secret_the_store_does_not_have_is_told_where_it_is_asked_for() -> None:
    def missing(name: str) -> str:
        raise UsageError(f"there is no secret {name!r}", hint="opsctl secrets set it")

    fleet = fleet_of({"app": {"env": {"A": {"secret": "x"}, "B": "{{ secret('y') }}"}}}, places=PLACES)
    with pytest.raises(InputError) as caught:
        render(fleet, "prod", missing)

    assert "stacks/apps.yml:1: there is no secret 'x'\n    hint: opsctl secrets set it" in str(caught.value)
    assert "stacks/apps.yml:1: there is no secret 'y'" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ {}[secret('db_password')] }}",
        "{{ vars[secret('db_password')] }}",
        "{{ secret('db_password').nope() }}",
        "{{ secret('db_password') | to_yaml | nope }}",
        "{% include secret('db_password') %}",
        "{{ secret('db_password') / 2 }}",
        "{{ secret('db_password')\n }}\n{{ x",
        "{{ secret('db_password') }}\n",
    ],
)
def test_no_message_holds_a_secret_whatever_a_template_does_with_it(text: str) -> None:
    with pytest.raises(InputError) as caught:
        host_of(fleet_of({"app": {"env": {"A": text}}}))

    for form in (SECRETS["db_password"], repr(SECRETS["db_password"])[1:-1]):
        assert form not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "raw, expected",
    [
        ({"env": {"A": "a\nb"}}, "A: the value holds a newline"),
        ({"command": "echo $$HOME"}, "`$$` is Compose's spelling of one `$`"),
        (
            {"files": [{"target": "/{{ vars.no }}/x", "mount": "directory", "content": ""}]},
            "is not a plain absolute path",
        ),
        ({"files": [{"target": "/x{{ vars.colon }}", "content": ""}]}, "has a colon"),
        ({"files": [{"target": "/x{{ '%c' | format(92) }}", "content": ""}]}, "has a backslash"),
        (
            {"files": [{"target": "/x", "content": ""}, {"target": "/x{{ vars.no }}", "content": ""}]},
            "/x is mounted twice",
        ),
        ({"ports": ["web:80"]}, "'web:80' is not a port"),
        ({"labels": {"opsctl.x": "1"}}, "labels that begin with 'opsctl.' belong to opsctl: opsctl.x"),
        (
            {"networks": ["bak"]},
            "app names the network 'bak', which web does not have\n    hint: did you mean 'back'?",
        ),
        (
            {"volumes": ["dta:/x"]},
            "app names the volume 'dta', which web does not have\n    hint: did you mean 'data'?",
        ),
        (
            {"network_mode": "service:ap"},
            "app names the service 'ap', which web does not have\n    hint: did you mean 'app'?",
        ),
        ({"image": "{{ '' }}"}, "the service has no image"),
    ],
)
def test_what_cannot_be_meant_is_refused(raw: dict[str, Any], expected: str) -> None:
    assert expected in problems(
        raw, networks={"back": {}}, volumes={"data": {}}, variables={"no": "", "colon": ":"}
    )


@pytest.mark.parametrize(
    "template, expected",
    [
        ("services: {}", "the compose template leaves out the service 'app'"),
        ("services: {app: {image: a}, ap: {image: a}}", "the compose template adds the service 'ap'"),
        ("services: {app: {image: a}}\nconfigs: {}", "top-level key 'configs'"),
        ("name: other\nservices: {app: {image: a}}", "is named 'other', the project is 'demo'"),
        ("services: {app: 3}", "`services.app` of the rendered Compose file is not a mapping"),
        ("services: 3", "`services` of the rendered Compose file is not a mapping"),
        ("- a", "the rendered Compose file is not a mapping"),
        ("a: 'x\n", "not YAML"),
    ],
)
def test_a_compose_template_that_loses_its_way_is_told(template: str, expected: str) -> None:
    text = problems({}, templates={"compose.yml.j2": template})

    assert text.startswith("templates/compose.yml.j2")
    assert expected in text


def test_networks_that_two_stacks_define_differently_are_a_conflict() -> None:
    one = fleet_of(
        {"app": {}},
        networks={"back": {"driver": "bridge"}},
        places={("stacks", "apps"): Place("stacks/apps.yml", 9)},
    )
    two = fleet_of({"other": {}}, networks={"back": {"internal": True}}).stacks["prod", "apps"]
    host = one.host("web").model_copy(update={"stacks": ("apps", "more")})
    file = one.hosts_file.model_copy(update={"hosts": {"web": host}})
    places = {**one.places, ("stacks", "more"): Place("stacks/more.yml", 3)}

    with pytest.raises(InputError) as caught:
        host_of(type(one)(one.root, file, {**one.stacks, ("prod", "more"): two}, places))

    assert "stacks/more.yml:3: network 'back' is defined otherwise at stacks/apps.yml:9" in str(caught.value)


def test_image_and_ports_cannot_use_what_is_made_of_them() -> None:
    assert "1: services cannot be used in image and ports" in problems({"image": "{{ services.app.image }}"})


def test_an_unknown_environment_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no environment 'prd'") as caught:
        render(fleet_of({}), "prd", secret)

    assert caught.value.hint == "did you mean 'prod'?"
