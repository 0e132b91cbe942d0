"""All tags, page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fakes.registry_server import RegistryServer, Reply, json_reply
from tests.unit.edges.registry.rig import Rig

from opsctl.errors import NotInRegistry, RegistryUnavailable

LIST = "/v2/team/app/tags/list"


def test_every_page_is_read_in_the_registrys_order(rig: Rig, server: RegistryServer) -> None:
    server.tags["team/app"] = [f"1.0.{number}" for number in range(2500)]

    assert rig.tags(f"{server.host}/team/app") == server.tags["team/app"]
    assert [asked.query["n"] for asked in server.seen] == [["1000"]] * 3


@pytest.mark.parametrize(
    "link",
    [
        '<{url}/more?last=b>; rel="next"',
        "</more?last=b>; rel=next",
        '</first>; rel="prev", </more?last=b>; title="x"; rel="next"',
    ],
)
def test_a_link_may_be_written_in_several_ways(rig: Rig, server: RegistryServer, link: str) -> None:
    server.on(LIST, json_reply({"tags": ["a", "b"]}, Link=link.format(url=server.url)))
    server.on("/more", json_reply({"tags": ["b", "c"]}))

    assert rig.tags(f"{server.host}/team/app:1.0") == ["a", "b", "c"]


def test_a_link_to_another_server_is_not_followed(rig: Rig, server: RegistryServer) -> None:
    server.on(LIST, json_reply({"tags": ["a"]}, Link='<http://127.0.0.1:9/more>; rel="next"'))

    with pytest.raises(RegistryUnavailable, match="another server"):
        rig.tags(f"{server.host}/team/app")


def test_a_circle_ends(rig: Rig, server: RegistryServer) -> None:
    server.on(LIST, json_reply({"tags": ["a"]}, Link=f'<{LIST}?n=1000>; rel="next"'))

    with pytest.raises(RegistryUnavailable, match="in a circle"):
        rig.tags(f"{server.host}/team/app")


def test_a_list_that_is_too_long_is_an_error_rather_than_half_a_list(
    rig: Rig, server: RegistryServer
) -> None:
    rig.limits = replace(rig.limits, pages=2)
    server.tags["team/app"] = [str(number) for number in range(2000)]
    assert len(rig.tags(f"{server.host}/team/app")) == 2000

    server.tags["team/app"].append("more")
    with pytest.raises(RegistryUnavailable, match=r"more than 2 pages of tags of it \(2000 tags were read\)"):
        rig.tags(f"{server.host}/team/app")


def test_none_is_an_empty_list(rig: Rig, server: RegistryServer) -> None:
    server.on(LIST, json_reply({"name": "team/app", "tags": None}))

    assert rig.tags(f"{server.host}/team/app") == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tags": 1}', b'{"tags": [1]}', b"{}"])
def test_what_is_no_list_is_an_error(rig: Rig, server: RegistryServer, body: bytes) -> None:
    server.on(LIST, Reply(body=body))

    with pytest.raises(RegistryUnavailable, match="no list of tags"):
        rig.tags(f"{server.host}/team/app")


def test_a_missing_repository(rig: Rig, server: RegistryServer) -> None:
    with pytest.raises(NotInRegistry, match="no repository team/app"):
        rig.tags(f"{server.host}/team/app")
