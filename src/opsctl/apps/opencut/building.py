"""Rules about what an OpenCut is built of, and about what cannot be changed any more once it is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.opencut.editor import editors
from opsctl.apps.site_url import site_url
from opsctl.model.fleet import Place
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

PUBLIC = "NEXT_PUBLIC_"
_SITE_URL = "NEXT_PUBLIC_SITE_URL"
# What brings a source in while the image is built; a source that is copied is held by the hash of its files.
_FETCHES = re.compile(
    r"\bgit\s+(?:clone|fetch|pull)\b|^\s*ADD\s+\S*(?:https?://|git@)|\b(?:curl|wget)\b[^\n]*(?:github|gitlab)",
    re.MULTILINE | re.IGNORECASE,
)


def _not_built(subject: Subject) -> Iterator[Hit]:
    for one in editors(subject):
        if one.view.service.build is None:
            message = "nobody publishes an image of OpenCut: this one was built by a stranger, or elsewhere"
            yield one.hit(message, "build: {context: opencut, …}, as docs/stacks/opencut.md shows", "image")


def _unheld(subject: Subject) -> Iterator[Hit]:
    for one in editors(subject):
        commit, build = one.settings.commit, one.view.service.build
        found = _FETCHES.search(one.dockerfile)
        if build is None or found is None:
            continue
        if not one.commits:
            at = _line(one.view.fleet.templates.get(build.source.removeprefix("templates/"), b""))
            place = Place(build.source, at)
            message = "its Dockerfile fetches a source, and names no commit: the next build is of another one"
            yield about(one.view, place, message, "args: {COMMIT: …} with all 40 digits, and fetch that")
        elif commit and commit not in one.commits:
            message = "the commit of its settings is not the one that is built"
            yield one.hit(message, "give the build the same one: args: {COMMIT: …}", "settings", "commit")


def _line(source: bytes) -> int:
    """Where a Dockerfile fetches; 0 where only its rendered form does."""
    text = source.decode(errors="replace")
    found = _FETCHES.search(text)
    return text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1 if found else 0


def _baked(subject: Subject) -> Iterator[Hit]:
    for one in editors(subject):
        if one.view.service.build is None:
            continue
        for name, value in one.env.items():
            if name.startswith(PUBLIC) and one.args.get(name) != value:
                how = "is another one in args" if name in one.args else "is not among the args"
                message = f"{name} {how} of its build: the code in the browser does not hear of it"
                hint = f"build: {{args: {{{name}: …}}}} with the same value; a change of it builds the image anew"
                yield one.hit(message, hint, "env", name)


def _elsewhere(subject: Subject) -> Iterator[Hit]:
    for one in editors(subject):
        right = site_url(one.view)
        for where, values in (("args", one.args), ("env", one.env)):
            said = values.get(_SITE_URL)
            if right and said is not None and said.rstrip("/") != right:
                path = ("build", "args", _SITE_URL) if where == "args" else ("env", _SITE_URL)
                yield one.hit(
                    f"{_SITE_URL} is not its site, {right}: a browser that has a cookie is refused",
                    f"{_SITE_URL}: {right}",
                    *path,
                )
                break


RULES = (
    Rule(
        "OCT001",
        "apps",
        "warning",
        "OpenCut: an image that nobody publishes",
        "Its makers publish none. Whoever published this one could put anything into it.",
        "Build it on the host, from a context below templates/.",
        "facts: services 0 (23); docker-compose.yaml of OpenCut: build",
        _not_built,
    ),
    Rule(
        "OCT002",
        "apps",
        "error",
        "OpenCut: a source that no commit holds",
        "The repository of that name is a rewrite by now; the editor that is meant here was archived on 2026-05-17 as "
        "opencut-app/opencut-classic. Branches move, a commit does not.",
        "Fetch one commit, by all of its 40 digits; or copy the source below templates/.",
        "facts: services 0 (23)",
        _unheld,
    ),
    Rule(
        "OCT003",
        "apps",
        "error",
        "OpenCut: a public variable that the build does not have",
        "Next.js writes the values of NEXT_PUBLIC_ variables into the code for the browser when it builds. Later only what runs on "
        "the server sees the environment, and the two disagree.",
        "The same value under args of the build, and an ARG of that name in the Dockerfile.",
        "nextjs.org, environment variables, bundling for the browser",
        _baked,
    ),
    Rule(
        "OCT009",
        "apps",
        "warning",
        "OpenCut: an address that is not its site",
        "Its login refuses a request with a cookie whose Origin is another address.",
        "NEXT_PUBLIC_SITE_URL as the site has it, with https.",
        "better-auth 1.3.34, run: 403 INVALID_ORIGIN; OpenCut classic, env schema",
        _elsewhere,
    ),
)
