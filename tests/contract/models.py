"""A provider on loopback: answers as OpenRouter and as Anthropic do, and counts who was asked."""

from __future__ import annotations

import json
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def _answer(path: str, model: str) -> dict[str, Any]:
    if path.endswith("/messages"):
        usage = {"input_tokens": 1, "output_tokens": 1}
        said = {"content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn", "usage": usage}
        return {"id": "m", "type": "message", "role": "assistant", "model": model, **said}
    message = {"role": "assistant", "content": "ok"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [choice],
        "usage": _USAGE,
    }


class Models:
    """`asked` counts calls by model. `url` is where it listens, without a path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        models = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                models.asked[body["model"]] += 1
                answer = json.dumps(_answer(self.path, body["model"])).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
                """Nothing: pytest has the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
