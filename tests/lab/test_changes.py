"""Only what changed is touched, and the plan says why: on real engines, over real SSH."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.lab.site import Site

STACK = """
    x-quick: &quick {interval: 1s, timeout: 2s, retries: 20}
    services:
      db:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        healthcheck: {<<: *quick, test: [CMD, "true"]}
        networks: [back]
        env: {PGDATA: /data}
      api:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        healthcheck: {<<: *quick, test: [CMD, "true"]}
        networks: [back, front]
        depends_on: {db: {condition: service_healthy, restart: true}}
        env:
          GREETING: hello
          PRICE: "5$ and ${NOT_A_VARIABLE} # 'quoted' \\\\"
          TOKEN: {secret: api_token}
        files:
          - {target: /etc/api.conf, content: "mode = one\\n"}
      web:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        networks: [front]
        wait: {settle: 1s}
        command: [sh, -c, "trap 'exit 0' TERM; sleep 100000 & wait"]
    networks:
      back: {}
      front: {}
"""


@pytest.fixture
def running(site: Site) -> Site:
    site.hosts_toml({"lab-app": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy()
    return site


def test_the_values_of_an_env_file_reach_the_container_as_they_were_written(running: Site) -> None:
    env = running.container("api").env
    assert env["PRICE"] == "5$ and ${NOT_A_VARIABLE} # 'quoted' \\"
    assert len(env["TOKEN"]) == 32


def test_a_second_deploy_changes_nothing(running: Site) -> None:
    before = running.snapshot()
    run = running.deploy()
    assert running.snapshot() == before
    assert "nothing to do" in run.text
    assert "nothing to do" in running.plan("--exit-code").text


def only(site: Site, changed: str, plan: str) -> None:
    """Deploy, and hold the plan and the hosts against "exactly this one container"."""
    before = {name: site.container(name) for name in ("db", "api", "web")}
    assert plan in site.plan("--exit-code", code=4).text
    site.deploy()
    after = {name: site.container(name) for name in before}
    assert {name for name in before if before[name].id != after[name].id} == {changed}
    assert not {name for name in before if name != changed and before[name].started != after[name].started}
    site.plan("--exit-code")


def test_one_variable_recreates_exactly_its_container(running: Site) -> None:
    running.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")
    only(running, "api", "recreate  api")
    assert running.container("api").env["GREETING"] == "bonjour"


def test_the_plan_names_the_key(running: Site) -> None:
    running.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")
    assert "env: GREETING changed" in running.plan().text


def test_one_mounted_file_recreates_exactly_its_container_which_sees_the_new_one(running: Site) -> None:
    running.edit("stacks/apps.yml", "mode = one", "mode = two")
    only(running, "api", "file /etc/api.conf")
    pid = running.container("api").pid
    seen = running.host().run(["cat", f"/proc/{pid}/root/etc/api.conf"])
    assert seen.stdout == b"mode = two\n"


def test_an_image_recreates_exactly_its_container(running: Site) -> None:
    running.edit(
        "stacks/apps.yml",
        'image: "{{ vars.registry }}/sleeper:1.0.0"\n    networks: [front]',
        'image: "{{ vars.registry }}/whoami:1.0.0"\n    networks: [front]',
    )
    only(running, "web", "/lab/sleeper:1.0.0 -> ")
    assert running.container("web").facts["Config"]["Image"].endswith("/lab/whoami:1.0.0")


def test_a_definition_key_recreates_exactly_its_container(running: Site) -> None:
    running.edit("stacks/apps.yml", "wait: {settle: 1s}", "wait: {settle: 1s}\n    shm_size: 32m")
    only(running, "web", "definition: shm_size")
    assert running.container("web").facts["HostConfig"]["ShmSize"] == 32 * 1024**2


def test_a_network_takes_down_only_those_attached_to_it(running: Site) -> None:
    running.edit("stacks/apps.yml", "back: {}", "back: {internal: true}")
    web = running.container("web")
    found = running.plan("--exit-code", code=4).text
    assert f"network {running.project}_back" in found
    assert "goes down: api, db" in found
    running.deploy()
    (facts,) = json.loads(running.host().docker("network", "inspect", f"{running.project}_back"))
    assert facts["Internal"] is True
    assert len(facts["Containers"]) == 2
    assert running.container("web").id == web.id
    running.plan("--exit-code")


def test_restart_keeps_the_old_environment_and_deploy_does_not(running: Site) -> None:
    """The audit's worst bug, Compose 5.6.1: `docker compose restart` never reads env_file again."""
    running.put("env/api.env", running.read("env/api.env").replace("hello", "bonjour"))
    running.typed("restart", "api")
    assert running.container("api").env["GREETING"] == "hello"
    running.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")
    running.deploy()
    assert running.container("api").env["GREETING"] == "bonjour"


def test_an_env_file_edited_and_applied_by_hand_is_mended_in_the_container(running: Site) -> None:
    running.put("env/api.env", running.read("env/api.env").replace("hello", "oops"))
    running.typed("up", "-d")
    assert running.container("api").env["GREETING"] == "oops"
    found = running.plan().text
    assert "env: GREETING edited on the host" in found
    running.deploy("--keep-host-edits", code=4)
    assert running.container("api").env["GREETING"] == "oops"
    running.deploy()
    assert running.container("api").env["GREETING"] == "hello"
    running.plan("--exit-code")


def test_a_mounted_file_edited_in_place_is_mended_in_the_container(running: Site) -> None:
    running.put("files/api/etc/api.conf", "mode = oops\n")
    assert "file /etc/api.conf edited on the host" in running.plan().text
    running.deploy()
    inner = running.host().run(["cat", f"/proc/{running.container('api').pid}/root/etc/api.conf"])
    assert inner.stdout == b"mode = one\n"


def test_a_typed_up_agrees_with_a_deploy(running: Site) -> None:
    before = running.snapshot()
    running.typed("up", "-d")
    assert running.snapshot() == before


def test_a_dependent_with_restart_follows_when_it_is_owed(running: Site) -> None:
    """Compose 5.6.1 does not restart it after `up --no-deps`, nor ever after."""
    before = running.container("api")
    running.edit("stacks/apps.yml", "PGDATA: /data", "PGDATA: /other")
    running.deploy()
    after = running.container("api")
    assert after.id == before.id
    assert after.started > running.container("db").facts["Created"] > before.started
    running.plan("--exit-code")


def test_a_narrowed_deploy_leaves_the_rest_alone_also_against_a_typed_up(running: Site) -> None:
    db, web = running.container("db").id, running.container("web").id
    running.edit("stacks/apps.yml", "GREETING: hello", "GREETING: bonjour")
    running.edit("stacks/apps.yml", "wait: {settle: 1s}", "wait: {settle: 1s}\n    shm_size: 32m")
    run = running.deploy("api")
    assert "pending   web: recreate (definition: shm_size)" in run.text
    running.typed("up", "-d")
    assert (running.container("db").id, running.container("web").id) == (db, web)
    assert running.container("api").env["GREETING"] == "bonjour"
    running.deploy()
    assert running.container("web").id != web


def test_labels_hold_keyed_hashes_and_nothing_that_moves(running: Site) -> None:
    labels = {
        key: value for key, value in running.container("api").labels.items() if key.startswith("opsctl.")
    }
    assert set(labels) == {"opsctl.definition-hash", "opsctl.env-hash", "opsctl.files-hash"}
    env = running.read("env/api.env").encode()
    assert hashlib.sha256(env).hexdigest()[:32] not in labels.values()


def test_an_exited_container_is_started_with_its_cause(running: Site) -> None:
    running.host().docker("kill", running.container("web").id)
    assert "start     web" in running.plan().text
    assert "exited 137" in running.plan().text
    running.deploy()
    assert running.container("web").facts["State"]["Running"]


def test_strays_are_shown_and_left_alone(running: Site) -> None:
    web = running.container("web").id
    running.edit("stacks/apps.yml", "\n  web:\n", "\n  other:\n")
    run = running.deploy()
    assert f"stray container {running.project}-web-1" in run.text
    assert running.container("web").id == web
