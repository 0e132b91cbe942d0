"""Which places of which files get a digest, and which stay as they are."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.images.pictures import digest, use

from opsctl.images.source_plan import plan_sources

TEXT = """services:
  api:
    image: redis:8
  web:
    image: "{{ vars.registry }}/web:1"
"""
FILE = "stacks/apps.yml"


def test_a_place_gets_the_digest_of_its_image_and_what_has_none_stays() -> None:
    plan = plan_sources([use("redis:8", 3), use("a.example/web:1", 5)], {"redis:8": digest(1)}, {FILE: TEXT})
    assert plan.files[FILE].after == TEXT.replace("redis:8", f"redis:8@{digest(1)}")
    assert [str(place) for place in plan.written] == [f"{FILE}:3"]
    assert plan.kept == ()


def test_a_place_that_is_another_image_elsewhere_gets_none_also_where_only_one_of_them_was_meant() -> None:
    elsewhere = replace(use("b.example/web:1", 5), environment="lab")
    plan = plan_sources([use("a.example/web:1", 5), elsewhere], {"a.example/web:1": digest(1)}, {FILE: TEXT})
    assert plan.files == {}
    ((place, reason),) = plan.kept
    assert str(place) == f"{FILE}:5"
    assert "it is a.example/web:1, b.example/web:1, by environment or host" in reason
