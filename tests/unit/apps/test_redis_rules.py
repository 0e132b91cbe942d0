"""Each rule of Redis: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked, places
from tests.unit.apps.redises import CONF, SERVICE, USERS, findings, project
from tests.unit.render.fleets import fleet_of

from opsctl.apps.redis.app import REDIS as APP
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder
from opsctl.rules.engine import apply
from opsctl.rules.subject import Subject

Edits = list[tuple[str, str]]

CACHE: Edits = [("noeviction", "allkeys-lru"), ("persistence: aof", "persistence: none")]
COMMAND = "command: [redis-server, /etc/redis/redis.conf]"
PROBE = "test: [CMD, redis-cli, -e, --user, probe, ping]"
DEFAULT = "user default on >{{ secret('redis_password') }}"
CASES: dict[str, tuple[Edits, Edits, Edits]] = {
    "RDS001": ([], [("aclfile", 'masteruser "x  # <-\naclfile')], []),
    "RDS002": ([("  maxmemory: 192MiB\n", "")], [("maxmemory {{ service.settings.maxmemory }}", "maxmemory 0  # <-")], []),
    "RDS003": ([("192MiB\n", "448MiB\n")], [("settings.maxmemory }}", "settings.maxmemory }} {{ '' if '<-' }}")], []),
    "RDS004": ([("limit: 448MiB", "limit: 399MiB")], [("settings.maxmemory }}", "settings.maxmemory }} {{ '' if '<-' }}")], []),
    "RDS005": ([("persistence: aof", "persistence: none")], [("maxmemory_policy }}", "maxmemory_policy }} {{ '' if '<-' }}")], []),
    "RDS006": ([("noeviction", "allkeys-lfu")], [("maxmemory_policy }}", "maxmemory_policy }} {{ '' if '<-' }}")], []),
    "RDS007": ([], [], [(DEFAULT, "user default on nopass"), ("+@all\nuser probe", "+@all {{ '' if '<-' }}\nuser probe")]),
    "RDS008": ([], [("aclfile", "requirepass {{ secret('redis_password') }} {{ '' if '<-' }}\naclfile")], []),
    "RDS009": ([(COMMAND, COMMAND[:-1] + ", --masterauth, hunter2] # <-")], [], []),
    "RDS010": ([("healthcheck:", "healthcheck:  # <-"), (PROBE, "test: redis-cli -e -a hunter2 ping")], [], []),
    "RDS011": ([("healthcheck:", "healthcheck:  # <-"), (PROBE, PROBE.replace("-e, ", ""))], [], []),
    "RDS012": ([("volumes: [redis:/data]", "volumes: [redis:/var/lib/redis]")], [("yes", "yes {{ '' if '<-' }}")], []),
    "RDS013": ([("redis:8.2-bookworm", "redis:8.0-bookworm  # <-")], [], []),
    "RDS014": ([("192MiB\n", "192MiB # <-\n")], [("{{ service.settings.maxmemory }}", "100mb")], []),
}  # fmt: skip


def made(root: Path, service: Edits = [], conf: Edits = [], users: Edits = []) -> Path:  # noqa: B006 - only read
    return project(
        root, service=changed(SERVICE, service), conf=changed(CONF, conf), users=changed(USERS, users)
    )


def ids(root: Path) -> list[str]:
    return [one.rule.id for one in findings(root)]


def test_the_pages_example_has_no_finding(tmp_path: Path) -> None:
    assert [one.hit.message for one in findings(project(tmp_path))] == []


def test_neither_has_its_cache(tmp_path: Path) -> None:
    edits = [*CACHE, ("volumes: [redis:/data]\n", ""), ("limit: 448MiB", "limit: 256MiB")]
    assert [one.hit.message for one in findings(made(tmp_path, edits))] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, *CASES[rule])
    found = findings(root)
    assert places(found) == marked(root, "<-"), [one.hit.message for one in found]
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "redis")]
    assert not any("hunter2" in one.hit.message + one.hit.hint for one in found)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "limit,persistence,wrong",
    [
        ("400MiB", "aof", False),  # 2 times 192 and 16
        ("399MiB", "aof", True),
        ("399MiB", "rdb", True),
        ("256MiB", "none", False),  # 1.25 times 192 and 16
        ("255MiB", "none", True),
    ],
)
def test_the_room_beside_the_keys(limit: str, persistence: str, wrong: bool, tmp_path: Path) -> None:
    edits = [("limit: 448MiB", f"limit: {limit}"), ("persistence: aof", f"persistence: {persistence}")]
    assert ("RDS004" in ids(made(tmp_path, edits))) is wrong


@pytest.mark.parametrize(
    "conf,users,rule",
    [
        ([("aclfile", "user x on\naclfile")], [], "RDS001"),
        ([("aclfile", "maxmemory-policy allkeys-lur\naclfile")], [], "RDS001"),
        ([("aclfile", "maxmemory 1.5mb\naclfile")], [], "RDS001"),
        ([], [("{#", "#")], "RDS001"),
        ([], [("user app", "user probe")], "RDS001"),
        ([("aclfile /etc/redis-users/users.acl", "")], [], "RDS007"),
        ([], [("user default", "user admin")], "RDS007"),
        ([], [("user probe on >{{ secret('redis_probe') }}", "user probe on nopass")], "RDS007"),
    ],
)
def test_what_lies_in_the_files(conf: Edits, users: Edits, rule: str, tmp_path: Path) -> None:
    assert rule in ids(made(tmp_path, conf=conf, users=users))


@pytest.mark.parametrize(
    "conf",
    [
        [("aclfile /etc/redis-users/users.acl", "requirepass {{ secret('redis_password') }}")],
        [("aclfile /etc/redis-users/users.acl", "user default on >{{ secret('redis_password') }} ~* +@all")],
        [("aclfile /etc/redis-users/users.acl", "user default off")],
        [("aclfile /etc/redis-users/users.acl", "port 0")],
    ],
)
def test_ways_to_be_closed(conf: Edits, tmp_path: Path) -> None:
    assert "RDS007" not in ids(made(tmp_path, conf=conf))


@pytest.mark.parametrize(
    "command",
    [
        "[redis-server, /etc/other.conf]",
        "[/usr/local/bin/start]",
        "[sh, -c, 'exec redis-server - < /etc/redis/redis.conf']",
        "[redis-server, /etc/redis/redis.conf, --aclfile, /etc/other.acl]",
    ],
)
def test_what_cannot_be_read_is_no_pass(command: str, tmp_path: Path) -> None:
    found = findings(made(tmp_path, [(COMMAND, f"command: {command} # <-")]))
    assert [(one.rule.id, one.hit.unknown) for one in found] == [("RDS001", True)]


@pytest.mark.parametrize(
    "command,wrong",
    [
        ("[redis-server, /etc/redis/redis.conf, --user, app2, on, '>hunter2', '~*']", True),
        ("redis-server /etc/redis/redis.conf --masterauth hunter2", True),
        ("sh -c 'exec redis-server /etc/redis/redis.conf --masterauth hunter2'", True),
        ("['/etc/redis/redis.conf', --masterauth, $HUNTER2]", True),
        ("[sh, -c, 'exec redis-server /etc/redis/redis.conf --masterauth \"$HUNTER2\"']", False),
        ("[/etc/redis/redis.conf, --port, '6379']", False),
    ],
)
def test_passwords_of_a_command(command: str, wrong: bool, tmp_path: Path) -> None:
    assert ("RDS009" in ids(made(tmp_path, [(COMMAND, f"command: {command}")]))) is wrong


@pytest.mark.parametrize(
    "test,rule",
    [
        ("[CMD, redis-cli, -e, --user, probe, --pass, hunter2, ping]", "RDS010"),
        ("redis-cli -a $REDISCLI_AUTH ping | grep -q PONG", "RDS010"),
        ("[CMD, redis-cli, -e, -u, 'redis://probe:hunter2@127.0.0.1', ping]", "RDS010"),
        ("[CMD, redis-cli, -e, AUTH, probe, hunter2]", "RDS010"),
        ("[CMD, redis-cli, --user, probe, ping]", "RDS011"),
        ("redis-cli --user probe ping | grep -q PONG", ""),
        ("[CMD, redis-cli, -e, ping]", ""),
        ("[CMD, nc, -z, 127.0.0.1, '6379']", ""),
    ],
)
def test_probes(test: str, rule: str, tmp_path: Path) -> None:
    found = ids(made(tmp_path, [(PROBE, f"test: {test}")]))
    assert [one for one in found if one != "RDS011" or one == rule] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "test,wrong",
    [
        ("[CMD, redis-cli, -e, ping]", True),
        ("[CMD, redis-cli, -e, --user, probe, ping]", True),
        ("REDISCLI_AUTH=$OTHER redis-cli -e --user probe ping", False),
    ],
)
def test_a_probe_that_does_not_log_in(test: str, wrong: bool, tmp_path: Path) -> None:
    found = findings(made(tmp_path, [("REDISCLI_AUTH", "OTHER"), (PROBE, f"test: {test}")]))
    assert [(one.rule.id, "does not log in" in one.hit.message) for one in found] == [
        ("RDS011", True)
    ] * wrong


def test_a_password_of_redis_cli_is_found_without_an_app(tmp_path: Path) -> None:
    service = "image: a:1\ncommand: [redis-cli, -h, redis, -a, hunter2, ping] # <-\n"
    root = project(tmp_path, service=service)
    found = findings(root)
    assert [(one.rule.id, (one.hit.place.file, one.hit.place.line)) for one in found] == [
        ("RDS010", marked(root)[0])
    ]


@pytest.mark.parametrize(
    "volume,wrong",
    [
        ("redis:/data", False),
        ("{type: volume, source: redis, target: /data}", False),
        ("/srv/redis:/data", False),
        ("/data", True),
        ("{type: tmpfs, target: /data}", True),
    ],
)
def test_where_data_is_kept(volume: str, wrong: bool, tmp_path: Path) -> None:
    assert ("RDS012" in ids(made(tmp_path, [("redis:/data]", f"{volume}]")]))) is wrong


@pytest.mark.parametrize(
    "image,wrong",
    [
        ("redis:8.0-bookworm", True),
        ("docker.io/library/redis:8.0.3", True),
        ("redis:8.4.0-bookworm", True),
        ("redis:8.10-bookworm", True),
        ("redis:8.4.0-alpine", False),
        ("redis:8.10.1", False),
        ("redis:7.4-bookworm", False),
        ("registry.example.org/redis:8.0-bookworm", False),
    ],
)
def test_tags(image: str, wrong: bool, tmp_path: Path) -> None:
    assert ("RDS013" in ids(made(tmp_path, [("redis:8.2-bookworm", image)]))) is wrong


def test_an_included_file_counts_where_it_stands(tmp_path: Path) -> None:
    more = 'files:\n  - {content: "maxmemory 1gb\\n", target: /etc/redis/more.conf}\n'
    edits = [("files:\n", more)]
    before = made(
        tmp_path / "before", edits, [("maxmemory {{", "include /etc/redis/more.conf\nmaxmemory {{")]
    )
    after = made(tmp_path / "after", edits, [("aclfile", "include /etc/redis/more.conf\naclfile")])
    assert ids(before) == []
    assert set(ids(after)) == {"RDS003", "RDS014"}


def test_options_win_over_the_file(tmp_path: Path) -> None:
    edits = [(COMMAND, COMMAND[:-1] + ", --maxmemory, 1gb] # <-")]
    root = made(tmp_path, edits)
    found = [one for one in findings(root) if one.rule.id == "RDS003"]
    assert places(found) == marked(root)


def test_a_service_without_a_command_is_read_as_what_it_is(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        service=re.sub(
            r"settings:.*?(?=volumes)", "", changed(SERVICE, [(COMMAND + "\n", "")]), flags=re.DOTALL
        ),
    )
    assert ids(root) == ["RDS002", "RDS007"]


WORDS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "maxmemory",
                "save",
                "user",
                "aclfile",
                "/u",
                "include",
                "/c",
                "dir",
                "default",
                "on",
                "nopass",
                ">x",
                '""',
                "1gb",
                "\n",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=14,
)


@tries(20)
@given(
    WORDS,
    WORDS,
    st.lists(
        st.sampled_from(["redis-server", "/c", "--aclfile", "/u", "--save", "sh", "-c", "'"]), max_size=5
    ),
)
def test_whatever_is_written_the_rules_end(conf: list[str], users: list[str], command: list[str]) -> None:
    service = {
        "app": "redis",
        "image": "redis:8.2",
        "command": command,
        "memory": "64MiB",
        "files": [{"target": target, "source": name} for target, name in (("/c", "conf"), ("/u", "users"))],
    }
    fleet = fleet_of({"redis": service}, templates={"conf": " ".join(conf), "users": " ".join(users)})
    desired = render(fleet, "prod", str, login=login_placeholder)
    apply(APP.rules, Subject(fleet, desired), "2026-11-26")
