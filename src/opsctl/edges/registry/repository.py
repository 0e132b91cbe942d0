"""One repository at one registry or mirror: questions to it, logged in where it asks for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from opsctl.edges.registry.authorization import Authorization, login_hint
from opsctl.edges.registry.endpoints import Endpoint
from opsctl.edges.registry.limits import Limits
from opsctl.edges.registry.manifests import MEDIA_TYPES
from opsctl.edges.registry.patience import Errand
from opsctl.edges.registry.quoting import Quoting, codes
from opsctl.edges.registry.reach import Question, Reach
from opsctl.edges.registry.transport import Answer
from opsctl.errors import NotInRegistry, OpsctlError, RegistryUnavailable
from opsctl.model.references import Reference

_NOT_LET_IN = {401, 403}
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Ways:
    """What all repositories share."""

    reach: Reach
    authorization: Authorization
    quoting: Quoting
    limits: Limits


class Repository:
    """Each question gives the answer whatever its status, after one try more where the registry asks for a login or a
    token has ended. It raises RegistryUnavailable where none comes.
    """

    def __init__(self, ways: Ways, endpoint: Endpoint, image: Reference, errand: Errand) -> None:
        self.image = image
        self.limits = ways.limits
        self._ways = ways
        self._endpoint = endpoint
        self._errand = errand
        self._name = endpoint.folder + image.path

    def manifest(self, method: str, named: str) -> Answer:
        """`named` by a tag or a digest."""
        return self._ask(Question(method, f"manifests/{named}", self.limits.manifest, MEDIA_TYPES))

    def blob(self, digest: str) -> Answer:
        return self._ask(Question("GET", f"blobs/{digest}", self.limits.manifest))

    def tags(self, path: str) -> Answer:
        """`path` is relative to the repository, or from the root where the registry has named it."""
        return self._ask(Question("GET", path, self.limits.tags))

    def unavailable(self, words: str, hint: str = "") -> RegistryUnavailable:
        """`words` go after the name of the registry or mirror."""
        return RegistryUnavailable(f"{self._endpoint} {words}", where=self._errand.where, hint=hint)

    def refusal(self, answer: Answer, *, whole: bool = False) -> OpsctlError:
        """What an answer other than 200 means: NotInRegistry or RegistryUnavailable. `whole`: the repository was meant."""
        said = self._ways.quoting.said(answer.body)
        if answer.status in _NOT_LET_IN:
            login = self._ways.authorization.login(self._endpoint)
            return self.unavailable(
                f"does not let us see it, or has no such repository ({answer.status}{said}); {login}",
                login_hint(self._endpoint),
            )
        if answer.status != _NOT_FOUND:
            return self.unavailable(f"answered {answer.status}{said}")
        if whole or "NAME_UNKNOWN" in codes(answer.body):
            return self._missing(f"has no repository {self._name}")
        if self.image.digest:
            return self._missing(
                f"has no image {self.image.digest} of it any more",
                "opsctl pin-images --update locks what its tag names now",
            )
        return self._missing(f"has no tag {self.image.known_tag!r} of it")

    def _missing(self, words: str, hint: str = "") -> NotInRegistry:
        return NotInRegistry(f"{self._endpoint} {words}", where=self._errand.where, hint=hint)

    def _ask(self, question: Question) -> Answer:
        endpoint, errand, reach = self._endpoint, self._errand, self._ways.reach
        if not question.path.startswith("/"):
            question = replace(question, path=f"/v2/{self._name}/{question.path}")
        used = self._ways.authorization.known(endpoint, self._name, errand)
        answer = reach.ask(endpoint, replace(question, authorization=used), errand)
        # A challenge counts only from the registry itself, not from where it redirects.
        if answer.status not in _NOT_LET_IN or urlsplit(answer.url).netloc != endpoint.host:
            return answer
        other = self._ways.authorization.after(endpoint, self._name, answer, used, errand)
        if not other:
            return answer
        return reach.ask(endpoint, replace(question, authorization=other), errand)
