"""Rules about what can be reached from outside."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

# The ports inside the container at which software listens that asks for no login, or that nobody should see.
_STORES = {
    5432: "PostgreSQL",
    3306: "MySQL",
    6379: "Redis",
    6333: "Qdrant",
    6334: "Qdrant",
    9200: "Elasticsearch",
    11211: "Memcached",
    27017: "MongoDB",
    2375: "the Docker engine",
}
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def _published_stores(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for address, published, target in _ports(view):
            if address in _EVERYWHERE and target in _STORES:
                message = f"{_STORES[target]} is published on port {published} of every address"
                hint = (
                    "services of one network reach it without a published port; or write 127.0.0.1:PORT:PORT"
                )
                yield _hit(view, message, hint)


def _unbound(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for address, published, target in _ports(view):
            if address in _EVERYWHERE and target not in _STORES:
                message = f"port {published} is published on every address"
                yield _hit(view, message, "write ADDRESS:PORT:PORT, for instance of the VPN")


def _ports(view: ServiceView) -> Iterator[tuple[str, int, int]]:
    """Address, published port and port inside the container."""
    for entry in view.definition.get("ports") or ():
        from opsctl.render.ports import read_port

        read = read_port(entry).as_view()
        if read["published"]:
            yield str(read["address"] or ""), int(read["published"]), int(read["target"])


def _hit(view: ServiceView, message: str, hint: str) -> Hit:
    return about(view, view.place("ports"), message, hint)


RULES = (
    Rule(
        "NET001",
        "network",
        "error",
        "a database that anybody can reach",
        "Docker publishes ports past the firewall: its own rules come before those of ufw and firewalld.",
        "Leave the port unpublished, or bind it to 127.0.0.1 or to the VPN's address.",
        "docs.docker.com, packet filtering and firewalls",
        _published_stores,
    ),
    Rule(
        "NET002",
        "network",
        "note",
        "a port on every address",
        "Docker publishes ports past the firewall; what is meant for the VPN alone is then open to all.",
        "Bind it to an address, unless it is meant for everybody.",
        "docs.docker.com, packet filtering and firewalls",
        _unbound,
    ),
)
