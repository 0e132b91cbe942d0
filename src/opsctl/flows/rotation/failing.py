"""What a rotation that failed in the middle, or that is open still, says and ends with."""

from __future__ import annotations

from opsctl.errors import Exit, OpsctlError
from opsctl.flows.rotation.ports import Ports


def of_a_change(error: OpsctlError) -> OpsctlError:
    """What is "could not find out" or "no" before anything was changed is a failure in the middle of a rotation."""
    if error.exit in {Exit.COULD_NOT_FIND_OUT, Exit.NO}:
        error.exit = Exit.FAILED
    return error


def told_open(error: OpsctlError, name: str, ports: Ports) -> OpsctlError:
    """The error, with the way on: a rotation was left open."""
    resume = f"opsctl rotate-secret {ports.about(name)} --resume"
    way = f"the rotation of {name} is open: {resume} goes on, --abort puts the old value back"
    error.hint = f"{error.hint}; {way}" if error.hint else way
    return error
