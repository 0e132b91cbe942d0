"""What the look's scripts print, read back; the script itself runs on a real folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.argv.look import UNREADABLE, inner_files, look
from opsctl.argv.seen import Seen, read_inner, read_look
from opsctl.state.observed import InnerFile, ObservedMerged, Resources


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def looked(folder: Path, desired: Mapping[str, str] | None = None, merged: Iterable[str] = ()) -> Seen:
    command = look(str(folder), desired or {}, merged)
    completed = subprocess.run(command.words, input=command.stdin, capture_output=True, check=True)
    assert completed.stderr == b""
    return read_look(completed.stdout)


def put(folder: Path, path: str, content: bytes, mode: int = 0o644) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)


class TestScript:
    def test_nothing_is_there_yet(self, tmp_path: Path) -> None:
        seen = looked(tmp_path / "not" / "yet")
        assert seen.files == {}
        assert (seen.key, seen.compose, seen.held, seen.owed) == (None, None, frozenset(), {})
        assert seen.now > 1_700_000_000
        assert seen.resources.memory_total > seen.resources.memory_available > 0
        assert seen.resources.disk_total > seen.resources.disk_available > 0
        assert not (tmp_path / "not").exists()

    def test_merged_files_wherever_they_are(self, tmp_path: Path) -> None:
        top, other = tmp_path / "top", tmp_path / "other place"
        put(other, "a b.yaml", b"a: 1\n\xff")
        put(other, "empty.json", b"")
        put(other, "large.yaml", b"#" * (1024 * 1024 + 1))
        (other / "link.yaml").symlink_to("a b.yaml")
        (other / "broken.yaml").symlink_to("gone.yaml")
        (tmp_path / "by the way").symlink_to(other)
        paths = [
            f"{other}/{name}" for name in ("a b.yaml", "empty.json", "large.yaml", "link.yaml", "gone.yaml")
        ]
        beside = f"{tmp_path}/by the way/a b.yaml"
        put(top, ".opsctl/merged/0abc", b'{"a": 1}\n')
        put(top, ".opsctl/merged/.half", b"{")

        seen = looked(top, merged=[*paths, beside, f"{other}/broken.yaml", str(other)])

        assert seen.merged == {
            paths[0]: ObservedMerged(paths[0], "file", b"a: 1\n\xff"),
            paths[1]: ObservedMerged(paths[1], "file", b""),
            paths[2]: ObservedMerged(paths[2], "large"),
            paths[3]: ObservedMerged(paths[3], "link", real=paths[0]),
            paths[4]: ObservedMerged(paths[4], "missing"),
            beside: ObservedMerged(beside, "link", real=paths[0]),
            f"{other}/broken.yaml": ObservedMerged(f"{other}/broken.yaml", "link", real=paths[4]),
            str(other): ObservedMerged(str(other), "odd"),
        }
        assert seen.merge_records == {"0abc": '{"a": 1}\n'}

    def test_everything_is_there(self, tmp_path: Path) -> None:
        put(tmp_path, "compose.yml", b"name: demo\n\0\xff")
        put(tmp_path, "env/api.env", b"A=1\n", 0o600)
        put(tmp_path, "files/api/etc/a b.conf", b"old\n", 0o640)
        put(tmp_path, ".opsctl/fingerprint.key", b"ab" * 32 + b"\n")
        put(tmp_path, ".opsctl/owed/web/reload", b"")
        put(tmp_path, ".opsctl/held/tool", b"")
        put(tmp_path, ".opsctl/rotating/db_password", b'{"to": "v8",\n "by": "ann"}\n')
        put(tmp_path, ".opsctl/rotating/.half", b"{")
        put(tmp_path, ".opsctl/ensured/db", b'{"container": "ab",\n "databases": {"\\\\n": {}}}\n')
        put(tmp_path, ".opsctl/ensured/.db", b"{")
        put(tmp_path, "metrics/secrets.prom", b"x 1\n")
        seen = looked(tmp_path, {"env/api.env": sha(b"A=1\n"), "files/api/etc/a b.conf": sha(b"new\n")})
        assert seen.compose == b"name: demo\n\0\xff"
        assert seen.key == "ab" * 32
        assert set(seen.owed) == {("web", "reload")}
        assert abs(seen.owed["web", "reload"] - seen.now) < 60
        assert seen.held == {"tool"}
        assert seen.rotating == {"db_password": '{"to": "v8", "by": "ann"}'}
        assert seen.ensured == {"db": '{"container": "ab", "databases": {"\\\\n": {}}}'}
        assert seen.files["metrics/secrets.prom"].content == b"x 1\n"
        same, differs = seen.files["env/api.env"], seen.files["files/api/etc/a b.conf"]
        assert (same.sha256, same.mode, same.content) == (sha(b"A=1\n"), 0o600, None)
        assert (differs.sha256, differs.mode, differs.content) == (sha(b"old\n"), 0o640, b"old\n")

    def test_large_content_stays_there(self, tmp_path: Path) -> None:
        put(tmp_path, "files/api/big", b"x" * (1024 * 1024 + 1))
        file = looked(tmp_path).files["files/api/big"]
        assert file.content is None
        assert file.sha256 == sha(b"x" * (1024 * 1024 + 1))

    def test_names_that_are_not_ours_do_no_harm(self, tmp_path: Path) -> None:
        put(tmp_path, "env/a\nend", b"")
        put(tmp_path, "env/b\\c", b"")
        put(tmp_path, "env/ok.env", b"")
        assert "env/ok.env" in looked(tmp_path).files

    @pytest.mark.parametrize("path", ["compose.yml", ".opsctl/fingerprint.key"])
    def test_what_cannot_be_read_is_an_error_not_an_absence(self, tmp_path: Path, path: str) -> None:
        put(tmp_path, path, b"x", 0o000)
        tmp_path.chmod(0o755)
        command = look(str(tmp_path), {})
        # As nobody: root reads everything.
        words = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *command.words)
        completed = subprocess.run(words, input=b"", capture_output=True, check=False, cwd="/")
        if b"setpriv:" in completed.stderr:
            pytest.skip("needs root")
        assert completed.returncode == UNREADABLE
        assert b"cannot read" in completed.stderr


class TestReader:
    def test_cut_short(self) -> None:
        with pytest.raises(ValueError, match="cut short"):
            read_look(b"now 1\n")

    @pytest.mark.parametrize("line", ["key !!!", "compose x=y=", "now later"])
    def test_garbled(self, line: str) -> None:
        with pytest.raises(ValueError, match=r"garbled|could not convert"):
            read_look(f"{line}\nnow 1\nend\n".encode())

    @given(
        st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1), st.binary()
        )
    )
    def test_round_trip(self, contents: dict[str, bytes]) -> None:
        lines = ["now 12", "memory MemTotal 2", "memory MemAvailable 1", "disk 20 10"]
        for path, content in contents.items():
            lines += [
                f"stat 644 {len(content)} {path}",
                f"sum {sha(content)} {path}",
                f"content {base64.b64encode(content).decode()} {path}",
            ]
        seen = read_look("\n".join([*lines, "end", ""]).encode())
        assert {path: file.content for path, file in seen.files.items()} == contents
        assert seen.resources == Resources(2048, 1024, 20480, 10240)

    @given(st.binary())
    def test_never_breaks_otherwise_than_by_value_error(self, output: bytes) -> None:
        with contextlib.suppress(ValueError):
            read_look(output + b"\nnow 1\nend\n")


class TestInside:
    def test_reads_the_file_of_a_process_by_proc(self, tmp_path: Path) -> None:
        file = tmp_path / "inner.conf"
        file.write_bytes(b"inner\n")
        with subprocess.Popen(["sleep", "30"]) as process:
            command = inner_files((("api", "no-such-container", process.pid, str(file)),))
            completed = subprocess.run(command.words, input=command.stdin, capture_output=True, check=True)
            process.kill()
        found = read_inner(completed.stdout)
        if found[0].sha256 is None:
            pytest.skip("/proc/<pid>/root is closed to this user")
        assert found == (InnerFile("api", str(file), sha(b"inner\n")),)

    def test_a_link_on_the_way_is_not_followed_into_the_host(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "x").write_bytes(b"host\n")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with subprocess.Popen(["sleep", "30"]) as process:
            command = inner_files((("api", "no-such-container", process.pid, str(tmp_path / "link" / "x")),))
            completed = subprocess.run(command.words, input=command.stdin, capture_output=True, check=True)
            process.kill()
        assert read_inner(completed.stdout)[0].sha256 is None, "inconclusive"
