"""Command line of the lab: up, down, status, images."""

from __future__ import annotations

import argparse
import sys

from tests.lab.machines import boot, lab, registry
from tests.lab.machines.errors import LabError
from tests.lab.machines.layout import DEFAULT_HOSTS, EVERY, REGISTRY, SET
from tests.lab.machines.progress import say


def main() -> int:
    """Run one command; give 0, or 1 when the lab cannot do it."""
    arguments = _parser().parse_args()
    try:
        _run(arguments.command, getattr(arguments, "hosts", []))
    except LabError as error:
        say(str(error))
        return 1
    return 0


def _run(command: str, hosts: list[str]) -> None:
    if command == "up":
        lab.Lab.up(*hosts)
        _status()
    elif command == "down":
        lab.down()
    elif command == "images":
        for reference in lab.build_images().references:
            print(f"{REGISTRY}/{reference}")
    else:
        _status()


def _status() -> None:
    print(f"{'host':<11} {'address':<13} {'running':<8} {'engine':<7} ssh")
    for spec in EVERY:
        up = boot.runs(spec)
        if not up and spec.set != SET:
            continue
        words = [_word(up and ask(spec)) for ask in (boot.runs, boot.engine_answers, boot.ssh_answers)]
        print(f"{spec.machine:<11} {spec.address:<13} {words[0]:<8} {words[1]:<7} {words[2]}")
    print(f"registry    {REGISTRY}: {_word(registry.healthy())}")


def _word(answer: bool) -> str:
    return "yes" if answer else "no"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.machines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="bring hosts and registry up; reuse what is healthy")
    up.add_argument("hosts", nargs="*", metavar="HOST", help=f"default: {' '.join(DEFAULT_HOSTS)}")
    commands.add_parser("down", help="end everything and delete what the hosts wrote")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("images", help="build the images unless they are cached; list them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
