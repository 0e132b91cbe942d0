"""`make demo`: the main job on two real hosts, as a person would type it.

Works on a copy of the shipped project in .lab/demo, so that the checkout stays as it is.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.lab.machines import Lab
from tests.lab.site import CHECKOUT

PROJECT = CHECKOUT / ".lab" / "demo"


def say(text: str) -> None:
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def typed(*words: str, value: str = "") -> None:
    """Show a command and run it in the project's folder, with this terminal; a failure ends the demo with its code.

    A value is piped in.
    """
    print(f"$ {'… | ' if value else ''}{shlex.join(words)}", flush=True)
    argv = [sys.executable, "-m", *words]
    environ = {**os.environ, "SOPS_AGE_KEY_FILE": str(PROJECT / "age-key.txt")}
    done = subprocess.run(argv, cwd=PROJECT, env=environ, input=value or None, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def copy_project() -> None:
    shutil.rmtree(PROJECT, ignore_errors=True)
    PROJECT.mkdir(parents=True)
    for file in ("hosts.toml", "images.lock.yaml"):
        shutil.copy(CHECKOUT / file, PROJECT)
    for folder in ("stacks", "templates"):
        shutil.copytree(CHECKOUT / folder, PROJECT / folder)
    (PROJECT / ".lab").symlink_to(CHECKOUT / ".lab")


def change(file: Path, old: str, new: str) -> None:
    print(f"$ sed -i 's/{old}/{new}/' {file.relative_to(PROJECT)}")
    text = file.read_text()
    if old not in text:
        sys.exit(f"{file} does not hold {old!r}")
    file.write_text(text.replace(old, new))


def keep_secrets() -> None:
    """From the file of made-up values into a store; the hosts keep what they have."""
    values = json.loads((PROJECT / "secrets" / "lab.generated.json").read_text())
    hosts = PROJECT / "hosts.toml"
    before, lab, after = hosts.read_text().partition("[environments.lab]")
    hosts.write_text(before + lab + after.replace('secrets = "generated"\n', "", 1))
    print("$ sed -i '/secrets = \"generated\"/d' hosts.toml   # of [environments.lab]")
    typed("opsctl", "secrets", "init", "lab", "--yes")
    database = ("--class", "database", "--target", "service=postgresql", "--rotate-every", "90d")
    set_secret = ("opsctl", "secrets", "set")
    typed(*set_secret, "demo_db", "-e", "lab", *database, "--target", "role=demo", value=values["demo_db"])
    superuser = values["postgres_password"]
    typed(
        *set_secret, "postgres_password", "-e", "lab", *database, "--target", "role=postgres", value=superuser
    )


def ask(url: str) -> None:
    """What the deployed application answers, through both hosts: Caddy on lab-vpn, Caddy and the service on lab-app."""
    print(f"$ curl {url}")
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # the lab's own address
        facts = json.load(answer)
    print(json.dumps(facts, indent=2)[:700], flush=True)


def main() -> int:
    lab = Lab.up("lab-app", "lab-vpn")
    app, vpn = lab.host("lab-app"), lab.host("lab-vpn")
    copy_project()
    with app.reserved(), vpn.reserved():
        app.wipe()
        vpn.wipe()
        say("Every image gets a digest: what its tag names now, and nothing else from here on.")
        typed("opsctl", "pin-images", "-e", "lab")
        say("Two empty servers. The plan, and then exactly that:")
        typed("opsctl", "deploy", "lab", "--yes")
        say(
            "The application answers through both hosts: Caddy on lab-vpn, then Caddy, the service and PostgreSQL on lab-app."
        )
        ask(f"http://{vpn.address}/")
        say("A second deploy does nothing.")
        typed("opsctl", "deploy", "lab", "--yes")
        say("One variable changes …")
        change(PROJECT / "hosts.toml", "Hello from opsctl", "Good evening from opsctl")
        say("… and exactly one container is made anew, with the reason.")
        typed("opsctl", "deploy", "lab", "--yes")
        ask(f"http://{vpn.address}/")
        say("Secrets move into an encrypted store: the values in use, with a class and a policy.")
        keep_secrets()
        typed("opsctl", "secrets", "list", "lab")
        say(
            "The database password is rotated: set and tested in PostgreSQL, then given to its consumers alone."
        )
        typed("opsctl", "rotate-secret", "demo_db", "-e", "lab", "--yes")
        ask(f"http://{vpn.address}/")
        typed("opsctl", "secrets", "history", "demo_db", "-e", "lab")
        say("How it all is now, and whether it is what the files and the lock say.")
        typed("opsctl", "status", "lab")
        typed("opsctl", "verify", "lab")
        typed("opsctl", "pin-images", "-e", "lab", "--check")
    say(f"The hosts stay up: cd {PROJECT.relative_to(CHECKOUT)} and go on. `make lab-down` ends them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
