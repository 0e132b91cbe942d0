"""A LiteLLM service as the rules see it: its version, its config.yaml, its models."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.image_version import version_of
from opsctl.apps.litellm.key_lists import GENERAL
from opsctl.apps.litellm.settings import Settings
from opsctl.apps.options import option
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

_DEFAULT_CONFIG = "/app/config.yaml"
_DEFAULT_PORT = "4000"
# Providers that run on machines of one's own and send no bill (docs.litellm.ai/docs/providers).
_UNBILLED = frozenset(
    {
        *("ollama", "ollama_chat", "hosted_vllm", "vllm", "lm_studio", "llamafile", "lemonade", "xinference"),
        "docker_model_runner",
    }
)
# litellm.get_llm_provider for names without a prefix (1.81.3), the three that are met.
_BARE = {"gpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude-": "anthropic"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of model_list. `provider` is "" where its name does not tell."""

    at: int
    group: str
    params: Mapping[str, Any]
    info: Mapping[str, Any]
    provider: str

    @property
    def billed(self) -> bool:
        """Whether a call costs money: not on one's own machines, and not OpenRouter's free variants."""
        free = self.provider in _UNBILLED or str(self.params.get("model", "")).endswith(":free")
        return not free and not _is_own(self.params.get("api_base"))

    @property
    def capped(self) -> bool:
        """Whether it has a budget of its own (router_strategy/budget_limiter.py, _init_deployment_budgets)."""
        return all(self.params.get(key) is not None for key in ("max_budget", "budget_duration"))


@dataclass(frozen=True, slots=True)
class Proxy:
    """`config` is None where it has no config file, or one that opsctl does not mount: then `unread` is its path."""

    view: ServiceView
    config: ConfigFile | None
    unread: str = ""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    def section(self, name: str) -> Mapping[str, Any]:
        return self.config.section(name) if self.config else {}

    @property
    def version(self) -> tuple[int, int, int] | None:
        """As the image's tag says it: v1.81.3-stable, main-v1.81.3, v1.89.1."""
        return version_of(self.view.service.asked_image or self.view.service.image)

    @property
    def port(self) -> str:
        words = self.view.words("entrypoint", "command")
        return option(words, "--port") or self.view.service.env.get("PORT") or _DEFAULT_PORT

    @property
    def in_background(self) -> bool:
        return is_on(self.section(GENERAL).get("background_health_checks"))

    def deployments(self) -> Iterator[Deployment]:
        entries = (
            self.config.document.value.get("model_list") if self.config and self.config.section() else None
        )
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, Mapping):
                params, info = entry.get("litellm_params"), entry.get("model_info")
                params = params if isinstance(params, Mapping) else {}
                info = info if isinstance(info, Mapping) else {}
                yield Deployment(at, str(entry.get("model_name", "")), params, info, _provider(params))

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        """About a part of the stack file."""
        return about(self.view, self.view.place(*path), message, hint)


def proxies(subject: Subject) -> tuple[Proxy, ...]:
    """Every service with `app: litellm`."""
    return subject.once(_proxies)


def _proxies(subject: Subject) -> Iterator[Proxy]:
    for view in subject.services():
        if view.written.app == "litellm":
            yield proxy_of(view)


def proxy_of(view: ServiceView) -> Proxy:
    """With the file that its command or its environment names, else the one in the image's place."""
    words = view.words("entrypoint", "command")
    named = option(words, "--config", "-c") or view.service.env.get("CONFIG_FILE_PATH", "")
    config = config_file(view, named or _DEFAULT_CONFIG)
    return Proxy(view, config, named if config is None else "")


def configured(subject: Subject) -> Iterator[tuple[Proxy, ConfigFile]]:
    """Those whose config file can be looked at."""
    yield from ((proxy, proxy.config) for proxy in proxies(subject) if proxy.config)


def is_on(value: object) -> bool:
    """As PyYAML, which LiteLLM reads with, takes it: yes and on are true as well."""
    return value is True or (isinstance(value, str) and value.lower() in {"yes", "on", "true"})


def _provider(params: Mapping[str, Any]) -> str:
    if named := params.get("custom_llm_provider"):
        return str(named)
    model = str(params.get("model", ""))
    prefix, slash, _rest = model.partition("/")
    if slash:
        return prefix
    return next((provider for start, provider in _BARE.items() if model.startswith(start)), "")


def _is_own(api_base: object) -> bool:
    """Whether an endpoint is on one's own network: a service's name, or a private address."""
    try:
        host = urlsplit(str(api_base or "")).hostname
    except ValueError:
        return False
    if not host:
        return False
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".lan"))
