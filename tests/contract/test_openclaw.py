"""The real OpenClaw beside our rules: what it loads, what it refuses, and that the lists of keys are its own.

Every program that could call out runs in a network namespace of its own that has loopback alone.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.contract.alone import alone
from tests.contract.asking import put, situation, taken
from tests.contract.node_package import NodePackage
from tests.contract.openclaw_keys import lines_of
from tests.unit.apps import linted
from tests.unit.apps.linted import NOW
from tests.unit.apps.pages import page

from opsctl.apps.openclaw.app import OPENCLAW as APP
from opsctl.apps.openclaw.key_lists import listed
from opsctl.checks.questions import Inside, Ran
from opsctl.model.json5_document import read_json5
from opsctl.render.output import placeholder

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

PAGE = page("openclaw.md")
STACK, CONF, DOCKERFILE = "stack", "openclaw/openclaw.json.j2", "openclaw/gateway/Dockerfile"
TOKEN = "0123456789abcdef0123456789abcdef"
BOT = "123456:planted-and-never-sent"
RUNNING = 240.0
"""Seconds for one command; 2 to 8 on a quiet machine."""
KEYS_FOR_OLD = [
    ('    ownership: "explicit",\n    entries: {\n      main: {},\n      messenger: {},\n    },\n', '    list: [{id: "main"}, {id: "messenger"}],\n')
]  # fmt: skip
# Starts the gateway, asks the healthcheck of the page until it is well or the gateway ended, then /readyz, and stops it.
RUN = """
ip link set lo up
"$@" >log 2>&1 & gateway=$!
for _ in $(seq 200); do
  kill -0 "$gateway" 2>/dev/null || break
  if $PROBE; then
    echo healthy
    grep VmRSS /proc/$gateway/status
    break
  fi
  sleep 0.5
done
kill "$gateway" 2>/dev/null
wait "$gateway"
echo "ended $?"
"""


# The same, and what a command says beside it, twice where nothing runs there at first. Told to stop, a gateway with a channel
# drains for minutes (2026.9.6).
BESIDE = """
ip link set lo up
"$NODE" "$SCRIPT" gateway >log 2>&1 & gateway=$!
for _ in $(seq 200); do
  kill -0 "$gateway" 2>/dev/null || break
  "$NODE" -e 'fetch("http://127.0.0.1:18789/").then(() => process.exit(0), () => process.exit(1))' && break
  sleep 0.5
done
for _ in 1 2; do
  sleep 3
  "$NODE" "$SCRIPT" "$@" >said
  code=$?
  if grep -q '"running": true' said; then break; fi
done
cat said
kill -9 "$gateway"
wait "$gateway" 2>/dev/null
exit $code
"""


@dataclass(frozen=True)
class Program:
    """One version of the package, in a folder of its own, with nothing of our environment."""

    package: NodePackage
    root: Path

    def _environ(self, config: bytes, **more: str) -> dict[str, str]:
        (self.root / "state").mkdir(exist_ok=True)
        (self.root / "openclaw.json").write_bytes(config)
        own = {
            "PATH": f"{self.package.node.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.root),
            "TMPDIR": str(self.root),
            "OPENCLAW_STATE_DIR": str(self.root / "state"),
            "OPENCLAW_CONFIG_PATH": str(self.root / "openclaw.json"),
            "OPENCLAW_CONFIG_READONLY": "1",
            "OPENCLAW_GATEWAY_TOKEN": TOKEN,
        }
        return {**own, **more}

    def ask(self, config: bytes, *words: str) -> tuple[int, str]:
        """The exit code and what was said, of one command."""
        done = subprocess.run(
            [*alone(), *self.package.words("openclaw.mjs"), *words],
            env=self._environ(config, TELEGRAM_BOT_TOKEN=BOT),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=RUNNING,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def telegram(self, config: bytes) -> Mapping[str, Any]:
        """What `plugins list --json` says of it. Text may stand before the JSON."""
        found = answer(*self.ask(config, "plugins", "list", "--json"))
        return next(one for one in found["plugins"] if one["id"] == "telegram")

    def gateway(self, config: bytes, **more: str) -> tuple[str, str]:
        """What RUN said, and the gateway's log; without a token of Telegram."""
        probe = APP.probe[-1]
        script = RUN.replace("$PROBE", f'"{self.package.node}" -e "$ASK"')
        done = subprocess.run(
            [*alone(), "sh", "-c", script, "sh", *self.package.words("openclaw.mjs"), "gateway"],
            env=self._environ(config, ASK=probe, **more),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=RUNNING,
            check=False,
        )
        return done.stdout, (self.root / "log").read_text(errors="replace")

    def beside_gateway(self, config: bytes, *words: str) -> Ran:
        """One command in the network namespace of a running gateway, which finds nobody outside."""
        node, script = self.package.words("openclaw.mjs")
        done = subprocess.run(
            [*alone(), "sh", "-c", BESIDE, "sh", *words],
            env=self._environ(config, TELEGRAM_BOT_TOKEN=BOT, NODE=node, SCRIPT=script),
            cwd=self.root,
            capture_output=True,
            timeout=RUNNING,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def log(self) -> str:
        """The end of what its gateway wrote."""
        return (self.root / "log").read_text(errors="replace")[-2000:]


def answer(code: int, said: str) -> Any:
    """The JSON of a command that went well; text may stand before and behind it."""
    assert code == 0, said[-2000:]
    return json.JSONDecoder().raw_decode(said, said.index("{"))[0]


@pytest.fixture
def newest(openclaw: Callable[[str], NodePackage], tmp_path: Path) -> Program:
    return Program(openclaw("2026.9.6"), tmp_path)


@pytest.fixture
def silent(openclaw: Callable[[str], NodePackage], tmp_path: Path) -> Program:
    """The version that lost Telegram without a word."""
    return Program(openclaw("2026.2.22"), tmp_path)


def rendered(root: Path, *edits: tuple[str, str], version: str = "2026.9.6") -> tuple[bytes, set[str]]:
    """The page's openclaw.json with edits and `root` in the place of /opt/openclaw, and the rules of OpenClaw that find something."""
    changes = {CONF: list(edits), DOCKERFILE: [("openclaw:2026.9.6", f"openclaw:{version}")]}
    made = PAGE.project(root / "project", changes)
    service = linted.subject(made).desired.hosts[0].services["openclaw"]
    content = service.files[0].content.replace(b'"/opt/openclaw/', f'"{root}/claw/'.encode())
    return content, {one.rule.id for one in linted.findings(made, "OCL") if one.refuses}


def test_the_pages_configuration_is_valid_and_loads_telegram(newest: Program, tmp_path: Path) -> None:
    config, found = rendered(tmp_path)
    assert found == set()
    assert answer(*newest.ask(config, "config", "validate", "--json"))["valid"] is True
    telegram = newest.telegram(config)
    assert (telegram["enabled"], telegram["status"]) == (True, "loaded")


def test_a_channel_that_is_not_switched_on_is_listed_as_disabled(newest: Program, tmp_path: Path) -> None:
    off = ('      "{{ id }}": {enabled: true},\n', ""), ("telegram: {enabled: true, ", "telegram: {")
    config, found = rendered(tmp_path, *off)
    assert found == {"OCL004"}
    assert newest.telegram(config)["status"] == "disabled"


def test_2026_2_22_does_not_read_the_channels_own_switch(silent: Program, tmp_path: Path) -> None:
    edits = (*KEYS_FOR_OLD, ('      "{{ id }}": {enabled: true},\n', ""))
    config, found = rendered(tmp_path, *edits, version="2026.2.22")
    assert found == {"OCL004"}
    telegram = silent.telegram(config)
    assert (telegram["status"], telegram["error"]) == ("disabled", "bundled (disabled by default)")


ON = '      "{{ id }}": {enabled: true},\n'


@pytest.mark.parametrize(
    "version,edits,said",
    [
        ("2026.9.6", (), "loaded: telegram"),
        ("2026.9.6", ((ON, ""), ("telegram: {enabled: true, ", "telegram: {")), "telegram is disabled"),
        ("2026.2.22", (*KEYS_FOR_OLD, (ON, "")), "telegram is disabled (bundled (disabled by default))"),
    ],
)
def test_verify_asks_each_version_what_it_has_loaded(
    version: str,
    edits: tuple[tuple[str, str], ...],
    said: str,
    openclaw: Callable[[str], NodePackage],
    tmp_path: Path,
) -> None:
    program = Program(openclaw(version), tmp_path)
    config, _ = rendered(tmp_path, *edits, version=version)

    def inside(question: Inside) -> Ran:
        code, text = program.ask(config, *question.words[2:])
        return Ran(code, text.encode(), b"")

    found = put(situation(tmp_path / "project", placeholder, NOW), "V-OCL-001", inside=inside)
    assert (found.result, found.message) == ("pass" if "loaded" in said else "fail", said)


CHANNEL = "telegram: {enabled: true, "
BOUND = (
    '  bindings: [\n    {agentId: "messenger", match: {channel: "telegram", accountId: "default"}},\n  ],\n'
)
TWO = (CHANNEL, f'{CHANNEL}accounts: {{one: {{botToken: "1:planted"}}, two: {{botToken: "2:planted"}}}}, ')


@pytest.mark.parametrize(
    "version,edits,names",
    [
        ("2026.2.22", (*KEYS_FOR_OLD, TWO), {f"telegram ({name})" for name in ("default", "one", "two")}),
        ("2026.2.22", (*KEYS_FOR_OLD, (ON, "")), set()),
        ("2026.9.6", (), {"telegram (default)"}),
        ("2026.9.6", ((BOUND, ""),), set()),
    ],
    ids=["old", "lost plugin", "new", "of no agent"],
)
def test_an_upgrade_counts_the_channels_that_run(
    version: str,
    edits: tuple[tuple[str, str], ...],
    names: set[str],
    openclaw: Callable[[str], NodePackage],
    tmp_path: Path,
) -> None:
    program = Program(openclaw(version), tmp_path)
    config, _ = rendered(tmp_path, *edits, version=version)

    def inside(question: Inside) -> Ran:
        return program.beside_gateway(config, *question.words[2:])

    about = situation(tmp_path / "project", placeholder, NOW)
    assert taken(about, APP, "running channels", inside) == names, program.log()


@pytest.mark.parametrize("version,edits", [("2026.9.6", ()), ("2026.2.22", tuple(KEYS_FOR_OLD))])
def test_each_version_says_where_its_agents_work(
    version: str, edits: tuple[tuple[str, str], ...], openclaw: Callable[[str], NodePackage], tmp_path: Path
) -> None:
    """And verify asks nothing of a workspace that no agent has used."""
    program = Program(openclaw(version), tmp_path)
    config, _ = rendered(tmp_path, *edits, version=version)
    code, said = program.ask(config, "agents", "list", "--json")
    told = json.JSONDecoder().raw_decode(said, said.index("["))[0]
    assert (code, {one["id"] for one in told}) == (0, {"main", "messenger"})
    assert all(one["workspace"].startswith(str(tmp_path)) for one in told), told

    def inside(question: Inside) -> Ran:
        return Ran(1, b"", b"") if question.words[0] == "test" else Ran(0, said.encode(), b"")

    found = put(situation(tmp_path / "project", placeholder, NOW), "V-OCL-004", inside=inside)
    assert (found.result, "no agent has worked yet" in found.message) == ("skip", True), found


def test_2026_2_22_loads_it_with_both(silent: Program, tmp_path: Path) -> None:
    config, found = rendered(tmp_path, *KEYS_FOR_OLD, version="2026.2.22")
    assert found == set()
    assert silent.telegram(config)["status"] == "loaded"


@pytest.mark.parametrize(
    "edit,rule",
    [
        (('mode: "local",', 'mode: "local", healthChek: {},'), "OCL001"),
        (('    ownership: "explicit",\n', ""), "OCL015"),
    ],
    ids=["unknown key", "no owner"],
)
def test_what_a_rule_finds_ends_the_gateway(
    edit: tuple[str, str], rule: str, newest: Program, tmp_path: Path
) -> None:
    config, found = rendered(tmp_path, edit)
    assert found == {rule}
    said, log = newest.gateway(config)
    assert "healthy" not in said, log[-2000:]
    assert re.search(r"ended [1-9]", said)


def test_without_a_token_the_gateway_ends(newest: Program, tmp_path: Path) -> None:
    config, _found = rendered(tmp_path, ('    auth: {mode: "token"},\n', ""))
    said, log = newest.gateway(config, OPENCLAW_GATEWAY_TOKEN="")
    assert "Refusing to bind gateway to lan without auth" in log
    assert "healthy" not in said


def test_the_healthcheck_passes_on_a_file_that_cannot_be_written(newest: Program, tmp_path: Path) -> None:
    """Telegram is off here: its gateway would call out, and find nobody."""
    config, _found = rendered(
        tmp_path,
        ('      "{{ id }}": {enabled: true},\n', ""),
        ("telegram: {enabled: true, ", "telegram: {enabled: false, "),
    )
    said, log = newest.gateway(config)
    assert "healthy" in said, log[-2000:]
    assert (newest.root / "openclaw.json").read_bytes() == config
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", said)[0]) * 1024
    assert resident < 1024**3


def test_agents_as_a_list_are_still_taken_with_a_warning(newest: Program, tmp_path: Path) -> None:
    two, found = rendered(tmp_path / "two", *KEYS_FOR_OLD)
    assert found == {"OCL015"}
    code, said = newest.ask(two, "config", "validate", "--json")
    assert (code, "require agents.ownership" in said) == (1, True)
    one = [(old, new.replace(', {id: "messenger"}', "")) for old, new in KEYS_FOR_OLD]
    one.append(
        ('{agentId: "messenger"', '{agentId: "main"')
    )  # an agent that is not there is refused in a binding
    config, found = rendered(tmp_path / "one", *one)
    assert found == set()
    valid = answer(*newest.ask(config, "config", "validate", "--json"))
    assert "Moved agents.list to keyed agents.entries." in [one["message"] for one in valid["warnings"]]


def test_our_list_of_keys_is_the_programs_own(newest: Program) -> None:
    schema = answer(*newest.ask(b"{}", "config", "schema", "--json"))
    theirs = {
        path: frozenset(keys.split()) for path, _, keys in (one.partition(":") for one in lines_of(schema))
    }
    assert theirs == dict(listed((2026, 9, 6)))


JSON5 = (
    "// a\n{a: 1, 'b': [0x10, +1, .5, 5.,], /* c */ \"d\": 'it\\'s \\x41',}",
    '"\\ud83d\\ude00"', "'a\\\nb'", "{$a_1: -Infinity}", "{a: null}", "{a: 1e400}", '{"a": {"b": [{}, []]}}',
    "[,]", "[01]", "{a: yes}", "{# a\n}", "{a: 1 b: 2}", "'a\nb'", "", "// nothing", "{a: 1}}", "{'a' 1}",
)  # fmt: skip
PARSE = """
const {parse} = require('json5')
const said = (key, value) => Math.abs(value) === Infinity ? String(value) : value
const one = text => { try { return [parse(text)] } catch { return null } }
console.log(JSON.stringify(process.argv.slice(1).map(one), said))
"""


def test_json5_is_read_as_the_program_reads_it(newest: Program) -> None:
    done = subprocess.run(
        [newest.package.node, "-e", PARSE, *JSON5],
        cwd=newest.package.folder,
        capture_output=True,
        text=True,
        timeout=RUNNING,
        check=True,
    )
    ours = [read_json5("x", text.encode()) for text in JSON5]
    assert [None if one.problems else [_said(one.value)] for one in ours] == json.loads(done.stdout)


def _said(value: Any) -> Any:
    """As the script above says it."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _said(inner) for key, inner in value.items()}
    return [_said(inner) for inner in value] if isinstance(value, list) else value
