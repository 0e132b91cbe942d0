"""Writing: nothing half-written, nobody's update lost, the old file whole when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.edges import FakeClock
from tests.unit.edges.sops.oracle import Person
from tests.unit.edges.sops.stores import setting, store_of

from opsctl.edges.saving import only_writer, replace
from opsctl.edges.sops.store import SopsStore
from opsctl.errors import OperationFailed, OpsctlError
from opsctl.model.secrets import StoreFile
from opsctl.secrets.versions import Edit


def test_a_new_file_is_0644_and_another_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x"
    replace(path, b"one", None)
    assert path.stat().st_mode & 0o777 == 0o644

    path.chmod(0o640)
    replace(path, b"two", b"one")

    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o640, b"two")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_run_under_sudo_leaves_it_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    os.chown(path, 1234, 2345)

    replace(path, b"two", b"one")

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"one")
    link.symlink_to(real)

    replace(link, b"two", b"one")

    assert link.is_symlink()
    assert real.read_bytes() == b"two"


@pytest.mark.parametrize("before, now", [(b"one", b"other"), (None, b"other"), (b"one", None)])
def test_what_an_editor_saved_meanwhile_is_kept(
    tmp_path: Path, before: bytes | None, now: bytes | None
) -> None:
    path = tmp_path / "x"
    if now is not None:
        path.write_bytes(now)

    with pytest.raises(OperationFailed, match="was changed by something else in the meantime"):
        replace(path, b"two", before)

    assert (path.read_bytes() if path.exists() else None) == now
    assert [one.name for one in tmp_path.iterdir()] == ["x"] * (now is not None)


def test_the_lock_is_there_only_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with only_writer(path):
        assert [one.name for one in tmp_path.iterdir()] == [".x.lock"]
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_run_that_was_killed_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x"
    script = "import os, sys; from pathlib import Path; from opsctl.edges.saving import only_writer\nwith only_writer(Path(sys.argv[1])): os.kill(os.getpid(), 9)"  # fmt: skip
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert (tmp_path / ".x.lock").exists()

    with only_writer(path):
        pass

    assert list(tmp_path.iterdir()) == []


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """Threads that would lose counts without the lock; it comes and goes under them."""
    path = tmp_path / "count"
    path.write_text("0")

    def count() -> None:
        for _ in range(50):
            with only_writer(path):
                before = path.read_bytes()
                replace(path, b"%d" % (int(before) + 1), before)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert path.read_text() == "200"


WRITER = """
import sys
from pathlib import Path
from tests.unit.edges.sops.oracle import Person
from tests.unit.edges.sops.stores import setting, store_of
path, key_file, name = sys.argv[1:]
store = store_of(Path(path), Person("", Path(key_file)))
for at in range(6):
    store.change(setting(f"{name}{at}", f"{name}-{at}"))
    store.change(setting("shared", f"{name}-{at}", keep=100))
"""


def test_two_processes_lose_no_update(tmp_path: Path, ann: Person) -> None:
    path = tmp_path / "prod.sops.yaml"
    store_of(path, ann).create({"ann": ann.recipient})
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(ann.key_file), name], cwd=Path(__file__).parents[4]
        )
        for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]

    store = store_of(path, ann)
    assert {name: store.get(name) for name in store.names() - {"shared"}} == {
        f"{name}{at}": f"{name}-{at}" for name in "ab" for at in range(6)
    }
    versions = store.describe().secrets["shared"].versions
    assert sorted(store.value("shared", version) for version in versions) == sorted(
        f"{name}-{at}" for name in "ab" for at in range(6)
    )


def refused(store: SopsStore, path: Path, before: bytes) -> OpsctlError:
    """The refusal to change a store, after which it is as it was."""
    with pytest.raises(OperationFailed) as error:
        store.change(setting("token", "x" * 100_000))
    assert path.read_bytes() == before
    assert store.get("db") == "hunter1"
    return error.value


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_file(small_disk: Path, ann: Person) -> None:
    path = small_disk / "prod.sops.yaml"
    store = store_of(path, ann)
    store.create({"ann": ann.recipient})
    store.change(setting("db", "hunter1"))

    error = refused(store, path, path.read_bytes())

    assert "No space left on device; nothing was changed" in error.message
    assert str(small_disk) in error.hint
    assert [one.name for one in small_disk.iterdir()] == [path.name]


def test_a_disk_that_cannot_be_written_leaves_the_old_file(small_disk: Path, ann: Person) -> None:
    path = small_disk / "prod.sops.yaml"
    store = store_of(path, ann)
    store.create({"ann": ann.recipient})
    store.change(setting("db", "hunter1"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    error = refused(store, path, path.read_bytes())

    assert f"cannot write {path}: Read-only file system" in error.message
    with pytest.raises(OperationFailed, match="Read-only file system"):
        store_of(small_disk / "below" / "new.yaml", ann).create({"ann": ann.recipient})


def test_a_folder_that_is_a_file_is_named(tmp_path: Path, ann: Person) -> None:
    (tmp_path / "secrets").write_text("in the way")
    store = SopsStore(
        tmp_path / "secrets" / "x.yaml", "prod", identities=lambda: ann.identities, clock=FakeClock()
    )

    with pytest.raises(OperationFailed, match="cannot make the folder") as error:
        store.create({"ann": ann.recipient})
    assert "there must be no file in its place" in error.value.hint
    with pytest.raises(OpsctlError, match="cannot be read: Not a directory"):
        store.get("db")


def test_a_change_while_an_editor_saves_is_refused(tmp_path: Path, ann: Person) -> None:
    path = tmp_path / "prod.sops.yaml"
    store = store_of(path, ann)
    store.create({"ann": ann.recipient})

    def edit(file: StoreFile) -> Edit:
        path.write_text(path.read_text() + "# saved by an editor\n")
        return setting("db", "x")(file)

    with pytest.raises(OperationFailed, match="changed by something else in the meantime"):
        store.change(edit)

    assert path.read_text().endswith("# saved by an editor\n")
    store.change(setting("db", "x"))
    assert path.read_text().endswith("# saved by an editor\n")
    assert store.get("db") == "x"
