"""Images that are put together here, without compression and without an engine: what the lab's registry and Docker make of them."""

from __future__ import annotations

import uuid
from pathlib import Path

from tests.lab.layers import Folder, Image, Layer, Link, Text, Tree, publish
from tests.lab.repository import Repository
from tests.lab.site import Site

SAYS = "id -un; cat /app/a.txt; ls -A /app/tree; stat -c %u:%a /data; readlink /usr/local/bin/b; ls -d /bin/sh /usr/bin/python3"


def test_a_layer_of_this_machines_files_is_run_by_the_engine(site: Site, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    for name in ("kept.js", "left.map", "deep/left.map"):
        (tree / name).write_text(name)
    (tree / "kept.js").chmod(0o600)
    parts = (
        Tree(tree, "/app/tree", ("*.map",)),
        Text("/app/a.txt", "first\n"),
        Text("/app/a.txt", "second\n"),
        Link("/usr/local/bin/b", "/app/a.txt"),
        Folder("/data", 65534),
    )
    layer = Layer(f"test-{uuid.uuid4().hex[:8]}", parts)
    image = Image("lab/layered", layer.name, (layer,), {"User": "nobody", "Cmd": ["sh", "-c", SAYS]})
    publish(site.lab.registry, image, tmp_path)
    name = f"{site.lab.registry}/lab/layered:{layer.name}"
    host = site.host()
    said = host.docker("run", "--rm", "--network", "none", name).split()
    host.docker("rmi", name)
    assert said == [
        "nobody",
        "first",
        "deep",
        "kept.js",
        "65534:755",
        "/app/a.txt",
        "/bin/sh",
        "/usr/bin/python3",
    ]


def test_a_layer_is_packed_again_only_when_what_it_is_made_of_changed(site: Site, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    layer = Layer(f"test-{uuid.uuid4().hex[:8]}", (Tree(tree, "/app"),))
    seen = []
    for change in (None, tree / "deep" / "unseen", tree / "seen"):
        if change:
            change.touch()
        publish(site.lab.registry, Image("lab/layered", layer.name, (layer,)), tmp_path)
        seen.append(Repository(site.lab.registry, "lab/layered").manifest(layer.name)["layers"])
    first, same, other = seen
    assert (same == first, other == first) == (True, False)
