"""Progress folded from events: what goes on, and a line for what ended."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.cli.screen import paint
from opsctl.cli.views.board import Board, board_view, fitting, told
from opsctl.flows.events import Event
from tests.cli.reports import text


def fold(events: Iterable[Event]) -> tuple[Board, list[str]]:
    board, lines = Board(), []
    for event in events:
        line = told(board, event)
        lines += [paint(line, colour=False)] if line else []
        board = board.after(event)
    return board, lines


DEPLOY = (
    Event("lab-app", "connecting", "", "192.0.2.1", 0.0),
    Event("lab-app", "lease", "", "taken", 0.2),
    Event("lab-app", "looking", seconds=0.3),
    Event("lab-app", "step", "push 2 files", seconds=1.0),
    Event("lab-app", "step_done", "push 2 files", seconds=1.1),
    Event("lab-app", "step", "recreate api", seconds=1.1),
    Event("lab-app", "step", "recreate worker", seconds=1.2),
    Event("lab-app", "step_done", "recreate api", seconds=1.5),
)


def test_every_step_that_ended_leaves_a_line_with_its_own_time() -> None:
    _, lines = fold(DEPLOY)
    assert lines == ["lab-app  push 2 files … 0.1 s", "lab-app  recreate api … 0.4 s"]


def test_the_board_shows_what_each_host_is_doing_and_for_how_long() -> None:
    board, _ = fold([*DEPLOY, Event("lab-vpn", "looking", seconds=1.0)])
    assert text(board_view(board, 3.0)) == "lab-app  1.8 s  recreate worker\nlab-vpn  2.0 s  looking\n"


def test_a_wait_shows_the_present_health_and_says_so_in_plain_lines_only_every_ten_seconds() -> None:
    waits = [Event("a", "waiting", "api", "starting", at) for at in (2.0, 9.0, 11.5, 14.0, 22.0)]
    board, lines = fold([Event("a", "step", "wait api", seconds=1.0), *waits])
    assert text(board_view(board, 23.0)) == "a  22 s  wait api  starting\n"
    assert lines == ["a  wait api: starting", "a  wait api: starting"]


def test_a_wait_for_an_earlier_command_is_said_once_and_the_lease_itself_is_not() -> None:
    waits = [
        Event("a", "lease", "", "an earlier command still runs on the host", at) for at in (2.0, 4.0, 6.0)
    ]
    _, lines = fold([*waits, Event("a", "lease", "", "taken", 7.0), Event("a", "lease", "", "released", 9.0)])
    assert lines == ["a  waiting: an earlier command still runs on the host"]


def test_a_host_that_failed_or_finished_leaves_the_board() -> None:
    failed = Event("lab-app", "failed", "recreate worker", "exited 1", 4.0)
    board, lines = fold([*DEPLOY, failed, Event("lab-vpn", "finished", seconds=4.0)])
    assert lines[-1] == "lab-app  failed recreate worker: exited 1"
    assert not board.active
    assert text(board_view(board, 5.0)) == ""


def test_a_word_about_the_whole_host_is_said_at_once() -> None:
    _, lines = fold([*DEPLOY, Event("lab-app", "waiting", "", "interrupted: finishing what has begun", 2.0)])
    assert lines[-1] == "lab-app  interrupted: finishing what has begun"


CHECKS = (
    *DEPLOY,
    Event("lab-app", "finished", seconds=4.0),
    Event("lab-app", "checking", "", "9", 5.0),
    Event("lab-app", "check", "V-CTR-001 api", seconds=5.0),
    Event("lab-app", "check", "V-SIT-001 api shop.example.org", seconds=5.0),
    Event("lab-app", "check", "V-SIT-002 api shop.example.org", seconds=5.1),
    Event("lab-app", "check_done", "V-CTR-001 api", "pass", 5.2),
)


def test_checks_are_counted_and_those_under_way_are_named() -> None:
    board, lines = fold(CHECKS)
    assert text(board_view(board, 7.0)) == (
        "lab-app  2.0 s  1 of 9 checks  V-SIT-001 api shop.example.org, V-SIT-002 api shop.example.org\n"
    )
    assert not [line for line in lines if "V-" in line]


def test_where_not_all_fit_as_many_are_named_as_do_each_whole() -> None:
    board, _ = fold(CHECKS)
    assert text(board_view(board, 7.0, 80), 80) == (
        "lab-app  2.0 s  1 of 9 checks  V-SIT-001 api shop.example.org, 1 more\n"
    )
    assert text(board_view(board, 7.0, 50), 50) == "lab-app  2.0 s  1 of 9 checks  V-SIT-001, 1 more\n"
    assert text(board_view(board, 7.0, 46), 46) == "lab-app  2.0 s  1 of 9 checks  2 under way\n"
    assert fitting(["a b", "c d"], 3) == ""
    assert fitting([], 3) == ""


def test_a_host_whose_checks_are_done_leaves_the_board() -> None:
    board, _ = fold([*CHECKS, Event("lab-app", "checked", seconds=9.0)])
    assert text(board_view(board, 9.0)) == ""
