"""Watching: what changed in a round, what is told and when, and a notifier that is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.fakes.edges import FakeClock

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Case
from opsctl.checks.questions import Result, Verdict, settled
from opsctl.edges.notify import Apprise, Post, Telegram, require_usable, send
from opsctl.errors import ConnectFailed, CouldNotFindOut, UsageError
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome
from opsctl.flows.watching.ledger import Change, Ledger
from opsctl.flows.watching.loop import Watch, watch
from opsctl.flows.watching.outbox import Outbox, message

TOKEN = "123:canary-token"
AWAY = {"web": ConnectFailed("no route", where="web")}


def round_of(*results: Result, away: bool = False, **by_service: Result) -> VerifyReport:
    """What `api` (and others by name) was found to be in one round."""
    found = {**({"api": results[0]} if results else {}), **by_service}
    outcomes = tuple(
        Outcome(
            CHECKS[0], Case("web", name, lambda: settled(Verdict("pass"))), Verdict(result, f"it is {result}")
        )
        for name, result in found.items()
    )
    return VerifyReport("prod", outcomes, AWAY if away else {})


def follow(reports: Sequence[VerifyReport], rounds: int = 2) -> tuple[list[list[str]], list[list[str]]]:
    """By round: what changed, and what is told."""
    ledger, changed, told = Ledger(), [], []
    for report in reports:
        ledger, changes, news = ledger.after(report, rounds)
        changed.append(
            [f"{one.now.service or one.now.check} {one.before}->{one.now.result}" for one in changes]
        )
        told.append([f"{one.now.service or one.now.check} {one.now.standing}" for one in news])
    return changed, told


def test_the_first_round_changes_what_is_not_good_and_later_ones_what_is_another() -> None:
    changed, _ = follow(
        [round_of("pass", db="fail"), round_of("pass", db="fail"), round_of("fail", db="skip")]
    )
    assert changed == [["db None->fail"], [], ["api pass->fail", "db fail->skip"]]


def test_what_is_waived_is_a_change_from_the_first_round_on_and_wakes_nobody_until_it_ends() -> None:
    rounds = [*[round_of("waived")] * 3, round_of("pass"), round_of("waived"), *[round_of("fail")] * 2]
    changed, told = follow(rounds)
    assert changed == [
        ["api None->waived"],
        [],
        [],
        ["api waived->pass"],
        ["api pass->waived"],
        ["api waived->fail"],
        [],
    ]
    assert told == [[], [], [], [], [], [], ["api bad"]]


def test_one_message_for_a_change_that_lasts_and_one_when_it_is_good_again() -> None:
    results: list[Result] = ["pass", "fail", "fail", "fail", "fail", "pass", "pass", "pass"]
    _, told = follow([round_of(one) for one in results])
    assert told == [[], [], ["api bad"], [], [], [], ["api good"], []]


def test_what_is_good_again_before_it_was_told_is_never_told() -> None:
    results: list[Result] = ["pass", "fail", "pass", "fail", "pass", "pass"]
    assert follow([round_of(one) for one in results])[1] == [[]] * 6


def test_with_one_round_a_change_is_told_at_once() -> None:
    assert follow([round_of("pass"), round_of("fail"), round_of("pass")], rounds=1)[1] == [
        [],
        ["api bad"],
        ["api good"],
    ]


def test_a_fail_that_nobody_can_tell_any_more_is_another_change() -> None:
    results: list[Result] = ["fail", "fail", "inconclusive", "inconclusive"]
    assert follow([round_of(one) for one in results])[1] == [[], ["api bad"], [], ["api unknown"]]


def test_a_host_that_is_away_is_told_as_itself_and_what_ran_there_stays_as_it_was() -> None:
    away = round_of(away=True)
    changed, told = follow([round_of("pass"), away, away, round_of("pass"), round_of("pass")])
    assert changed == [[], ["host pass->inconclusive"], [], ["host inconclusive->pass"], []]
    assert told == [[], [], ["host unknown"], [], ["host good"]]


def test_a_check_that_is_not_asked_any_more_is_good_again_where_it_was_told() -> None:
    changed, told = follow([round_of("fail"), round_of("fail"), round_of(db="pass")])
    assert changed == [["api None->fail"], [], ["api fail->skip"]]
    assert told == [[], ["api bad"], ["api good"]]


def test_a_message_tells_the_worst_first_and_no_more_than_telegram_takes() -> None:
    _, changes, _ = Ledger().after(round_of("fail", db="inconclusive"), 1)
    good = Ledger().after(round_of("fail"), 1)[0].after(round_of("pass"), 1)[2]
    assert message("prod", [*good, *changes]) == (
        "opsctl verify prod\n"
        "FAILED  V-CTR-001 web api: it is fail\n"
        "cannot be told  V-CTR-001 web db: it is inconclusive\n"
        "good again  V-CTR-001 web api"
    )
    assert len(message("prod", [*changes] * 200)) == 3500


def test_a_notifier_that_is_down_is_asked_less_and_less_and_loses_the_oldest() -> None:
    box = Outbox()
    for number in range(60):
        box = box.with_message(str(number))
    assert (box.waiting[0], box.waiting[-1], len(box.waiting)) == ("10", "59", 50)
    pauses = []
    for _ in range(7):
        box = box.after_failure(1000.0)
        pauses.append(box.next - 1000.0)
    assert pauses == [30, 60, 120, 240, 480, 900, 900]
    assert not box.due(1000.0 + 899)
    assert box.due(1000.0 + 900)
    assert box.after_success() == Outbox(box.waiting[1:])
    assert not Outbox().due(1e9)


class Chat(BaseHTTPRequestHandler):
    """A stand-in for api.telegram.org: takes sendMessage of the right token, answers `status`."""

    got: list[tuple[str, dict[str, Any]]]
    status: int

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).got.append((self.path, body))
        self.send_response(type(self).status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None: ...


@pytest.fixture
def chat() -> Iterator[tuple[type[Chat], str]]:
    handler = type("Chatting", (Chat,), {"got": [], "status": 200})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class Rounds:
    """`reports` in turn; then ^C."""

    def __init__(self, reports: Sequence[VerifyReport]) -> None:
        self.left = list(reports)
        self.told: list[list[Change]] = []
        self.troubles: list[str] = []
        self.clock = FakeClock()

    def ask(self) -> VerifyReport:
        if not self.left:
            raise KeyboardInterrupt
        return self.left.pop(0)

    def run(self, recipient: Telegram, **more: Any) -> None:
        what = Watch(
            ask=self.ask,
            tell=lambda _report, changes: self.told.append(list(changes)),
            every=60.0,
            send=lambda text: send(recipient, text),
            trouble=self.troubles.append,
            **more,
        )
        with pytest.raises(KeyboardInterrupt):
            watch(self.clock, what)


def test_rounds_go_on_and_telegram_is_told_once(chat: tuple[type[Chat], str]) -> None:
    handler, api = chat
    rounds = Rounds([round_of(one) for one in ("pass", "fail", "fail", "fail", "pass", "pass")])
    rounds.run(Telegram(api, TOKEN, "-100"))
    assert rounds.clock.slept == [60.0] * 6
    assert [len(one) for one in rounds.told] == [0, 1, 0, 0, 1, 0]
    assert [path for path, _body in handler.got] == [f"/bot{TOKEN}/sendMessage"] * 2
    first, second = (body for _path, body in handler.got)
    assert first["chat_id"] == "-100"
    assert first["text"] == "opsctl verify prod\nFAILED  V-CTR-001 web api: it is fail"
    assert second["text"] == "opsctl verify prod\ngood again  V-CTR-001 web api"


def test_a_notifier_that_is_down_holds_nothing_up_and_gets_all_in_order(chat: tuple[type[Chat], str]) -> None:
    handler, api = chat
    handler.status = 502
    rounds = Rounds([])

    def ask() -> VerifyReport:
        number = len(rounds.told)
        if number == 6:
            handler.status = 200
        if number == 9:
            raise KeyboardInterrupt
        return round_of("fail" if number < 3 else "pass")

    rounds.ask = ask  # type: ignore[method-assign]
    rounds.run(Telegram(api, TOKEN, "-100"), rounds=1)
    # Tried at once, after 30 s (the next round, at 60), then after 60 s, 120 s: the sixth round, when it is back.
    assert len(handler.got) > 3
    assert [body["text"].split()[3] for _path, body in handler.got][-2:] == ["FAILED", "good"]
    assert rounds.troubles == [
        "the notifier is down, messages wait: 127.0.0.1 answered 502",
        "the notifier is back",
    ]
    assert rounds.clock.slept == [60.0] * 9


def test_the_token_is_in_no_error_and_a_redirect_is_not_followed(chat: tuple[type[Chat], str]) -> None:
    handler, api = chat
    handler.status = 302
    with pytest.raises(CouldNotFindOut, match="answered 302") as caught:
        send(Telegram(api, TOKEN, "1"), "x")
    assert len(handler.got) == 1
    with pytest.raises(CouldNotFindOut) as silent:
        send(Telegram("http://127.0.0.1:1", TOKEN, "1"), "x")
    for error in (caught.value, silent.value):
        assert TOKEN not in str(error)
        assert error.__cause__ is None
        assert error.__context__ is None
    assert TOKEN not in repr(Telegram(api, TOKEN, "1"))


def test_any_address_that_takes_json(chat: tuple[type[Chat], str]) -> None:
    handler, api = chat
    send(Post(f"{api}/hook/canary"), "hello")
    assert handler.got == [("/hook/canary", {"text": "hello"})]


@pytest.mark.parametrize(
    "recipient",
    [Post("http://192.0.2.1/hook"), Telegram("http://192.0.2.1", TOKEN, "1"), Apprise("json://x")],
)
def test_what_can_never_arrive_is_refused_before_the_first_round(
    recipient: Post | Telegram | Apprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError):
        require_usable(recipient)
