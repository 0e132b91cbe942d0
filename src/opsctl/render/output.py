"""What `opsctl render` writes: the files of every host as they would be pushed, without a secret and without a key."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.render.compose import compose_mapping, compose_text, ordered
from opsctl.state.desired import Desired, DesiredHost, DesiredService
from opsctl.state.fingerprint import DEFINITION_LABEL, ENV_LABEL, FILES_LABEL

_KEYED = "<keyed on the host>"


def placeholder(name: str) -> str:
    """Stands for a secret: give it to `render` in place of a store, and no value is ever read.

    Letters and underscores only, so that `urlencode` and the quoting of env files leave it legible.
    """
    return f"__secret_{name}__"


def login_placeholder(name: str) -> str:
    """Stands for the login name that goes with a secret."""
    return f"__login_{name}__"


def files(desired: Desired) -> dict[str, bytes]:
    """Every file by its path `<host>/<path below the host's directory>`, sorted; the same inputs give the same bytes.

    `desired` should have been rendered with `placeholder`. Fingerprints are keyed by a secret of the host, so their labels
    say just that.
    """
    found: dict[str, bytes] = {}
    for host in desired.hosts:
        found[f"{host.name}/compose.yml"] = compose_text(ordered(compose_mapping(host, _unkeyed)))
        found |= {f"{host.name}/env/{name}.env": content for name, content in host.env_files.items()}
        for service in host.services.values():
            found |= {f"{host.name}/{file.path}": file.content for file in service.files}
    return dict(sorted(found.items()))


def _unkeyed(_host: DesiredHost, _service: DesiredService) -> Mapping[str, str]:
    return dict.fromkeys((DEFINITION_LABEL, ENV_LABEL, FILES_LABEL), _KEYED)
