"""A small honest service: it tells what it was given, and whether its database answers.

GET / answers 200 with JSON: the version, the host name, the environment variables named in SHOW
(default: GREETING), the sha256 of each file named in FILES, and what `select 1` of DATABASE_URL gave.
GET /healthz answers 200, or 503 while DATABASE_URL is set and its database does not answer.
PORT is the port (default 8000). FAIL_START makes it exit with status 3; FAIL_HEALTH makes /healthz 503.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

CONNECT_SECONDS = 2


def ask_database() -> str | None:
    """Give what `select 1` gave as text, the error's kind, or None without DATABASE_URL."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    psycopg2 = importlib.import_module("psycopg2")
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_SECONDS)
    except psycopg2.Error as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            return str(cursor.fetchone()[0])
    finally:
        connection.close()


def hash_file(path: str) -> str | None:
    """Give the sha256 of a file's content, or None if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def describe() -> dict[str, object]:
    """Say who this is and what it sees."""
    shown = os.environ.get("SHOW", "GREETING").split(",")
    files = [path for path in os.environ.get("FILES", "").split(",") if path]
    return {
        "version": os.environ.get("WHOAMI_VERSION"),
        "hostname": socket.gethostname(),
        "environment": {name: os.environ.get(name) for name in shown},
        "files": {path: hash_file(path) for path in files},
        "database": ask_database(),
    }


def healthy() -> bool:
    """Say whether the database answers, if there is to be one, and nobody asked for a failure."""
    return not os.environ.get("FAIL_HEALTH") and ask_database() in (None, "1")


class Handler(BaseHTTPRequestHandler):
    """Answers / and /healthz."""

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/":
            self._answer(HTTPStatus.OK, describe())
        elif self.path == "/healthz":
            well = healthy()
            status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, {"healthy": well})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "no such page"})

    def _answer(self, status: HTTPStatus, content: dict[str, object]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def stop(number: int, _frame: object) -> NoReturn:
    """Leave at once when told to."""
    sys.exit(0 if number == signal.SIGTERM else 1)


def main() -> None:
    """Serve until told to stop."""
    if os.environ.get("FAIL_START"):
        sys.exit(3)
    signal.signal(signal.SIGTERM, stop)
    port = int(os.environ.get("PORT", "8000"))
    print(f"whoami {os.environ.get('WHOAMI_VERSION')} listens on {port}", flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
