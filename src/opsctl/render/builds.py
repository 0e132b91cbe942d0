"""The context of a build as it is sent: rendered, without what it ignores, its bases pinned, and the hash of all that."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from opsctl.errors import UsageError
from opsctl.images.dockerfile import From, from_lines
from opsctl.images.dockerignore import ignored
from opsctl.images.pins import Pins
from opsctl.model.fleet import Fleet, Place
from opsctl.model.nearest import nearest
from opsctl.model.references import BUILT_HERE, parse_reference
from opsctl.model.stack import Build
from opsctl.model.values import Unfit
from opsctl.render.context import Asked
from opsctl.render.templating import Templates
from opsctl.state.desired import Base, BuildFile, DesiredBuild

_SUFFIX = ".j2"
_IGNORE = ".dockerignore"
_TAG_DIGITS = 12
_MODES = {False: 0o644, True: 0o755}
_PATH_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


class Building:
    """Renders the builds of one host. Secrets cannot be asked for."""

    def __init__(self, fleet: Fleet, host: str, templates: Templates, pins: Pins) -> None:
        self._fleet = fleet
        self._templates = templates
        self._pins = pins
        self._platform = fleet.host(host).platform

    def build(
        self, build: Build, context: Mapping[str, Any], asked: Asked, where: Callable[[str], Place]
    ) -> DesiredBuild:
        """`asked` hears of what image() names in the files; `where` tells where an argument was written.

        Raises InputError, and Unfit for a Dockerfile whose bases cannot be told.
        """
        args = {key: self._templates.text(text, context, where(key)) for key, text in build.args.items()}
        files = self._files(build, {**context, "secret": _no_secret, "login": _no_secret}, asked)
        sources = {path: source for path, (source, _content) in files.items()}
        contents = {path: content for path, (_source, content) in files.items()}
        if build.dockerfile not in contents:
            message = f"there is no file templates/{build.context}/{build.dockerfile}"
            raise Unfit(message, nearest(build.dockerfile, contents))
        source = f"templates/{sources[build.dockerfile]}"
        text, bases = self._pinned(contents[build.dockerfile], args, source)
        contents[build.dockerfile] = text
        kept = tuple(
            BuildFile(path, contents[path], _MODES[sources[path] in self._fleet.executables])
            for path in sorted(_sent(contents, build.dockerfile))
        )
        digest = _hash(build, args, kept, self._platform)
        folders = [_path_part(part) for part in (self._fleet.project, *build.context.split("/"))]
        return DesiredBuild(
            hash=digest,
            image=f"{'/'.join((BUILT_HERE, *folders))}:{digest[:_TAG_DIGITS]}",
            dockerfile=build.dockerfile,
            files=kept,
            args=dict(sorted(args.items())),
            target=build.target or "",
            bases=bases,
            source=source,
            mentions=tuple(dict.fromkeys(asked.mentions)),
        )

    def _files(self, build: Build, context: Mapping[str, Any], asked: Asked) -> dict[str, tuple[str, bytes]]:
        """By path in the context: the name below templates/, and the content."""
        found: dict[str, tuple[str, bytes]] = {}
        folder = f"{build.context}/"
        for name in sorted(self._fleet.templates):
            if not name.startswith(folder):
                continue
            path = name.removeprefix(folder)
            content = self._fleet.templates[name]
            if name.endswith(_SUFFIX):
                path = path.removesuffix(_SUFFIX)
                asked.place = Place(f"templates/{name}", 0)
                image = str if path == build.dockerfile else asked.image
                content = self._templates.file(name, {**context, "image": image}, asked.place).encode()
            if path in found:
                raise Unfit(
                    f"templates/{found[path][0]} and templates/{name} would be one file of the context"
                )
            found[path] = name, content
        return found

    def _pinned(
        self, dockerfile: bytes, args: Mapping[str, str], source: str
    ) -> tuple[bytes, tuple[Base, ...]]:
        """The Dockerfile with a digest beside each image that has one, and all images that it names."""
        try:
            text = dockerfile.decode()
        except UnicodeDecodeError:
            raise Unfit(f"{source} is not UTF-8 text") from None
        bases = []
        for found in reversed(from_lines(text, args)):
            base = self._base(found, source)
            bases.append(base)
            if base.digest:
                text = text[: found.start] + base.pinned + text[found.end :]
        return text.encode(), tuple(reversed(bases))

    def _base(self, found: From, source: str) -> Base:
        where = f"{source}:{found.line}"
        if not found.whole:
            hint = "give the ARG a default before the first FROM, or a value under args of the build"
            raise Unfit(f"{where} builds on {found.image}, and nothing says which image that is", hint)
        try:
            read = parse_reference(found.image)
        except Unfit as reason:
            raise Unfit(f"{where}: {reason}", reason.hint) from None
        if read.is_built_here:
            message = (
                f"{where} builds on {found.image}: a build cannot begin with an image that opsctl builds"
            )
            raise Unfit(message, "put both into one Dockerfile, as stages")
        pinned, digest = self._pins.of(found.image), self._pins.digest(read)
        return Base(found.image, pinned, digest, Place(source, found.line))


def _sent(contents: Mapping[str, bytes], dockerfile: str) -> set[str]:
    """The paths that the engine gets: it reads the Dockerfile and .dockerignore even where they are ignored."""
    ignores = ignored(contents.get(_IGNORE, b"").decode(errors="replace"))
    return {path for path in contents if path in {dockerfile, _IGNORE} or not ignores(path)}


def _hash(build: Build, args: Mapping[str, str], files: tuple[BuildFile, ...], platform: str) -> str:
    made_of = {
        "args": dict(args),
        "dockerfile": build.dockerfile,
        "files": [[file.path, file.mode, hashlib.sha256(file.content).hexdigest()] for file in files],
        "platform": platform,
        "target": build.target or "",
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _path_part(text: str) -> str:
    """A name as a part of a repository, which takes less than names of folders and projects do."""
    small = text.lower()
    return small if _PATH_PART.fullmatch(small) else re.sub(r"[^a-z0-9]+", "-", small).strip("-") or "x"


def _no_secret(_name: str) -> NoReturn:
    raise UsageError(
        "secret() cannot be used in a build: whoever has the image would have the value",
        hint="give it to the container, by env or by files",
    )
