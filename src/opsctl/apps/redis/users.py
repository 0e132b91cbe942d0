"""Who may log in: users.acl, or the `user` lines of redis.conf, as the server reads them (Redis 7.0 acl.c)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class User:
    """`passwords` is how many it has. With `nopass` any password will do; without both nobody can log in as it."""

    name: str
    on: bool = False
    nopass: bool = False
    passwords: int = 0
    line: int = 0

    @property
    def open(self) -> bool:
        """Whether anybody may be this user."""
        return self.on and self.nopass


@dataclass(frozen=True, slots=True)
class Users:
    """`broken` are the lines that are no user: the server does not start with them, not even with a comment."""

    users: tuple[User, ...]
    broken: tuple[int, ...] = ()


@lru_cache(maxsize=16)
def read_users(content: bytes) -> Users:
    """The users of an ACL file in their order. Words are split at single blanks; there are no quotes and no comments."""
    users: list[User] = []
    broken: list[int] = []
    for number, raw in enumerate(content.decode(errors="replace").split("\n"), start=1):
        line = raw.strip(" \t\r\n")
        words = line.split(" ")
        if not line:
            continue
        if words[0] != "user" or len(words) == 1 or not words[1] or words[1] in {user.name for user in users}:
            broken.append(number)
        else:
            users.append(user_of(words[1:], number))
    return Users(tuple(users), tuple(broken))


def user_of(words: Sequence[str], line: int) -> User:
    """Of a name and its rules, which begin with nothing: off, and no password."""
    on = nopass = False
    passwords: set[str] = set()
    for rule in words[1:]:
        said = rule.lower()
        if said in {"on", "off"}:
            on = said == "on"
        elif said in {"nopass", "resetpass", "reset"}:
            nopass, on = said == "nopass", on and said != "reset"
            passwords.clear()
        elif rule[:1] in {">", "#"}:
            passwords.add(rule[1:])
            nopass = False
        elif rule[:1] in {"<", "!"}:
            passwords.discard(rule[1:])
    return User(words[0], on, nopass, len(passwords), line)


def open_users(users: Iterable[User]) -> list[User]:
    """Those that anybody may be. The default user is one of them unless a line says otherwise."""
    found = {user.name: user for user in users}
    default = found.get(DEFAULT, User(DEFAULT, on=True, nopass=True))
    return [user for user in (default, *(one for name, one in found.items() if name != DEFAULT)) if user.open]
