"""The page's keys put into a configuration like Headscale's example: every other byte stays, and edits are told by their paths."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.apps.headscales import project

from opsctl.inputs.project import load
from opsctl.merging.yaml_splice import merge_yaml
from opsctl.model.yaml_document import read_yaml
from opsctl.plan.merged import Finding, findings, record_name
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed, ObservedMerged

PATH = "/opt/services/headscale/config/config.yaml"
BEFORE = (Path(__file__).parents[1] / "merging" / "headscale" / "config.yaml").read_text(encoding="utf-8")
EXAMPLE = BEFORE.replace("  # Extra DNS records\n", "  extra_records: []\n  # Extra DNS records\n")
"""With the line that Headscale's own example has, and that excludes extra_records_path."""


@pytest.fixture
def host(tmp_path: Path) -> DesiredHost:
    """What the stack of the page asks for."""
    (found,) = render(load(project(tmp_path)), "prod", placeholder, login=login_placeholder).hosts
    return found


def look(host: DesiredHost, text: str, before: Finding | None = None) -> Finding:
    """What a plan finds on a host with that text, after the run that ended with `before`."""
    records = {record_name(PATH): before.record.text()} if before and before.record else {}
    merged = {PATH: ObservedMerged(PATH, "file", text.encode())}
    observed = Observed("vpn", key=b"k", merged=merged, merge_records=records)
    ((found,),) = findings(host, observed, b"k").values()
    assert found.refusal == ""
    return found


def test_every_line_that_is_not_owned_stays(host: DesiredHost) -> None:
    found = look(host, EXAMPLE)
    assert found.text is not None
    lines = difflib.unified_diff(EXAMPLE.splitlines(), found.text.decode().splitlines(), n=0, lineterm="")
    assert [line for line in lines if not line.startswith(("@@", "---", "+++"))] == [
        "-server_url: https://headscale.example.net   # behind Caddy, see /opt/infra",
        "+server_url: https://headscale.example.org   # behind Caddy, see /opt/infra",
        "-  override_local_dns: false  # off since the outage in March",
        "+  override_local_dns: true  # off since the outage in March",
        "-      - 1.0.0.1",
        "-      - 2606:4700:4700::1111",
        "+      - 9.9.9.9",
        "-  extra_records: []",
        "+  extra_records: null",
        "+  extra_records_path: /etc/headscale-records/extra-records.json",
    ]
    value = read_yaml("config.yaml", found.text).value
    assert value["dns"]["extra_records"] is None
    assert value["node"]["expiry"] == "180d"
    assert look(host, found.text.decode(), found).why == ""


def test_an_edit_of_an_owned_key_is_told_by_its_path(host: DesiredHost) -> None:
    first = look(host, EXAMPLE)
    assert first.text
    text = first.text.decode()
    edited = text.replace("override_local_dns: true", "override_local_dns: false").replace(
        "- 9.9.9.9", "- 8.8.8.8"
    )
    edited = edited.replace("level: 'info'", "level: debug")
    found = look(host, edited, first)
    assert found.edited
    assert found.why == "managed keys edited on the host: dns.override_local_dns, dns.nameservers.global"
    assert found.text == text.replace("level: 'info'", "level: debug").encode()


def test_an_edit_elsewhere_is_nobodys_business(host: DesiredHost) -> None:
    first = look(host, EXAMPLE)
    assert first.text
    edited = first.text.decode().replace("expiry: 180d", "expiry: 90d") + "tuning: {}\n"
    assert look(host, edited, replace(first, text=None)).why == ""


def test_a_key_is_taken_out_by_null() -> None:
    """What 0.29 does not start with, without a look at what else the file has."""
    merged = merge_yaml("a: 1\nrandomize_client_port: false  # old\n", {"randomize_client_port": None})
    assert merged.text == "a: 1\nrandomize_client_port: null  # old\n"
