"""Images that float, on the real registry and a real host: found with file and line, pinned, and run by their digests."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.lab.repository import INDEX, MANIFEST, Repository, digest_of
from tests.lab.site import Site

pytestmark = pytest.mark.hosts("lab-app")

STACK = """\
    # Three ways to float.
    services:
      nightly:
        image: "{{ vars.pins }}:nightly"   # a channel
        command: [sleep, infinity]
        wait: {settle: 0s}
      bare:
        image: '{{ vars.pins }}'
        command: [sleep, infinity]
        wait: {settle: 0s}
      hidden:
        image: "{{ vars.pins }}:{{ vars.hidden_tag }}"
        command: [sleep, infinity]
        files:
          - {template: box.json.j2, target: /etc/box.json}
        wait: {settle: 0s}
"""
BOX = """\
{
  "note": "what the service itself starts",
  "image": "{{ image(vars.pins ~ ':box') }}"
}
"""


@pytest.fixture
def pins(site: Site) -> Repository:
    """Sleeper under :nightly, :latest and :box, three different digests."""
    made = Repository(site.lab.registry)
    made.copy("lab/sleeper", "1.0.0", "nightly")
    made.variant("nightly", "latest", "latest")
    made.variant("nightly", "box", "box")
    return made


def project(site: Site, pins: Repository, *, require: bool = True, stack: str = STACK) -> None:
    extra = f"""
[vars]
pins = "{pins.image}"
hidden_tag = "latest"
[registries."{site.lab.registry}"]
insecure = true
"""
    site.hosts_toml({"lab-app": ["apps"]}, extra=extra)
    if require:
        site.edit("hosts.toml", "[environments.lab]\n", "[environments.lab]\nrequire_pins = true\n")
    site.write("stacks/apps.yml", stack)
    site.write("templates/box.json.j2", BOX)


def lock(site: Site) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe").load((site.root / "images.lock.yaml").read_text())["images"])


def repo_digests(site: Site, service: str) -> list[str]:
    (image,) = json.loads(site.host().docker("image", "inspect", site.container(service).facts["Image"]))
    return list(image["RepoDigests"])


def test_what_floats_is_found_pinned_and_run_by_its_digest(site: Site, pins: Repository) -> None:
    project(site, pins)
    refused = site.deploy(code=4)
    for line, word in ((4, "nightly"), (8, "latest"), (12, "latest")):
        assert re.search(rf"no digest pins it \(IMG003, stacks/apps.yml:{line}\)", refused.text), refused.text
        assert word in refused.text
    assert "templates/box.json.j2:3" in refused.text

    checked = site.opsctl("pin-images", "--check", "--offline", "--json", code=4).json()
    places = {tuple(one["places"]) for one in checked["data"]["findings"]}
    assert ("stacks/apps.yml:4",) in places
    assert any(
        re.fullmatch(
            r"stacks/apps.yml:8 \(hosts.toml:\d+\) stacks/apps.yml:12 \(hosts.toml:\d+\)", " ".join(found)
        )
        for found in places
    )

    site.opsctl("pin-images")
    held = lock(site)
    assert set(held) == {f"{pins.image}:{tag}" for tag in ("nightly", "latest", "box")}
    assert len({entry["digest"] for entry in held.values()}) == 3
    assert {tuple(entry["platforms"]) for entry in held.values()} == {("linux/amd64",)}
    assert site.opsctl("pin-images", "--check").code == 0

    site.deploy()
    for service, tag in (("nightly", "nightly"), ("bare", "latest"), ("hidden", "latest")):
        digest = held[f"{pins.image}:{tag}"]["digest"]
        assert site.container(service).image == f"{pins.image}:{tag}@{digest}"
        assert f"{pins.image}@{digest}" in repo_digests(site, service)
    box = json.loads(site.inner("hidden", "/etc/box.json"))["image"]
    assert box == f"{pins.image}:box@{held[f'{pins.image}:box']['digest']}"
    assert "nothing to change" in site.deploy().stdout


def test_a_tag_that_moves_changes_nothing_until_it_is_asked_for(site: Site, pins: Repository) -> None:
    project(site, pins)
    site.opsctl("pin-images")
    site.deploy()
    site.opsctl("verify", "lab")
    first = lock(site)[f"{pins.image}:nightly"]
    assert first["validated_at"]

    moved = pins.variant("nightly", "moved", "nightly")
    assert "nothing to change" in site.deploy().stdout
    note = site.opsctl("pin-images", "--check")
    assert "the tag names" in note.stdout
    assert site.opsctl("pin-images", "--check", "--strict", code=4)
    assert "moved" in site.opsctl("pin-images", "--outdated").stdout

    site.opsctl("pin-images", "--update", "nightly")
    now = lock(site)[f"{pins.image}:nightly"]
    assert (now["digest"], now["previous"]["digest"]) == (moved, first["digest"])
    assert "validated_at" not in now
    before = site.snapshot()
    assert "1 to recreate" in site.deploy().stdout
    assert len(set(site.snapshot()["lab-app"]) - set(before["lab-app"])) == 1
    assert site.container("nightly").image.endswith(moved)

    site.opsctl("pin-images", "--rollback", "nightly")
    site.deploy()
    assert site.container("nightly").image.endswith(first["digest"])
    assert lock(site)[f"{pins.image}:nightly"]["validated_at"] == first["validated_at"]


def test_the_first_pin_of_what_runs_is_the_same_bits_and_the_plan_says_so(
    site: Site, pins: Repository
) -> None:
    project(site, pins, require=False)
    site.deploy()
    before = site.container("nightly").facts["Image"]
    site.opsctl("pin-images", "--running", "lab-app")
    assert lock(site)[f"{pins.image}:nightly"]["resolved_by"] == "running on lab-app"
    plan = site.plan()
    assert re.search(
        r"recreate +nightly +image .*:nightly pinned to sha256:\w{12}…: the same bits under another name",
        plan.stdout,
    )
    assert "pull" not in plan.stdout
    site.deploy()
    assert site.container("nightly").facts["Image"] == before


def test_status_and_verify_tell_what_is_not_the_locked_image(site: Site, pins: Repository) -> None:
    project(site, pins)
    site.opsctl("pin-images")
    site.deploy()
    rows = site.opsctl("status", "lab", "--json").json()["data"]["hosts"][0]["services"]
    assert {row["pin"] for row in rows} == {"locked"}

    other = pins.variant("nightly", "by hand", "hand")
    compose = site.read("compose.yml")
    held = lock(site)[f"{pins.image}:nightly"]["digest"]
    site.host().docker("pull", f"{pins.image}@{other}")
    site.put("compose.yml", compose.replace(held, other))
    site.typed("up", "-d", "nightly")

    rows = site.opsctl("status", "lab", "--json").json()["data"]["hosts"][0]["services"]
    assert {row["service"]: row["pin"] for row in rows}["nightly"] == "other"
    assert "not the locked image" in site.opsctl("status", "lab").stdout
    verified = site.opsctl("verify", "lab", code=4)
    assert "runs another image than" in verified.stdout
    assert {name: one.get("validated_at") for name, one in lock(site).items()}[
        f"{pins.image}:nightly"
    ] is None


def test_a_digest_that_vanished_is_told_and_what_runs_can_be_locked(site: Site, pins: Repository) -> None:
    project(site, pins)
    site.opsctl("pin-images")
    site.deploy()
    gone = lock(site)[f"{pins.image}:nightly"]["digest"]
    pins.delete(gone)
    told = site.opsctl("pin-images", "--check", code=4)
    assert re.search(r"gone +\S+:nightly", told.stdout)
    (site.root / "images.lock.yaml").unlink()
    site.opsctl("pin-images", "nightly", code=4)
    site.opsctl("pin-images", "--running", "lab-app")
    assert lock(site)[f"{pins.image}:nightly"]["digest"] == gone
    site.opsctl("pin-images")
    assert "nothing to change" in site.deploy().stdout


def test_an_index_is_locked_by_its_own_digest_and_needs_the_platform_of_the_host(
    site: Site, pins: Repository
) -> None:
    amd = pins.variant("nightly", "amd")
    arm = pins.variant("nightly", "arm", architecture="arm64")
    index = pins.index({"linux/amd64": amd, "linux/arm64": arm}, "1.2.3")
    pins.index({"linux/arm64": arm}, "1.2.4")
    stack = f"""\
        services:
          one:
            image: {pins.image}:1.2.3
            command: [sleep, infinity]
            wait: {{settle: 0s}}
    """
    project(site, pins, stack=stack)
    site.opsctl("pin-images")
    entry = lock(site)[f"{pins.image}:1.2.3"]
    assert (entry["digest"], entry["media_type"], entry["platforms"]) == (
        index,
        INDEX,
        ["linux/amd64", "linux/arm64"],
    )
    site.deploy()
    assert f"{pins.image}@{index}" in repo_digests(site, "one")

    site.edit("stacks/apps.yml", "1.2.3", "1.2.4")
    refused = site.opsctl("pin-images", code=4)
    assert "has no linux/amd64, which lab-app needs" in refused.stderr
    assert f"{pins.image}:1.2.4" not in lock(site)


def test_by_way_of_a_hosts_engine(site: Site, pins: Repository) -> None:
    project(site, pins)
    site.edit("hosts.toml", "insecure = true", "insecure = false")
    alone = site.opsctl("pin-images", code=5)
    assert "insecure = true" in alone.stderr
    assert not (site.root / "images.lock.yaml").exists()
    site.opsctl("pin-images", "--via", "lab-app")
    entry = lock(site)[f"{pins.image}:nightly"]
    assert entry["resolved_by"] == "engine of lab-app"
    assert entry["digest"] == digest_of(
        pins._ask("GET", f"/v2/{pins.name}/manifests/nightly", headers={"Accept": MANIFEST})
    )


def test_digests_written_into_the_stack_file_change_one_scalar_each(site: Site, pins: Repository) -> None:
    project(site, pins)
    before = (site.root / "stacks/apps.yml").read_text()
    run = site.opsctl("pin-images", "--write-source")
    after = (site.root / "stacks/apps.yml").read_text()
    held = lock(site)[f"{pins.image}:nightly"]["digest"]
    assert after == before.replace(':nightly"', f':nightly@{held}"')
    assert "stacks/apps.yml:12" in run.stdout
    assert "variable" in run.stdout
    site.deploy()
    assert site.opsctl("pin-images", "--check").code == 0
