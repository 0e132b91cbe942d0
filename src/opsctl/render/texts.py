"""The texts and files of services, rendered, each with the place where it was written; imports Jinja."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.model.fleet import Fleet, Place
from opsctl.model.nearest import nearest
from opsctl.model.stack import FileSpec, SecretRef
from opsctl.model.values import Unfit
from opsctl.render import envfile
from opsctl.render.draft import file_path
from opsctl.render.problems import locate
from opsctl.render.templating import Templates, is_template, require_single_dollars
from opsctl.state.desired import DesiredFile, Reaction


class Texts:
    """Of the stacks of one environment. Methods raise InputError, and ValueError for what cannot be meant."""

    def __init__(self, fleet: Fleet, environment: str, templates: Templates) -> None:
        self._fleet = fleet
        self._environment = environment
        self._templates = templates

    def place(self, stack: str, *path: str | int) -> Place:
        return locate(self._fleet, self._environment, stack, *path)

    def env_value(
        self, key: str, value: str | SecretRef, context: Mapping[str, Any], stack: str, service: str
    ) -> str:
        if isinstance(value, SecretRef):
            text = str(context["secret"](value.secret))
        else:
            text = self.text(value, context, stack, "services", service, "env", key)
        if problem := envfile.key_problem(key) or envfile.value_problem(text):
            raise ValueError(f"{key}: {problem}")
        return text

    def file(
        self, spec: FileSpec, context: Mapping[str, Any], stack: str, service: str, index: int
    ) -> DesiredFile:
        path = ("services", service, "files", index)
        target = self.text(spec.target, context, stack, *path, "target")
        command, check = (
            tuple(self.text(word, context, stack, *path, "on_change") for word in words)
            for words in (spec.on_change.command, spec.on_change.check)
        )
        return DesiredFile(
            path=file_path(service, target),
            content=self.content(spec, context, stack, *path),
            mode=spec.mode,
            target=target,
            mount=spec.mount,
            reaction=Reaction(spec.on_change.kind, command, spec.on_change.signal, check),
            origin=self.origin(spec, stack, service, index),
        )

    def origin(self, spec: FileSpec, stack: str, service: str, index: int) -> Place:
        if name := spec.template or spec.source:
            return Place(f"templates/{name}", 0)
        return self.place(stack, "services", service, "files", index, "content")

    def content(self, spec: FileSpec, context: Mapping[str, Any], stack: str, *path: str | int) -> bytes:
        if spec.template is not None:
            place = self.place(stack, *path, "template")
            return self._templates.file(spec.template, context, place).encode()
        if spec.source is not None:
            if spec.source not in self._fleet.templates:
                hint = nearest(spec.source, self._fleet.templates)
                raise Unfit(f"there is no file templates/{spec.source}", hint)
            return self._fleet.templates[spec.source]
        return self.text(spec.content or "", context, stack, *path, "content").encode()

    def text(self, text: str, context: Mapping[str, Any], stack: str, *path: str | int) -> str:
        return self._templates.text(text, context, self.place(stack, *path)) if is_template(text) else text

    def deep(self, value: Any, context: Mapping[str, Any], stack: str, *path: str | int) -> Any:
        """Plain data with every text in it rendered; keys stay as they are."""
        if isinstance(value, str):
            require_single_dollars(value)
            return self.text(value, context, stack, *path)
        if isinstance(value, Mapping):
            return {key: self.deep(entry, context, stack, *path, key) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(entry, context, stack, *path, index) for index, entry in enumerate(value)]
        return value
