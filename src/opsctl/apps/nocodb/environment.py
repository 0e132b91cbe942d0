"""Rules about the rest of a NocoDB's environment, its data and its version."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.mounts import keeper
from opsctl.apps.nocodb.instance import DATA, Instance, instances
from opsctl.apps.nocodb.variables import LAST_READ, unread
from opsctl.apps.site_url import site_url
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_OLD, _NEW = "NC_PUBLIC_URL", "NC_SITE_URL"
_MENDED = (0, 301, 3)


def _misplaced_url(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        wanted = site_url(one.view)
        names = (_OLD,) if _is_old(one) else (_NEW, _OLD)
        name = next((name for name in names if one.env.get(name)), "")
        if not wanted:
            continue
        if not name:
            yield one.hit(
                f"links in mails begin with http://localhost:8080: {names[0]} is not set",
                f"{names[0]}: {wanted}",
                "env",
            )
        elif one.env[name].rstrip("/") != wanted:
            yield one.hit(f"{name} is not its site, {wanted}", f"{name}: {wanted}", "env", name)


def _is_old(one: Instance) -> bool:
    return one.version is not None and one.version <= LAST_READ


def _unread(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        mine = (name for name in one.env if name not in one.settings.allowed_variables)
        for name, near in unread(mine, one.version).items():
            if name == _NEW:
                message, hint = f"{_NEW} is not read by {'.'.join(map(str, one.version or ()))}", f"{_OLD}: …"
            else:
                message = f"NocoDB reads no {name}"
                hint = (
                    f"did you mean {near!r}?"
                    if near
                    else f"settings: {{allowed_variables: [{name}]}} where it is right"
                )
            yield one.hit(message, hint, "env", name)


def _homeless(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if one.env.get("NC_S3_BUCKET_NAME") and not one.on_sqlite:
            continue
        folder = one.env.get("NC_TOOL_DIR", DATA).rstrip("/")
        mount = keeper(one.view, folder)
        if mount is None or not mount.kept:
            what = "its database and all attachments" if one.on_sqlite else "all attachments"
            yield one.hit(
                f"{what} lie in {folder}, where no volume is", f"volumes: [nocodb:{folder}]", "volumes"
            )


def _telling(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if one.env.get("NC_DISABLE_TELE") != "true":
            yield one.hit("it reports its use to its makers", 'NC_DISABLE_TELE: "true"', "env")


def _outdated(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if one.version is not None and one.version < _MENDED:
            said = ".".join(map(str, one.version))
            yield one.hit(f"{said} has known holes that 0.301.3 mended", "0.301.3, or a newer one", "image")


RULES = (
    Rule(
        "NCO007",
        "apps",
        "warning",
        "NocoDB: links that do not lead to it",
        "Mails, invitations and callbacks are made of NC_PUBLIC_URL up to 0.301, of NC_SITE_URL since. Without it they name localhost.",
        "The address of its site, under the name that the version reads.",
        "npm nocodb 0.301.3: utils/appUrl.ts; nocodb.com/docs, environment variables (October 2026)",
        _misplaced_url,
    ),
    Rule(
        "NCO008",
        "apps",
        "warning",
        "NocoDB: a variable that it does not read",
        "Unknown variables are taken without a word. The list of 0.301.3 is whole; of newer versions only slips of the pen are told.",
        "Write it as NocoDB reads it; one that is right and not listed goes into `allowed_variables`.",
        "npm nocodb 0.301.3: every process.env of the sources of dist/bundle.js",
        _unread,
    ),
    Rule(
        "NCO009",
        "apps",
        "error",
        "NocoDB: data that goes with the container",
        "Attachments, and the database where nothing names another, lie in /usr/app/data.",
        "A named volume there. With S3 and a database of its own there is nothing to keep.",
        "facts: services 8; npm nocodb 0.301.3: utils/nc-config, getToolDir",
        _homeless,
    ),
    Rule(
        "NCO011",
        "apps",
        "note",
        "NocoDB: telemetry is on",
        "It sends events, the machine's id with them. (Any value turns the server's events off, also `false`; the browser's, `true` alone.)",
        'NC_DISABLE_TELE: "true"',
        "npm nocodb 0.301.3: utils/tele.ts, services/utils.service.ts",
        _telling,
    ),
    Rule(
        "NCO012",
        "apps",
        "warning",
        "NocoDB: a version with known holes",
        "0.301.3 mended vulnerabilities of 0.301.2 and before.",
        "0.301.3 or newer.",
        "facts: services 8",
        _outdated,
    ),
)
