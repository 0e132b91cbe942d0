"""Where software that people reach in a browser takes passwords, by the repository of its image."""

from __future__ import annotations

import re

from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit

# n8n: packages/cli auth.controller.ts. Grafana: pkg/api/api.go. NocoDB: auth.controller.ts (v1 and v2, and the old path).
# LiteLLM: proxy/proxy_server.py 9300 and 9350 (1.81.3).
_GRAFANA = ("/login",)
_BY_REPOSITORY: dict[str, tuple[str, ...]] = {
    "n8nio/n8n": ("/rest/login",),
    "grafana/grafana": _GRAFANA,
    "grafana/grafana-oss": _GRAFANA,
    "grafana/grafana-enterprise": _GRAFANA,
    "nocodb/nocodb": ("/api/v1/auth/user/signin", "/api/v2/auth/user/signin", "/auth/user/signin"),
    "berriai/litellm": ("/login", "/v2/login"),
    "berriai/litellm-database": ("/login", "/v2/login"),
    "berriai/litellm-non_root": ("/login", "/v2/login"),
}
_EXPRESSION = re.compile(r"\{\{.*?\}\}")


def login_paths(image: str) -> tuple[str, ...]:
    """Of an image as a stack file writes it, whatever its registry or mirror; empty for software that is not known."""
    try:
        path = parse_reference(_EXPRESSION.sub("0", image)).path
    except Unfit:
        return ()
    found = (
        paths
        for repository, paths in _BY_REPOSITORY.items()
        if path == repository or path.endswith(f"/{repository}")
    )
    return next(found, ())
