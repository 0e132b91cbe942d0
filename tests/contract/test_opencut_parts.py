"""What OpenCut signs people in with, and can be had here: better-auth, of a version that its last state may have or not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.contract.conftest import npm

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

ASKS = """
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
const own = "https://cut.example.org";
const auth = betterAuth({ baseURL: own, secret: "x".repeat(32), emailAndPassword: { enabled: true }, logger: { disabled: true },
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }) });
const ask = async (path, headers) => (await auth.handler(new Request(own + "/api/auth" + path, { method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ email: "a@example.org", password: "hunter2hunter2", name: "a" }) }))).status;
console.log(JSON.stringify({
  "sign up": await ask("/sign-up/email", { origin: own }),
  "own": await ask("/sign-in/email", { origin: own, cookie: "a=b" }),
  "other": await ask("/sign-in/email", { origin: "https://other.example.org", cookie: "a=b" }),
  "other, no cookie": await ask("/sign-in/email", { origin: "https://other.example.org" }),
}));
"""


def test_a_request_with_a_cookie_and_another_origin_is_refused(tmp_path: Path) -> None:
    package = npm("better-auth", "1.3.34")
    script = package.folder.parent.parent / "asks.mjs"
    script.write_text(ASKS)
    done = subprocess.run([package.node, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"sign up": 200, "own": 200, "other": 403, "other, no cookie": 200}
