"""The one place that ends the program: every way out of a command becomes an exit code and words on stderr."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from opsctl.cli.app import build
from opsctl.cli.crash import write_crash
from opsctl.cli.envelope import envelope, error_entries, plain_entry
from opsctl.cli.invocation import Invocation
from opsctl.cli.sink import ReaderLeft
from opsctl.errors import Exit, OpsctlError


def run() -> NoReturn:
    """The `opsctl` of the shell."""
    # The default of 700 makes the collector walk the same modules again and again while they are imported: 80 of the
    # 2000 million instructions of a deploy that changes nothing (Python 3.11).
    gc.set_threshold(50_000)
    # Pydantic 2.14 looks for plugins in the metadata of every installed package, 15 ms, when the first model is made. A
    # plugin could only watch what opsctl reads.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    invocation = Invocation.of_this_process()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        invocation.on_interrupt()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    _leave(main(invocation))


def _leave(code: int) -> NoReturn:
    """End without what the interpreter would do first: take 600 modules apart (25 ms), and wait for threads that wait
    for hosts.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by whoever began this process
                stream.flush()
    except OSError:
        sys.exit(code)  # it tries again, and says what could not be written
    os._exit(code)


def main(invocation: Invocation) -> int:
    """Run a command line to its exit code; raises nothing."""
    try:
        return _answered(invocation, _dispatch(invocation))
    except typer.Exit as ended:
        return ended.exit_code
    except OpsctlError as error:
        return _end(invocation, str(error), error.exit, error_entries(error))
    except typer.TyperException as error:
        return _usage(invocation, error)
    except BrokenPipeError:
        return _nobody_reads()
    except ReaderLeft:
        return _answered(invocation, Exit.YES)
    except KeyboardInterrupt:
        return _end(invocation, "interrupted", Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last net: a bug ends as exit 3 with its traceback in a file
        return _bug(invocation, error)


def _answered(invocation: Invocation, code: int) -> int:
    """The code of a command that came to its end; a failure where its answer could not be written."""
    failed = invocation.out.failed
    if failed is None:
        return code
    invocation.err.write(f"the answer could not be written: {failed.strerror}; what was asked for was done\n")
    return code or Exit.FAILED


def _dispatch(invocation: Invocation) -> int:
    command = build()
    if "_OPSCTL_COMPLETE" in invocation.environ:
        command.main(list(invocation.argv), prog_name="opsctl")
    with command.make_context("opsctl", list(invocation.argv), obj=invocation) as context:
        return int(command.invoke(context) or 0)


def _usage(invocation: Invocation, error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    if _asked_for_json(invocation):
        invocation.json = True
        invocation.command = context.command_path.removeprefix("opsctl").strip() if context else ""
        return _end(invocation, "", Exit.USAGE, [plain_entry(error.format_message(), Exit.USAGE)])
    if context and error.format_message() == context.get_help():  # no command was given
        invocation.err.write(error.format_message() + "\n")
        return Exit.USAGE
    usage = f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\n" if context else ""
    return _end(invocation, usage + error.format_message(), Exit.USAGE)


def _asked_for_json(invocation: Invocation) -> bool:
    words = invocation.argv
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _bug(invocation: Invocation, error: Exception) -> int:
    try:
        path = write_crash(error, _state_folder(), invocation.argv, invocation.err.clean)
        told = f"the traceback is in {path}"
    except OSError as reason:
        told = f"the traceback could not be written: {reason}"
    return _end(invocation, f"opsctl has a bug ({type(error).__name__}); {told}", Exit.BUG)


def _nobody_reads() -> int:
    """A help text into a closed pipe. The interpreter flushes stdout again when it ends, so that must lead somewhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.YES


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("opsctl")


def _end(
    invocation: Invocation, text: str, code: Exit, entries: list[dict[str, object]] | None = None
) -> int:
    if invocation.json:
        entries = entries or [plain_entry(text, code)]
        invocation.out.write(
            envelope(
                command=invocation.command, environment=invocation.environment, exit_code=code, errors=entries
            )
        )
    else:
        invocation.side.say(text)
    return code
