"""The tags of a repository, page by page (distribution-spec 1.1; Link as in RFC 8288)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from opsctl.edges.registry.repository import Repository
from opsctl.edges.registry.transport import Answer

_OK = 200
_FIRST = "tags/list?n=1000"
_NEXT = re.compile(r"""<([^>]*)>[^,]*;\s*rel\s*=\s*["']?next\b""", re.IGNORECASE)


def tags(repository: Repository) -> list[str]:
    """All of them, each once. Raises NotInRegistry, and RegistryUnavailable also where there are more pages than are read:
    a list that is not whole would hide what it leaves out.
    """
    found: dict[str, None] = {}
    for number, page in enumerate(_pages(repository)):
        if number == repository.limits.pages:
            raise repository.unavailable(
                f"has more than {number} pages of tags of it ({len(found)} tags were read)",
                "which of them are newer cannot be told; look there, and name the tag",
            )
        found |= dict.fromkeys(page)
    return list(found)


def some_tags(repository: Repository) -> list[str]:
    """One page of them. Raises as `tags`."""
    return next(_pages(repository))


def _pages(repository: Repository) -> Iterator[list[str]]:
    path, seen = _FIRST, set[str]()
    while path not in seen:
        seen.add(path)
        answer = repository.tags(path)
        if answer.status != _OK:
            raise repository.refusal(answer, whole=True)
        yield _names(repository, answer)
        following = _following(repository, answer)
        if not following:
            return
        path = following
    raise repository.unavailable("lists its tags in a circle")


def _names(repository: Repository, answer: Answer) -> list[str]:
    try:
        # null where the last tag of a repository was deleted (distribution 2.8).
        told = json.loads(answer.body)["tags"] or []
    except (ValueError, TypeError, KeyError, RecursionError):
        told = None
    if not isinstance(told, list) or not all(isinstance(tag, str) for tag in told):
        raise repository.unavailable("answers what is no list of tags")
    return told


def _following(repository: Repository, answer: Answer) -> str:
    """The path and query of the next page, "" where this was the last."""
    link = _NEXT.search(answer.headers.get("Link", ""))
    if not link:
        return ""
    # Only path and query count: a registry behind a proxy may name http:// where https:// was asked.
    target = urlsplit(urljoin(answer.url, link[1]))
    if target.netloc != urlsplit(answer.url).netloc:
        raise repository.unavailable("has its next page of tags on another server")
    return f"{target.path}?{target.query}"
