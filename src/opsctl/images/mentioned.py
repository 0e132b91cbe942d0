"""Images that configuration files and environments name, for what a service itself starts.

Only text can tell, so both the key and the value must look the part: the key's last word is `image` (`sandboxImage`,
`DOCKER_IMAGE`, `image_name`), and the value is a reference that has a tag, a digest or a registry. What is found must be
worth a person's time: rather one image too few than a picture taken for one.
"""

from __future__ import annotations

import re

from opsctl.model.references import DOCKER_HUB, Reference, parse_reference
from opsctl.model.values import Unfit

# Names in docker-library/official-images (2026-08) that stand for an image even without a tag.
_OFFICIAL = frozenset(
    """almalinux alpine amazonlinux archlinux bash buildpack-deps busybox caddy cassandra clearlinux couchdb debian docker
    eclipse-temurin elasticsearch fedora golang gradle haproxy httpd influxdb kibana logstash mariadb maven memcached mongo
    mysql nats nextcloud nginx node openjdk oraclelinux perl php postgres python rabbitmq redis registry rockylinux ruby rust
    telegraf tomcat traefik ubuntu valkey wordpress""".split()  # noqa: SIM905
)
_FILES = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|avif|bmp|ico|tiff?|heic|qcow2|iso|img|vmdk|vdi|vhdx?|raw|ova|tar|gz|xz|zst|zip|html?|json|ya?ml)"
    r"(?:\Z|[:@])",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?P<word>[iI](?:mage|MAGE)(?:[-_.]?(?i:name|ref))?)(?![A-Za-z0-9_.-])"
    r"""["']?[ \t]*(?::[ \t]+|:(?=["'])|=>?[ \t]*)"""
    r"""(?:"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>[^\s"',;#{}\[\]()]+))"""
    r"(?=[ \t]*(?:[\r\n,;}\])]|\Z|[ \t]#|//))"
)
# Without one of these there is no tag, no digest and no registry.
_PUNCTUATION = re.compile("[:@/]")
_KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_LONGEST_KEY = 64
# What may stand before a key: nothing, an opening bracket, a comma, the dash of a list, a word of a shell or a Dockerfile.
_BEFORE = re.compile(
    r"(?:^|[{,\[(;]|(?:^|\s)-|(?:^|\s)(?:export|set|setx|ARG|ENV|const|let|var|val))[ \t]*\Z"
)
# A quote that is not closed goes on to the end, so that no text is read twice.
_COMMENTED = re.compile(
    r"""("(?:\\.|[^"\\])*(?:"|\Z)|'[^']*(?:'|\Z))|(?:^|(?<=\s))(?:\#|//|;)""", re.DOTALL | re.MULTILINE
)
_LAST_WORDS = re.compile(r"(?:^|[-_.])(?i:image(?:[-_.]?(?:name|ref))?)\Z|(?<=[a-z0-9])Image(?:Name|Ref)?\Z")


def images_in_file(text: str) -> tuple[tuple[int, str], ...]:
    """Line (1-based) and reference as written, in the order of the text; comments are not read.

    JSON, JSON5, YAML, TOML, env files and what looks like them: key and value stand in one line. Takes linear time.
    """
    found = []
    number, start, end, code = 1, 0, -1, 0
    for pair in _PAIR.finditer(text):
        value = next(one for one in pair.group("double", "single", "bare") if one is not None).strip()
        if value not in _OFFICIAL and not _PUNCTUATION.search(value):
            continue
        at = pair.start()
        if at >= end:
            number += text.count("\n", start, at)
            start = max(text.rfind("\n", start, at) + 1, start)
            end = text.find("\n", at) % (len(text) + 1)
            code = _end_of_code(text, start, end)
        if at < code and _is_key(key := _key_of(pair, start)) and _is_image(value, key):
            found.append((number, value))
    return tuple(found)


def image_of_variable(key: str, value: str) -> str:
    """The value of an environment variable, where it is an image by its looks; else ""."""
    return value.strip() if _is_key(key) and _is_image(value.strip(), key) else ""


def _end_of_code(text: str, start: int, end: int) -> int:
    """Where the comment of a line begins; its end where it has none."""
    comments = (match.start() for match in _COMMENTED.finditer(text, start, end) if not match[1])
    return next(comments, end)


def _key_of(pair: re.Match[str], line_start: int) -> str:
    """The key of a pair; "" where what stands before it is no place for a key."""
    start = max(line_start, pair.start() - _LONGEST_KEY)
    before = pair.string[start : pair.start()]
    head = before.rstrip(_KEY_CHARACTERS)
    key = before[len(head) :] + pair["word"]
    if start > line_start:
        head = f"…{head}"
    return key if _BEFORE.search(head.rstrip("\"'")) else ""


def _is_key(key: str) -> bool:
    return _LAST_WORDS.search(key) is not None


def _is_image(value: str, key: str) -> bool:
    try:
        read = parse_reference(value)
    except Unfit:
        return False
    host, slash, _path = read.name.partition("/")
    has_host = bool(slash) and (read.registry != DOCKER_HUB or "." in host)
    if _FILES.search(value) or read.name == "sha256" or _is_address(read):
        return False
    if read.tag or read.digest or has_host:
        return not read.path.rpartition("/")[2].isdecimal()
    return key.lower() == "image" and read.name in _OFFICIAL


def _is_address(read: Reference) -> bool:
    """host:port, where a repository would have a slash."""
    return "/" not in read.name and (read.name == "localhost" or "." in read.name)
