from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.images.mentioned import image_of_variable, images_in_file
from opsctl.model.references import parse_reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "line, image",
    [
        ('"image": "openclaw-sandbox:bookworm-slim",', "openclaw-sandbox:bookworm-slim"),
        (
            '{"docker": {"image": "openclaw-sandbox:bookworm-slim", "scope": "agent"}}',
            "openclaw-sandbox:bookworm-slim",
        ),
        ('{"a":1,"sandboxImage":"a:1"}', "a:1"),
        ("docker: { image: 'a:1' },", "a:1"),
        ("{image:'a:1'}", "a:1"),
        ("image: redis:7", "redis:7"),
        ("  - image: redis:7   # why", "redis:7"),
        ("{name: x, image: redis:7}", "redis:7"),
        ("image: ghcr.io/a/b", "ghcr.io/a/b"),
        ("image: localhost:5000/a", "localhost:5000/a"),
        ("image: docker.io/grafana/grafana", "docker.io/grafana/grafana"),
        (f"image: a@{DIGEST}", f"a@{DIGEST}"),
        (f'image = "a:1@{DIGEST}"', f"a:1@{DIGEST}"),
        ('base-image = "a:1"', "a:1"),
        ('runner.docker_image="a:1" # b', "a:1"),
        ("DOCKER_IMAGE=a:1", "a:1"),
        ("export SANDBOX_IMAGE_NAME='a:1'", "a:1"),
        ("ENV SANDBOX_IMAGE=a:1", "a:1"),
        ('const workerImage = "a:1";', "a:1"),
        ('"docker_image" => "a:1",', "a:1"),
        ("image: a:1\r", "a:1"),
        ("Image: a:1 // b", "a:1"),
        # A bare name under a key that is nothing but "image".
        ('image: "debian"', "debian"),
        ("IMAGE=postgres", "postgres"),
    ],
)
def test_images_are_found(line: str, image: str) -> None:
    assert images_in_file(f"first\n{line}\nlast: 1") == ((2, image),)


@pytest.mark.parametrize(
    "line",
    [
        # Pictures, disks, addresses, words.
        "image: logo",
        "image: /img/x.png",
        "image: img/x.png",
        "image: cdn.example.com/x/logo.png",
        "image: cdn.example.com/x/logo.PNG:1",
        "image: https://example.com/a:1",
        "image: data:image/png;base64,AAAA",
        "image: disk.qcow2",
        "image: debian-12.iso",
        "image: localhost:8080",
        "image: example.com:443",
        "image: 16:9",
        f"image: {DIGEST}",
        "image: true",
        "image: none",
        "image: Debian:12",
        "image: grafana/grafana",
        "image: |",
        "image:",
        'image: ""',
        'image: "{{ registry }}/a:1"',
        "image: ${IMAGE:-a:1}",
        "image: hello:1 world",
        "image: a:1 b",
        # A bare name under another key.
        "sandboxImage: debian",
        "background-image: none",
        # Keys that are not the name of an image.
        "images: a:1",
        "imagePullPolicy: a:1",
        "image_tag: a:1",
        "baseimage: a:1",
        "image:a:1",
        "og:image: a:1",
        f"og:{'a' * 80}-image: a:1",
        "?image=a:1",
        "$image = a:1",
        "the image: a:1",
        "see the image: debian",
        'content="image: a:1"',
        # Comments.
        "# image: a:1",
        "  # - image: a:1",
        "#image: a:1",
        "// image: a:1",
        '  //"image": "a:1"',
        "; image = a:1",
        "a: 1 # - image: a:1",
        "a: 'it''s' # {image: a:1",
        '{"b": 2} // {"image": "a:1"}',
    ],
)
def test_what_is_no_image_is_left_alone(line: str) -> None:
    assert images_in_file(line) == ()


def test_several_images_in_one_line_and_a_comment_inside_a_text() -> None:
    assert images_in_file('{"note": "a # b // c", "image": "a:1", "x": {"sidecar_image": "b:2"}}') == (
        (1, "a:1"),
        (1, "b:2"),
    )


@pytest.mark.parametrize(
    "key, value, image",
    [
        ("SANDBOX_IMAGE", "openclaw-sandbox:bookworm-slim", "openclaw-sandbox:bookworm-slim"),
        ("SANDBOX_IMAGE_NAME", " a:1 ", "a:1"),
        ("IMAGE", "debian", "debian"),
        ("image", "ghcr.io/a/b", "ghcr.io/a/b"),
        ("SANDBOX_IMAGE", "debian", ""),
        ("LOGO_IMAGE", "logo.png", ""),
        ("LOGO_IMAGE", "/img/logo:1", ""),
        ("IMAGE_TAG", "a:1", ""),
        ("IMAGES", "a:1", ""),
        ("HOST", "a:1", ""),
        ("SANDBOX_IMAGE", "", ""),
    ],
)
def test_variables_by_their_names(key: str, value: str, image: str) -> None:
    assert image_of_variable(key, value) == image


NAMES = st.from_regex(r"[a-z]{2,6}(/[a-z]{2,6}){0,2}:[0-9](\.[0-9]){0,2}", fullmatch=True)
KEYS = st.sampled_from(["image", "dockerImage", "base_image", "SANDBOX_IMAGE", "sandbox.image", "imageName"])


@given(st.lists(st.tuples(KEYS, NAMES), min_size=1, max_size=5), st.sampled_from([None, 2]))
def test_every_image_of_a_json_file_is_found(entries: list[tuple[str, str]], indent: int | None) -> None:
    text = json.dumps([{key: image, "other": "x # y"} for key, image in entries], indent=indent)

    found = images_in_file(text)

    assert [image for _, image in found] == [image for _, image in entries]
    assert all(f'"{image}"' in text.split("\n")[line - 1] for line, image in found)


@given(st.text("image: =\"'{},#/\n-.aI1_", max_size=200))
def test_any_text_gives_references_of_its_lines(text: str) -> None:
    for line, image in images_in_file(text):
        assert parse_reference(image)
        assert image in text.split("\n")[line - 1]


PART = 200_000
MANY = 60


@pytest.mark.parametrize(
    "piece", ['image: "', "image = ", 'image"\\', "image   ", "'image ", "Image", "_-.image", "# image: ", "a: image, {image: x:1},"]
)  # fmt: skip
def test_one_long_line_takes_no_longer_than_many_short_ones(piece: str) -> None:
    """Linear: were it quadratic, one line of this length would take hundreds of times as long as its pieces."""
    pieces = PART // len(piece)
    started = time.perf_counter()
    images_in_file("\n".join([piece * 20] * (pieces // 20)))
    short = time.perf_counter() - started

    started = time.perf_counter()
    images_in_file(piece * pieces)

    assert time.perf_counter() - started < MANY * (short + 0.05)
