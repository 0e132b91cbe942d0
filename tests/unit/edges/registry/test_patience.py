"""Limits of rate, servers that are busy, connections that break, and answers that do not end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.certificates import Leaf
from tests.fakes.edges import FakeClock
from tests.fakes.registry_server import GO_ON, Asked, RegistryServer, Reply, error_reply
from tests.unit.edges.registry.rig import Rig

from opsctl.edges.registry.limits import Limits
from opsctl.edges.registry.patience import retry_after
from opsctl.errors import RegistryUnavailable
from opsctl.model.hosts import Registry
from opsctl.model.references import parse_reference

PATH = "/v2/team/app/manifests/1.0"
LIMITED = Reply(429, headers={"Retry-After": "7"})


def image(server: RegistryServer) -> str:
    return f"{server.host}/team/app:1.0"


@pytest.mark.parametrize("as_date", [False, True])
def test_a_limit_is_waited_for_as_long_as_it_says(rig: Rig, server: RegistryServer, *, as_date: bool) -> None:
    digest = server.push("team/app:1.0")
    value = formatdate(rig.clock.now() + 7, usegmt=True) if as_date else "7"
    server.on(PATH, Reply(429, headers={"Retry-After": value}), GO_ON)

    assert rig.resolve(image(server)).digest == digest
    assert rig.clock.slept == [7]
    assert rig.told == [(server.host, 7)]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_without_a_word_of_when_the_pauses_grow(rig: Rig, server: RegistryServer, status: int) -> None:
    digest = server.push("team/app:1.0")
    server.on(PATH, *[Reply(status)] * 5, GO_ON)

    assert rig.resolve(image(server)).digest == digest
    assert rig.clock.slept == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("value", ["0", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_senseless_word_of_when_is_none(rig: Rig, server: RegistryServer, value: str) -> None:
    server.push("team/app:1.0")
    server.on(PATH, Reply(429, headers={"Retry-After": value}), GO_ON)

    rig.resolve(image(server))

    assert rig.clock.slept == [1]


def test_a_date_without_a_zone_is_that_of_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "EST5")
    time.tzset()
    try:
        assert retry_after("Thu, 01 Jan 1970 00:01:00 -0000", 0.0) == 60
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@given(st.text(max_size=40))
def test_any_word_of_when_is_read(text: str) -> None:
    assert 0 <= retry_after(text, 0.0) <= 366 * 86400


@pytest.mark.parametrize(
    "value", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 31 Dec 9999 23:59:59 +99999999"]
)
def test_a_word_of_when_beyond_all_measure_is_told(rig: Rig, server: RegistryServer, value: str) -> None:
    server.on(PATH, Reply(429, headers={"Retry-After": value}))

    with pytest.raises(RegistryUnavailable, match="it may be asked again in"):
        rig.resolve(image(server))


def test_a_limit_beyond_our_patience_is_told_at_once(rig: Rig, server: RegistryServer) -> None:
    headers = {"Retry-After": "7200", "ratelimit-limit": "100;w=21600"}
    server.on(PATH, Reply(429, headers=headers))

    with pytest.raises(RegistryUnavailable) as raised:
        rig.resolve(image(server))

    assert raised.value.message == (
        f"{server.host} limits how often it is asked (100 in 6 h); it may be asked again in 2 h, "
        "at 2023-11-15T00:13:20Z"
    )
    assert f"docker login {server.host}" in raised.value.hint
    assert "--via HOST" in raised.value.hint
    assert raised.value.where == image(server)
    assert not rig.clock.slept


def test_patience_ends_after_a_minute_for_one_image(rig: Rig, server: RegistryServer) -> None:
    server.on(PATH, Reply(503))

    with pytest.raises(RegistryUnavailable, match=r"is busy \(503\)"):
        rig.resolve(image(server))

    assert 30 < sum(rig.clock.slept) <= 60
    assert not rig.told or rig.told[0][0] == server.host


def test_others_wait_before_the_same_gate_without_asking(rig: Rig, server: RegistryServer) -> None:
    headers = {"Retry-After": "7200"}
    server.on(PATH, Reply(429, headers=headers))
    for name in ("team/app:1.0", "team/web:1.0"):
        with pytest.raises(RegistryUnavailable, match="limits"):
            rig.resolve(f"{server.host}/{name}")

    assert server.asked == [f"HEAD {PATH}"]


def test_a_limit_on_counted_questions_does_not_stop_the_free_ones(rig: Rig, server: RegistryServer) -> None:
    digests = [server.push(f"team/{name}:1.0") for name in ("app", "web")]
    server.guard = lambda asked: (
        None if asked.method == "HEAD" else Reply(429, headers={"Retry-After": "7200"})
    )

    found = [rig.resolve(f"{server.host}/team/{name}:1.0") for name in ("app", "web")]

    assert [one.digest for one in found] == digests
    assert [one.platforms for one in found] == [(), ()]
    assert [asked.method for asked in server.seen] == ["HEAD", "GET", "HEAD"]


class Held(FakeClock):
    """Whoever sleeps waits for a second one; then the time of both passes."""

    def __init__(self) -> None:
        super().__init__()
        self.both = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 2:
            self.time += seconds
            self.both.set()
        assert self.both.wait(5)


def test_threads_wait_before_one_gate_and_it_is_told_once(rig: Rig, server: RegistryServer) -> None:
    rig.clock = held = Held()
    client = rig.client()
    digests = [server.push(f"team/{name}:1.0", salt=name) for name in ("app", "web")]
    server.on(PATH, LIMITED, GO_ON)
    images = [parse_reference(f"{server.host}/team/{name}:1.0") for name in ("app", "web")]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.resolve, images[0])
        while not held.slept:
            time.sleep(0.001)
        second = pool.submit(client.resolve, images[1])
        found = [first.result(5).digest, second.result(5).digest]

    assert found == digests
    assert held.slept == [7, 7]
    assert rig.told == [(server.host, 7)]
    assert server.asked.count("HEAD /v2/team/web/manifests/1.0") == 1


class Together(FakeClock):
    """Two sleep, and both wake when the later of them would."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = threading.Barrier(2)

    def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        self.asleep.wait(5)
        self.time = max(self.time, until)


def test_one_limit_that_two_answers_tell_of_is_told_once(rig: Rig, server: RegistryServer) -> None:
    rig.clock = Together()
    client = rig.client()
    both = threading.Barrier(2)
    images = []

    def limited(asked: Asked) -> Reply:
        both.wait(5)
        while "web" in asked.path and not rig.told:
            time.sleep(0.001)
        rig.clock.time += 0.01
        return LIMITED

    for name in ("app", "web"):
        server.push(f"team/{name}:1.0", salt=name)
        server.on(f"/v2/team/{name}/manifests/1.0", limited, GO_ON)
        images.append(parse_reference(f"{server.host}/team/{name}:1.0"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(client.resolve, images))

    assert len(rig.told) == 1


def test_a_connection_that_breaks_is_tried_again_twice(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    rig.resolve(image(server))
    half = Reply(body=b"x" * 100, breaks=10)
    server.on(f"/v2/team/app/manifests/{digest}", half, half, GO_ON)

    assert rig.resolve(image(server)).platforms == ("linux/amd64",)

    server.on(PATH, Reply(405), half)
    with pytest.raises(RegistryUnavailable, match="in the middle of an answer"):
        rig.resolve(image(server))
    assert server.asked[-4:] == [f"HEAD {PATH}", *[f"GET {PATH}"] * 3]


def test_an_answer_that_is_cut_before_its_head_is_tried_again(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    rig.resolve(image(server))
    server.on(PATH, Reply(raw=b""), GO_ON)

    assert rig.resolve(image(server)).digest == digest


def test_what_is_no_http_is_told(rig: Rig, server: RegistryServer) -> None:
    server.on(PATH, Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))

    with pytest.raises(RegistryUnavailable, match=server.host):
        rig.resolve(image(server))


def test_a_registry_that_hangs_is_told_and_not_asked_again(rig: Rig, server: RegistryServer) -> None:
    rig.limits = replace(rig.limits, read=0.2)
    server.guard = lambda asked: Reply(hangs=True)

    for name in ("team/app:1.0", "team/web:1.0"):
        with pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.2 s"):
            rig.resolve(f"{server.host}/{name}")

    assert len(server.seen) == 1


def test_a_registry_that_answered_once_is_asked_again_after_a_silence(
    rig: Rig, server: RegistryServer
) -> None:
    rig.limits = replace(rig.limits, read=0.2)
    digest = server.push("team/app:1.0")
    rig.resolve(image(server))
    server.on(PATH, Reply(hangs=True), GO_ON)

    with pytest.raises(RegistryUnavailable, match="did not answer"):
        rig.resolve(image(server))
    assert rig.resolve(image(server)).digest == digest


KEPT = Reply(body=b"x" * 1000, drips=0.05)
CLOSING = Reply(body=b"x" * 1000, drips=0.05, headers={"Connection": "close"})


@pytest.mark.parametrize(
    "drip, over_tls",
    [(KEPT, True), (CLOSING, False), (CLOSING, True)],
    ids=["kept", "closing", "closing tls"],
)
def test_an_answer_that_drips_ends(
    rig: Rig, serve: Callable[..., RegistryServer], leaf: Leaf, drip: Reply, *, over_tls: bool
) -> None:
    rig.limits = Limits(connect=2.0, read=1.0, whole=0.25)
    server = serve(leaf) if over_tls else serve()
    name = f"registry.test:{server.port}"
    rig.registries[name] = Registry(insecure=True)
    server.push("team/app:1.0")
    client = rig.client()
    rig.resolve(f"{name}/team/app:1.0")
    server.on(PATH, Reply(405), drip)
    begun = time.monotonic()

    with pytest.raises(RegistryUnavailable, match=r"did not finish its answer within 0\.25 s"):
        rig.resolve(f"{name}/team/app:1.0")

    assert time.monotonic() - begun < 1
    server.on(PATH, GO_ON)
    assert client is rig.clients[-1]
    assert rig.resolve(f"{name}/team/app:1.0").digest


def test_headers_that_drip_end(rig: Rig, server: RegistryServer) -> None:
    rig.limits = Limits(connect=2.0, read=1.0, whole=0.25)
    server.push("team/app:1.0")
    rig.resolve(image(server))
    server.on(PATH, Reply(headers={"X-Long": "x" * 100}, drip_head=0.05))
    begun = time.monotonic()

    with pytest.raises(RegistryUnavailable, match=r"did not finish its answer within 0\.25 s"):
        rig.resolve(image(server))

    assert time.monotonic() - begun < 1


def test_a_request_with_a_wrong_answer_is_not_repeated(rig: Rig, server: RegistryServer) -> None:
    server.on(PATH, error_reply(500, "UNKNOWN", "disk full"))

    with pytest.raises(RegistryUnavailable, match="answered 500: UNKNOWN: disk full"):
        rig.resolve(image(server))

    assert server.asked == [f"HEAD {PATH}", f"GET {PATH}"]
