"""Rendering one host: its texts and files, the compose template, and what that comes to; imports Jinja."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from opsctl.images.other_images import with_other_images
from opsctl.images.pins import Pins
from opsctl.model.checks import OwnCheck
from opsctl.model.fleet import Fleet, Place
from opsctl.model.nearest import nearest
from opsctl.model.references import parse_reference
from opsctl.model.stack import Build, Service
from opsctl.model.values import Unfit
from opsctl.render import envfile
from opsctl.render.builds import Building
from opsctl.render.context import Asked, Secrets, host_context, service_view
from opsctl.render.databases import desired_databases
from opsctl.render.document import Document, compose_document, document_place
from opsctl.render.draft import Draft, definition
from opsctl.render.merged import desired_merges, merged_twice
from opsctl.render.own_checks import Path, rendered
from opsctl.render.ports import read_port
from opsctl.render.problems import Problems
from opsctl.render.split import desired_service, named_volumes
from opsctl.render.templating import Templates
from opsctl.render.texts import Texts
from opsctl.state.desired import (
    DesiredBuild,
    DesiredDatabase,
    DesiredFile,
    DesiredHost,
    DesiredService,
    Mention,
)

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
        self._host = host
        self._templates = templates
        self._secrets = secrets
        self._problems = problems
        self._texts = Texts(fleet, environment, templates)
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
        for place, message in merged_twice(drafts.values()):
            self._problems.add(place, message, "write all of its keys at one service")
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

    def _view(self, stack: str, name: str, service: Service) -> Mapping[str, Any]:
        """Image, ports and settings first, without `services`: a service can then name those of any other."""
        context = {**self._context, "stack": stack, "service": {"name": name}}
        at, image, ports, settings = (stack, "services", name), "", [], dict[str, Any]()
        with self._problems.at(
            self._texts.place(stack, "services", name, "build" if service.build else "image")
        ):
            if service.build:
                self._builds[name] = self._build(service.build, context, stack, name)
                written = self._builds[name].image
            else:
                written = self._texts.text(service.image, context, stack, "services", name, "image").strip()
            self._written[name], image = written, self._pins.of(written) if written else ""
        for index, entry in enumerate(service.compose.get("ports") or ()):
            with self._problems.at(self._texts.place(*at, "ports", index)):
                ports.append(read_port(self._texts.deep(entry, context, *at, "ports", index)).as_view())
        with self._problems.at(self._texts.place(*at, "settings")):
            settings = self._texts.deep(service.settings, context, *at, "settings")
        site = self._context["sites"][service.site.name] if service.site else None
        return service_view(name, stack, service, image, ports, settings=settings, site=site)

    def _build(self, build: Build, context: Mapping[str, Any], stack: str, name: str) -> DesiredBuild:
        where = partial(self._texts.place, stack, "services", name, "build", "args")
        building = Building(self._fleet, self._host, self._templates, self._pins)
        return building.build(build, context, Asked(self._secrets, self._pins), where)

    def _draft(self, stack: str, name: str, service: Service) -> Draft:
        view = self._context["services"][name]
        asked = Asked(self._secrets, self._pins)
        plain = {**self._context, "stack": stack, "service": view, "image": asked.image}
        private = {**plain, "secret": asked.secret, "login": asked.login}
        compose: dict[str, Any] = {}
        for key, value in service.compose.items():
            asked.place = self._texts.place(stack, "services", name, key)
            with self._problems.at(asked.place):
                compose[key] = self._texts.deep(value, plain, stack, "services", name, key)
        env: dict[str, str] = {}
        for key, value in service.env.items():
            asked.place = self._texts.place(stack, "services", name, "env", key)
            with self._problems.at(asked.place):
                env[key] = self._texts.env_value(key, value, private, stack, name)
        files = self._files(service, private, asked, stack, name)
        owned = partial(desired_merges, self._texts, self._problems, service.merge)
        merges = owned(context=private, asked=asked, compose=compose, owner=(stack, name))
        place, built = self._texts.place(stack, "services", name), self._builds.get(name)
        return Draft(
            name,
            stack,
            place,
            service,
            view["image"],
            compose,
            env,
            files,
            frozenset(asked.names),
            tuple(dict.fromkeys((*asked.mentions, *(built.mentions if built else ())))),
            built,
            merges=merges,
            databases=self._databases(stack, name, service),
            checks=self._checks(service, plain, stack, name),
        )

    def _checks(
        self, service: Service, plain: Mapping[str, Any], stack: str, name: str
    ) -> tuple[OwnCheck, ...]:
        """Their secrets are none of the service's: a new value makes no container anew."""
        asked = Asked(self._secrets, self._pins)
        private = {**plain, "secret": asked.secret, "login": asked.login}
        found: list[OwnCheck] = []
        for index, check in enumerate(service.checks):
            at = ("services", name, "checks", index)

            def text(one: str, path: Path, secret: bool, at: Path = at) -> str:
                return self._texts.text(one, private if secret else plain, stack, *at, *path)

            with self._problems.at(self._texts.place(stack, *at)):
                found.append(rendered(check, text))
        return tuple(found)

    def _databases(self, stack: str, name: str, service: Service) -> tuple[DesiredDatabase, ...]:
        place = partial(self._texts.place, stack, "services", name, "databases")
        return desired_databases(service.databases, self._secrets, self._problems, place)

    def _files(
        self, service: Service, context: Mapping[str, Any], asked: Asked, stack: str, name: str
    ) -> tuple[DesiredFile, ...]:
        files: dict[str, DesiredFile] = {}
        for index, spec in enumerate(service.files):
            asked.place = self._texts.origin(spec, stack, name, index)
            with self._problems.at(self._texts.place(stack, "services", name, "files", index)):
                file = self._texts.file(spec, context, stack, name, index)
                if file.target in files:
                    raise ValueError(f"{file.target} is mounted twice")
                files[file.target] = file
        return tuple(files.values())

    def _merged(self, kind: str) -> dict[str, dict[str, Any]]:
        """Networks or volumes of all stacks of the host; two that bear one name must say the same."""
        merged: dict[str, dict[str, Any]] = {}
        first: dict[str, Place] = {}
        for stack, file in self._stacks.items():
            section: Mapping[str, Any] = file.networks if kind == "networks" else file.volumes
            for name, entry in section.items():
                place = self._texts.place(stack, kind, name)
                with self._problems.at(place):
                    found = self._texts.deep(
                        entry or {}, {**self._context, "stack": stack}, stack, kind, name
                    )
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
        place = self._texts.place(service.stack, "services", service.name, key)
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
            place = self._texts.place(draft.stack, "services", draft.name, key) if own else None
            digest = self._pins.digest(parse_reference(image))
            mentions.append(Mention(image, digest, place or document_place(self._templates)))
            return self._pins.of(image)

        return with_other_images(service.definition, pinned), tuple(dict.fromkeys(mentions))
