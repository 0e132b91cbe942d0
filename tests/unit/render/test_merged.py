"""Merged files of the stack file as what a host shall have: keys rendered, and what cannot be meant refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.render.fleets import SECRETS, fleet_of, host_of, rendered

from opsctl.errors import InputError
from opsctl.model.fleet import Place
from opsctl.render.secret_uses import secret_uses
from opsctl.state.desired import DesiredHost, DesiredMerge, Reaction
from opsctl.state.fingerprint import fingerprint, merge_hash

PATH = "/opt/services/headscale/config/config.yaml"
PLACES: dict[tuple[str | int, ...], Place] = {
    ("stacks", "apps"): Place("stacks/apps.yml", 1),
    ("stacks", "apps", "services", "app", "merge", 0): Place("stacks/apps.yml", 7),
    ("stacks", "apps", "services", "other", "merge", 0): Place("stacks/apps.yml", 19),
}
KEY = b"k" * 32


def merged(*entries: Mapping[str, Any], **more: Any) -> tuple[DesiredMerge, ...]:
    return rendered({"merge": list(entries), **more}).merges


def problem(raw: Mapping[str, Any], **more: Mapping[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        host_of(fleet_of({"app": raw, **more}, places=PLACES))
    return str(caught.value)


def host(**keys: Any) -> DesiredHost:
    return host_of(fleet_of({"app": {"merge": [{"path": PATH, "keys": keys}]}}))


def test_texts_are_templates_and_secrets_stand_anywhere() -> None:
    keys = {
        "plain": ["$HOME", "$$", 1, 2.5, True, None],
        "name": "{{ service.name }} on {{ host.name }}",
        "oidc": {
            "client_secret": {"secret": "api_key"},
            "more": [{"secret": "db_password"}],
            "secret": {"secret": "api_key"},
        },
        "url": "pg://{{ secret('db_password') | urlencode }}@db",
    }
    (one,) = merged({"path": PATH, "keys": keys})

    assert one.keys == {
        "plain": ["$HOME", "$$", 1, 2.5, True, None],
        "name": "app on web",
        "oidc": {
            "client_secret": SECRETS["api_key"],
            "more": [SECRETS["db_password"]],
            "secret": SECRETS["api_key"],
        },
        "url": "pg://p%24w%27d%2F%C3%BC%231@db",
    }
    assert SECRETS["api_key"] not in repr(one)
    assert rendered({"merge": [{"path": PATH, "keys": keys}]}).secrets == {"api_key", "db_password"}


def test_the_format_is_that_of_the_suffix_or_as_said() -> None:
    suffixes = [
        merged({"path": path, "keys": {"a": 1}, **more})[0].form
        for path, more in (
            ("/a.yaml", {}),
            ("/a.yml", {}),
            ("/a.json", {}),
            ("/a.yml", {"format": "json"}),
            ("/acl.hujson", {"format": "json"}),
        )
    ]
    assert suffixes == ["yaml", "yaml", "json", "json", "json"]
    assert merged({"path": "/{{ host.name }}.yaml", "keys": {"a": 1}})[0].path == "/web.yaml"


def test_the_fingerprint_is_of_the_meaning_and_of_recreating_files_alone() -> None:
    def files(host: DesiredHost) -> str:
        return fingerprint(host, host.services["app"], KEY).files

    def with_reaction(host: DesiredHost, reaction: Reaction) -> DesiredHost:
        service = host.services["app"]
        merges = tuple(replace(one, reaction=reaction) for one in service.merges)
        return replace(host, services={"app": replace(service, merges=merges)})

    one, same, other = host(a=1, b={"c": [2]}), host(b={"c": [2]}, a=1), host(a="1", b={"c": [2]})
    nothing = host_of(fleet_of({"app": {}}))
    assert files(one) == files(same)
    assert len({files(one), files(other), files(nothing)}) == 3
    assert files(with_reaction(one, Reaction("restart"))) == files(nothing)
    hashes = [merge_hash(each.services["app"].merges[0], KEY) for each in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_labels_of_hosts_without_merged_files_are_what_they_were() -> None:
    # Held by hosts in the field: other digits would make every service of theirs anew.
    raw = {"files": [{"target": "/etc/a.conf", "content": "x"}]}
    host = host_of(fleet_of({"app": raw}))
    assert fingerprint(host, host.services["app"], KEY).files == "cfb2ff79e6fce0f84c936466df91180d"


def test_signals_and_reloads_need_a_mount_of_the_folder() -> None:
    def entry(on_change: Any) -> dict[str, Any]:
        return {"merge": [{"path": PATH, "keys": {"a": 1}, "on_change": on_change}]}

    mounts: tuple[Any, ...] = (
        f"{PATH}:/etc/headscale/config.yaml:ro",
        {"type": "bind", "source": PATH, "target": "/etc/headscale/config.yaml"},
    )
    for mount in mounts:
        for reaction in ({"signal": "SIGHUP"}, {"reload": ["kill", "-HUP", "1"]}, "none"):
            said = problem({**entry(reaction), "volumes": [mount]})
            assert said.startswith("stacks/apps.yml:7: on_change: ")
            assert f"needs a mount of the folder of {PATH}" in said
            assert "write recreate or restart" in said
        for reaction in ("recreate", "restart"):
            assert rendered({**entry(reaction), "volumes": [mount]}).merges
    folder = "/opt/services/headscale/config:/etc/headscale"
    assert rendered({**entry({"signal": "SIGHUP"}), "volumes": [folder]}).merges[0].reaction == Reaction(
        "signal", signal="SIGHUP"
    )


def test_what_owns_nothing_or_cannot_be_owned_is_a_problem_of_its_line() -> None:
    assert "stacks/apps.yml:7: dns: an empty mapping owns nothing" in problem(
        {"merge": [{"path": PATH, "keys": {"dns": {}}}]}
    )
    assert "'<<' is not a key" in problem({"merge": [{"path": PATH, "keys": {"dns": {"<<": 1}}}]})
    assert "is not the plain absolute path" in problem(
        {"merge": [{"path": "/a/{{ '..' }}/b.yaml", "keys": {"a": 1}}]}
    )


def test_a_file_has_one_owner() -> None:
    entry = {"merge": [{"path": PATH, "keys": {"a": 1}}]}
    said = problem(entry, other=entry)
    assert said.startswith(f"stacks/apps.yml:19: {PATH} is merged by app already")


def test_uses_of_secrets_are_known_without_rendering() -> None:
    keys = {"a": {"secret": "token"}, "b": {"c": ["{{ secret('other') }}", {"secret": "third"}]}}
    uses = secret_uses(fleet_of({"app": {"merge": [{"path": PATH, "keys": keys}]}}, places=PLACES), "prod")
    assert {
        name: [(one.service, one.merged, one.place.line) for one in found] for name, found in uses.items()
    } == {name: [("app", PATH, 7)] for name in ("other", "third", "token")}
