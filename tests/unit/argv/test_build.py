"""The build as its words, and the context as the engine unpacks it."""

from __future__ import annotations

import io
import tarfile

from tests.unit.argv.test_commands import guarded_words

from opsctl.argv import build
from opsctl.state.desired import BuildFile, DesiredBuild

WANTED = DesiredBuild(
    hash="ab" * 32,
    image="opsctl.local/demo/box:abababababab",
    dockerfile="deep/Dockerfile",
    files=(
        BuildFile("a/b/c.txt", b"c", 0o644),
        BuildFile("a/run", b"#!/bin/sh\n", 0o755),
        BuildFile("deep/Dockerfile", b"FROM scratch\n", 0o644),
    ),
    args={"A": "x y", "B": "$(id)"},
    target="last",
)


def test_the_words_of_a_build() -> None:
    command = build.build("/opt/demo", "r1", WANTED)

    assert guarded_words(command) == (
        *(
            "/opt/demo",
            "r1",
            "3600",
            "env",
            "DOCKER_BUILDKIT=0",
            "docker",
            "build",
            "--quiet",
            "--pull=false",
        ),
        *("--force-rm", "--label", f"opsctl.build-hash={'ab' * 32}", "--tag", WANTED.image),
        *(
            "--file",
            "deep/Dockerfile",
            "--target",
            "last",
            "--build-arg",
            "A=x y",
            "--build-arg",
            "B=$(id)",
            "-",
        ),
    )
    assert (command.privilege, command.label) == ("both", "docker build")


def test_the_context_has_every_file_and_folder_once_and_the_same_bytes_each_time() -> None:
    stdin = build.build("/opt/demo", "r1", WANTED).stdin

    with tarfile.open(fileobj=io.BytesIO(stdin)) as archive:
        entries = archive.getmembers()
        assert [(one.name, one.mode, one.isdir()) for one in entries] == [
            ("a", 0o755, True),
            ("a/b", 0o755, True),
            ("a/b/c.txt", 0o644, False),
            ("a/run", 0o755, False),
            ("deep", 0o755, True),
            ("deep/Dockerfile", 0o644, False),
        ]
        assert {(one.uid, one.gid, one.mtime) for one in entries} == {(0, 0, 315_532_800)}
        content = archive.extractfile("a/run")
        assert content
        assert content.read() == b"#!/bin/sh\n"
    assert build.build("/opt/demo", "r1", WANTED).stdin == stdin


def test_the_words_of_a_name() -> None:
    command = build.tag("/opt/demo", "r1", "sha256:1", WANTED.image)
    assert guarded_words(command)[3:] == ("docker", "tag", "sha256:1", WANTED.image)
