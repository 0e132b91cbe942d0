"""Rendering one host: its texts and files, the compose template, and what that comes to; imports Jinja."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from opsctl.images.other_images import with_other_images
from opsctl.images.pins import Pins
from opsctl.model.fleet import Fleet, Place
from opsctl.model.nearest import nearest
from opsctl.model.references import parse_reference
from opsctl.model.stack import Build, FileSpec, SecretRef, Service
from opsctl.model.values import Unfit
from opsctl.render import envfile
from opsctl.render.builds import Building
from opsctl.render.context import Asked, Secrets, host_context, service_view
from opsctl.render.document import Document, compose_document, document_place
from opsctl.render.draft import Draft, definition, file_path
from opsctl.render.ports import read_port
from opsctl.render.problems import Problems, locate
from opsctl.render.split import desired_service, named_volumes
from opsctl.render.templating import Templates, is_template, require_single_dollars
from opsctl.state.desired import DesiredBuild, DesiredFile, DesiredHost, DesiredService, Mention, Reaction

_KNOWN_TO_ENGINE = frozenset({"default"})


class HostRendering:
    """One host of one environment on its way from the fleet to a DesiredHost; problems go to the collector."""

    def __init__(
        self,
        fleet: Fleet,
        environment: str,
        host: str,
        *,
        templates: Templates,
        secrets: Secrets,
        problems: Problems,
    ) -> None:
        self._fleet = fleet
        self._environment = environment
        self._host = host
        self._templates = templates
        self._secrets = secrets
        self._problems = problems
        self._stacks = fleet.stacks_of(environment, host)
        self._pins = Pins(fleet.lock, pushed=fleet.host(host).images == "push")
        self._written: dict[str, str] = {}
        self._builds: dict[str, DesiredBuild] = {}
        self._context = host_context(fleet, environment, host, self._pins)
        self._said_by_template: list[Mention] = []

    def run(self, directory: str) -> DesiredHost | None:
        """The host as it shall be; None where a problem was found."""
        before = self._problems.count
        views = {name: self._view(stack, name, service) for stack, name, service in self._services()}
        self._context["services"] = views
        drafts = {name: self._draft(stack, name, service) for stack, name, service in self._services()}
        networks, volumes = self._merged("networks"), self._merged("volumes")
        if self._problems.count > before:
            return None
        asked = Document(
            self._fleet.project,
            {name: definition(drafts[name]) for name in sorted(drafts)},
            networks,
            volumes,
        )
        with self._problems.at(document_place(self._templates)):
            said = Asked(self._secrets, self._pins)
            said.place = document_place(self._templates)
            context = {**self._context, "image": said.image}
            document = compose_document(self._templates, context, asked)
            self._said_by_template = said.mentions
            services = {name: self._desired(drafts[name], document) for name in sorted(document.services)}
            if self._problems.count == before:
                return self._finished(
                    directory, document, {name: one for name, one in services.items() if one}
                )
        return None

    def _finished(
        self, directory: str, document: Document, services: Mapping[str, DesiredService]
    ) -> DesiredHost:
        used = {network for service in services.values() for network in service.networks}
        implied: dict[str, dict[str, Any]] = {"default": {}} if "default" in used else {}
        return DesiredHost(
            name=self._host,
            project=document.name,
            directory=directory,
            services=services,
            networks=dict(sorted({**implied, **document.networks}.items())),
            volumes=dict(sorted(document.volumes.items())),
            env_files={name: envfile.dump(service.env) for name, service in services.items() if service.env},
            pulls=not self._pins.pushed,
        )

    def _services(self) -> Iterator[tuple[str, str, Service]]:
        for stack, file in self._stacks.items():
            for name, service in file.services.items():
                yield stack, name, service

    def _place(self, stack: str, *path: str | int) -> Place:
        return locate(self._fleet, self._environment, stack, *path)

    def _view(self, stack: str, name: str, service: Service) -> Mapping[str, Any]:
        """Image, ports and settings first, without `services`: a service can then name those of any other."""
        context = {**self._context, "stack": stack, "service": {"name": name}}
        at, image, ports, settings = (stack, "services", name), "", [], dict[str, Any]()
        with self._problems.at(self._place(stack, "services", name, "build" if service.build else "image")):
            if service.build:
                self._builds[name] = self._build(service.build, context, stack, name)
                written = self._builds[name].image
            else:
                written = self._text(service.image, context, stack, "services", name, "image").strip()
            self._written[name], image = written, self._pins.of(written) if written else ""
        for index, entry in enumerate(service.compose.get("ports") or ()):
            with self._problems.at(self._place(*at, "ports", index)):
                ports.append(read_port(self._deep(entry, context, *at, "ports", index)).as_view())
        with self._problems.at(self._place(*at, "settings")):
            settings = self._deep(service.settings, context, *at, "settings")
        return service_view(name, stack, service, image, ports, settings=settings)

    def _build(self, build: Build, context: Mapping[str, Any], stack: str, name: str) -> DesiredBuild:
        where = partial(self._place, stack, "services", name, "build", "args")
        building = Building(self._fleet, self._host, self._templates, self._pins)
        return building.build(build, context, Asked(self._secrets, self._pins), where)

    def _draft(self, stack: str, name: str, service: Service) -> Draft:
        view = self._context["services"][name]
        asked = Asked(self._secrets, self._pins)
        plain = {**self._context, "stack": stack, "service": view, "image": asked.image}
        private = {**plain, "secret": asked.secret, "login": asked.login}
        compose: dict[str, Any] = {}
        for key, value in service.compose.items():
            asked.place = self._place(stack, "services", name, key)
            with self._problems.at(asked.place):
                compose[key] = self._deep(value, plain, stack, "services", name, key)
        env: dict[str, str] = {}
        for key, value in service.env.items():
            asked.place = self._place(stack, "services", name, "env", key)
            with self._problems.at(asked.place):
                env[key] = self._env_value(key, value, private, stack, name)
        files: dict[str, DesiredFile] = {}
        for index, spec in enumerate(service.files):
            asked.place = self._origin(spec, stack, name, index)
            with self._problems.at(self._place(stack, "services", name, "files", index)):
                file = self._file(spec, private, stack, name, index)
                if file.target in files:
                    raise ValueError(f"{file.target} is mounted twice")
                files[file.target] = file
        place, built = self._place(stack, "services", name), self._builds.get(name)
        return Draft(
            name,
            stack,
            place,
            service,
            view["image"],
            compose,
            env,
            tuple(files.values()),
            frozenset(asked.names),
            tuple(dict.fromkeys((*asked.mentions, *(built.mentions if built else ())))),
            built,
        )

    def _env_value(
        self, key: str, value: str | SecretRef, context: Mapping[str, Any], stack: str, service: str
    ) -> str:
        if isinstance(value, SecretRef):
            text = str(context["secret"](value.secret))
        else:
            text = self._text(value, context, stack, "services", service, "env", key)
        if problem := envfile.key_problem(key) or envfile.value_problem(text):
            raise ValueError(f"{key}: {problem}")
        return text

    def _file(
        self, spec: FileSpec, context: Mapping[str, Any], stack: str, service: str, index: int
    ) -> DesiredFile:
        path = ("services", service, "files", index)
        target = self._text(spec.target, context, stack, *path, "target")
        command = tuple(
            self._text(word, context, stack, *path, "on_change") for word in spec.on_change.command
        )
        return DesiredFile(
            path=file_path(service, target),
            content=self._content(spec, context, stack, *path),
            mode=spec.mode,
            target=target,
            mount=spec.mount,
            reaction=Reaction(spec.on_change.kind, command, spec.on_change.signal),
            origin=self._origin(spec, stack, service, index),
        )

    def _origin(self, spec: FileSpec, stack: str, service: str, index: int) -> Place:
        if name := spec.template or spec.source:
            return Place(f"templates/{name}", 0)
        return self._place(stack, "services", service, "files", index, "content")

    def _content(self, spec: FileSpec, context: Mapping[str, Any], stack: str, *path: str | int) -> bytes:
        if spec.template is not None:
            place = self._place(stack, *path, "template")
            return self._templates.file(spec.template, context, place).encode()
        if spec.source is not None:
            if spec.source not in self._fleet.templates:
                hint = nearest(spec.source, self._fleet.templates)
                raise Unfit(f"there is no file templates/{spec.source}", hint)
            return self._fleet.templates[spec.source]
        return self._text(spec.content or "", context, stack, *path, "content").encode()

    def _merged(self, kind: str) -> dict[str, dict[str, Any]]:
        """Networks or volumes of all stacks of the host; two that bear one name must say the same."""
        merged: dict[str, dict[str, Any]] = {}
        first: dict[str, Place] = {}
        for stack, file in self._stacks.items():
            section: Mapping[str, Any] = file.networks if kind == "networks" else file.volumes
            for name, entry in section.items():
                place = self._place(stack, kind, name)
                with self._problems.at(place):
                    found = self._deep(entry or {}, {**self._context, "stack": stack}, stack, kind, name)
                    if merged.setdefault(name, found) != found:
                        raise ValueError(f"{kind[:-1]} {name!r} is defined otherwise at {first[name]}")
                    first.setdefault(name, place)
        return merged

    def _desired(self, draft: Draft, document: Document) -> DesiredService | None:
        """The service of the parsed document, with what it names looked up in the rest of it."""
        mapping = document.services[draft.name]
        with self._problems.at(draft.place):
            service = self._pinned(draft, desired_service(draft, mapping, document.volumes))
            looked_up = (
                ("network", set(service.networks) - _KNOWN_TO_ENGINE, document.networks),
                ("volume", set(named_volumes(mapping)), document.volumes),
                ("service", {*service.shares, *service.depends_on}, document.services),
            )
            for what, names, known in looked_up:
                for name in sorted(names - set(known)):
                    message = f"{draft.name} names the {what} {name!r}, which {self._host} does not have"
                    raise Unfit(message, nearest(name, known))
            return service
        return None

    def _pinned(self, draft: Draft, service: DesiredService) -> DesiredService:
        """With its digest, and where the image was written: the compose template has the last word."""
        written = self._written[service.name]
        key = "build" if service.build else "image"
        place = self._place(service.stack, "services", service.name, key)
        if service.image != self._context["services"][service.name]["image"]:
            written, place = service.image, document_place(self._templates)
        image = self._pins.of(written)
        others, mentions = self._others_pinned(draft, service)
        return replace(
            service,
            image=image,
            definition={**others, "image": image},
            digest=self._pins.digest(parse_reference(written)),
            asked_image=written,
            image_place=place,
            mentions=mentions,
        )

    def _others_pinned(
        self, draft: Draft, service: DesiredService
    ) -> tuple[Mapping[str, Any], tuple[Mention, ...]]:
        """The mapping with the digests of images beside its own, and all that image() or a key of Compose names."""
        texts = repr(service.definition)
        mentions = [*service.mentions]
        mentions += [one for one in self._said_by_template if repr(self._pins.of(one.image))[1:-1] in texts]
        rendered = {self._pins.of(one.image) for one in mentions}
        rendered |= {view["image"] for view in self._context["services"].values()}

        def pinned(key: str, image: str) -> str:
            if image in rendered:
                return image
            own = key in draft.compose
            place = self._place(draft.stack, "services", draft.name, key) if own else None
            digest = self._pins.digest(parse_reference(image))
            mentions.append(Mention(image, digest, place or document_place(self._templates)))
            return self._pins.of(image)

        return with_other_images(service.definition, pinned), tuple(dict.fromkeys(mentions))

    def _text(self, text: str, context: Mapping[str, Any], stack: str, *path: str | int) -> str:
        return self._templates.text(text, context, self._place(stack, *path)) if is_template(text) else text

    def _deep(self, value: Any, context: Mapping[str, Any], stack: str, *path: str | int) -> Any:
        """Plain data with every text in it rendered; keys stay as they are."""
        if isinstance(value, str):
            require_single_dollars(value)
            return self._text(value, context, stack, *path)
        if isinstance(value, Mapping):
            return {key: self._deep(entry, context, stack, *path, key) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self._deep(entry, context, stack, *path, index) for index, entry in enumerate(value)]
        return value
