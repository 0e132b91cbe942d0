"""Differences that may be shown: no secret of today, and none of yesterday."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from opsctl.flows.differences import KeyChange, file_diff, key_changes, owned_changes
from opsctl.merging.reading import merge

NEW, OLD = "canary-new", "canary-old"


def redact(text: str) -> str:
    return text.replace(NEW, "***")


class TestKeys:
    def test_plain_values_are_shown(self) -> None:
        changes = key_changes(b"PORT=1\nGONE=x\n", b"PORT=2\nADDED=y\n", redact)
        assert changes == (
            KeyChange("ADDED", "added", new="y"),
            KeyChange("GONE", "removed", old="***"),
            KeyChange("PORT", "changed", old="1", new="2"),
        )

    def test_same_values_are_left_out(self) -> None:
        assert key_changes(b"A='1'\n", b"A=1\n", redact) == ()

    def test_a_secret_hides_its_predecessor(self) -> None:
        (change,) = key_changes(f"URL=x:{OLD}@y\n".encode(), f"URL=x:{NEW}@y\n".encode(), redact)
        assert (change.old, change.new) == ("***", "***")

    def test_a_name_that_speaks_of_one_hides_both(self) -> None:
        for name in ("DB_PASSWORD", "API_KEY", "AuthToken", "SECRET", "SENTRY_DSN"):
            (change,) = key_changes(f"{name}={OLD}\n".encode(), f"{name}=other\n".encode(), redact)
            assert (change.old, change.new) == ("***", "***")

    def test_an_old_url_with_a_password_is_hidden(self) -> None:
        (change,) = key_changes(f"URL=pg://u:{OLD}@db/x\n".encode(), b"URL=pg://db/x\n", redact)
        assert (change.old, change.new) == ("***", "pg://db/x")


class TestFiles:
    def test_lines(self) -> None:
        lines = file_diff("x.conf", b"a\nb\nc\n", b"a\nB\nc\n", redact)
        assert lines == (
            "--- x.conf on the host",
            "+++ x.conf rendered",
            "@@ -1,3 +1,3 @@",
            " a",
            "-b",
            "+B",
            " c",
        )

    def test_a_new_file(self) -> None:
        assert file_diff("x", None, b"a\n", redact)[:2] == ("--- not on the host", "+++ x rendered")

    def test_no_text(self) -> None:
        assert file_diff("x", b"\xff", b"ab", redact) == ("binary: 1 -> 2 bytes",)

    def test_of_a_file_with_secrets_no_old_line_is_shown(self) -> None:
        lines = file_diff("x", f"user\n{OLD}\n".encode(), f"user\n{NEW}\n".encode(), redact)
        assert lines[-2:] == ("-***", "+***")

    def test_an_old_line_that_speaks_of_a_secret_is_hidden(self) -> None:
        lines = file_diff("x", f"password: {OLD}\nport: 1\n".encode(), b"port: 2\n", redact)
        assert "-***" in lines
        assert "-port: 1" in lines
        assert OLD not in "\n".join(lines)

    @given(st.lists(st.sampled_from(["a", "b", f"key {OLD}", f"x={NEW}", "--- a", "+++"]), max_size=6))
    def test_no_secret_is_ever_shown(self, before: list[str]) -> None:
        after = [line.replace(OLD, NEW) for line in before[::-1]]
        shown = "\n".join(file_diff("x", "\n".join(before).encode(), "\n".join(after).encode(), redact))
        assert NEW not in shown
        if any(NEW in line for line in after):
            assert not any(OLD in line and line.startswith("-") for line in shown.splitlines()[2:])


class TestOwnedKeys:
    def change(self, path: str, before: object, after: object) -> KeyChange:
        text = json.dumps({path: before}) if before is not None else "{}"
        (change,) = merge(text, {path: after}, "json").changes
        (shown,) = owned_changes([change], redact)
        return shown

    def test_values_are_shown_as_json(self) -> None:
        assert self.change("a", [1], [1, "x"]) == KeyChange("a", "changed", "[1]", '[1,"x"]')
        assert self.change("a b", None, True) == KeyChange('"a b"', "added", "", "true")

    def test_secrets_of_today_and_of_yesterday_are_not(self) -> None:
        assert self.change("url", f"pg://u:{OLD}@db", f"pg://u:{NEW}@db") == KeyChange(
            "url", "changed", "***", "***"
        )
        assert self.change("client_secret", OLD, "plain").old == "***"
        assert self.change("users", [{"password": OLD}], []).old == "***"
        assert self.change("url", f"pg://u:{OLD}@db", "pg://db").old == "***"
