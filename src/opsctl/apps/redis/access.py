"""Rules about who may use a Redis, and about passwords where others can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.redis.conf import Directive
from opsctl.apps.redis.server import Server, servers
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

# Directives whose argument is a password, and rules of a user that are one.
_PASSWORDS = frozenset(
    {"requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass", "sentinel-pass"}
)
_CLI = r"\b(?:redis|valkey)-cli\b"
_GIVEN = re.compile(
    _CLI + r"""[^|;&]*?\s(?:(?:-a|--pass)\s+\S|-u\s+['"]?[a-z]+://[^@\s/]*:[^@\s/]+@|AUTH\s+\S)""",
    re.IGNORECASE,
)
# --user alone does nothing (redis-cli 7.0.15).
_LOGS_IN = re.compile(r"\s(?:-a|--pass|-u)\s|\bREDISCLI_AUTH=")
_TELLS = re.compile(_CLI + r"[^|;&]*\s-e\s")
# What looks at the answer itself.
_LOOKS = re.compile(r"\bgrep\b|\bPONG\b")


def _open(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        if server.value("port") == "0":
            continue
        hint = "user default on >{{ secret('redis_password') }} ~* &* +@all in users.acl, or requirepass in redis.conf"
        for user in server.open_users:
            message = (
                f"the user {user.name} needs no password: every service of its networks may do what it may"
            )
            at = server.last("aclfile") or server.last("user")
            if server.acl is not None and user.line:
                yield server.hit_at(message, hint, server.place_in(server.acl, user.line))
            else:
                yield server.hit(message, hint, at)


def _ignored(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        said = server.last("requirepass")
        if said and said.directive.value and server.last("aclfile"):
            hint = "give the user default its password in the ACL file, and leave requirepass out"
            yield server.hit("requirepass counts for nothing beside an aclfile", hint, said)


def _in_command(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        for option in server.command.options:
            if any(_is_password(option, word) for word in option.arguments) and not (
                server.command.by_shell and all("$" in word for word in _passwords(option))
            ):
                message = f"--{option.name} has its password in the command"
                yield server.hit(
                    message, "put it into a file: requirepass {{ secret('redis_password') }}", None, "command"
                )


def _passwords(option: Directive) -> list[str]:
    return [word for word in option.arguments if _is_password(option, word)]


def _is_password(option: Directive, word: str) -> bool:
    if option.name == "user":
        return word[:1] in {">", "#"}
    return option.name in _PASSWORDS and bool(word)


def _in_argv(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for key, text in (
            ("healthcheck", view.probe),
            ("command", " ".join(view.words("entrypoint", "command"))),
        ):
            if _GIVEN.search(text):
                message = "redis-cli gets a password as an argument, which everybody on the host can read"
                yield about(
                    view, view.place(key), message, "give it REDISCLI_AUTH in env; --user NAME may stay"
                )


def _blind(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        text = f"{server.view.probe} "
        if not re.search(_CLI, text):
            continue
        if (
            _needs_login(server)
            and not server.view.service.env.get("REDISCLI_AUTH")
            and not _LOGS_IN.search(text)
        ):
            hint = "REDISCLI_AUTH in env, best of a user who may only ping: test: [CMD, redis-cli, -e, --user, probe, ping]"
            yield server.hit(
                "its probe does not log in: to redis-cli, NOAUTH is an answer", hint, None, "healthcheck"
            )
        elif not _TELLS.search(text) and not _LOOKS.search(text):
            hint = "test: [CMD, redis-cli, -e, ping]: -e makes an error an exit code, since redis-cli 7.0"
            yield server.hit("its probe takes every answer for health, errors too", hint, None, "healthcheck")


def _needs_login(server: Server) -> bool:
    return server.whole and not any(user.name == "default" for user in server.open_users)


RULES = (
    Rule(
        "RDS007",
        "apps",
        "warning",
        "Redis: anybody may log in",
        "Whoever reaches the port, that is every container of its networks, may read and delete everything, and set its "
        "configuration. Protected mode is off in the official image.",
        "A password for the user default, and users of their own with less.",
        "redis.io/docs/latest/operate/oss_and_stack/management/security; docker-library/redis Dockerfile.template",
        _open,
    ),
    Rule(
        "RDS008",
        "apps",
        "error",
        "Redis: a password that counts for nothing",
        "With an aclfile Redis ignores requirepass. If the file has no user default, anybody may log in: it looks locked and is open.",
        "The user default with its password in the ACL file.",
        "redis.conf 7.0, requirepass; run (7.0.15)",
        _ignored,
    ),
    Rule(
        "RDS009",
        "apps",
        "error",
        "Redis: a password in the command",
        "It stands in the stack file, in compose.yml and in what docker inspect prints.",
        "In redis.conf or users.acl, from the secret store.",
        "moby: Config.Cmd; Redis itself overwrites its own argv (run, 7.0.15)",
        _in_command,
    ),
    Rule(
        "RDS010",
        "apps",
        "error",
        "Redis: a password as an argument of redis-cli",
        "Arguments of a process can be read by every user of the host in /proc; redis-cli warns of it itself.",
        "REDISCLI_AUTH in the environment.",
        "redis-cli 7.0.15: /proc/PID/cmdline (run); services 13",
        _in_argv,
    ),
    Rule(
        "RDS011",
        "apps",
        "warning",
        "Redis: a probe that says healthy to everything",
        "redis-cli ends with 0 after any answer: NOAUTH, LOADING while data is still read, MISCONF when nothing can be saved.",
        "REDISCLI_AUTH, and redis-cli -e.",
        "redis-cli 7.0.15 (run); services 13",
        _blind,
    ),
)
