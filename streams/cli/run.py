"""Runs one command line: finds the language, builds the app, turns every failure into one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

import typer
import typer.core

from streams.cli.failures import DONE, FAILED, INTERRUPTED, USAGE, CliError
from streams.cli.localise import build_app, usage_error
from streams.cli.session import Session
from streams.i18n import Language, language_of, say

INSTALL = "uv sync --extra all"
_GLOBAL_FLAGS = {"--debug"}


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `mot` with `arguments` and return its exit code. Results go to stdout, everything else to stderr."""
    rest, asked, debug = split_global_options(arguments)
    try:
        language = language_of(asked, environment)
    except ValueError as fault:
        words = say(language_of(None, _without_language(environment)), "usage.no_such_language", word=fault)
        sys.stderr.write(words + "\n")
        return USAGE
    session = Session(language=language, debug=debug, environment=environment)
    try:
        code = build_app(language).main(args=rest, prog_name="mot", standalone_mode=False, obj=session)
        return code if isinstance(code, int) else DONE
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (KeyboardInterrupt, typer.Abort):
        return _complain(session, session.say("error.interrupted"), INTERRUPTED)
    except Exception as fault:
        return _report(session, fault)


def split_global_options(arguments: Sequence[str]) -> tuple[list[str], str | None, bool]:
    """Take `--lang X` and `--debug` out of `arguments` wherever they stand before `--`.

    Returns the other arguments, the language asked for (None when none was), and whether to show tracebacks.
    """
    rest: list[str] = []
    asked: str | None = None
    debug = False
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*rest, word, *words], asked, debug
        if word == "--lang":
            asked = next(words, "")
        elif word.startswith("--lang="):
            asked = word.partition("=")[2]
        elif word in _GLOBAL_FLAGS:
            debug = True
        else:
            rest.append(word)
    return rest, asked, debug


def _without_language(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "MOT_LANG"}


def _report(session: Session, fault: Exception) -> int:
    if session.debug:
        sys.stderr.write("".join(traceback.format_exception(fault)))
    if isinstance(fault, CliError):
        return _complain(session, session.say(fault.key, **fault.values), fault.code)
    if hasattr(fault, "text") and hasattr(fault.text, "said_in"):
        return _complain(session, session.pick(fault.text), getattr(fault, "exit_code", FAILED))
    if isinstance(fault, typer.TyperException):
        return _misused(session, fault)
    if isinstance(fault, ModuleNotFoundError):
        words = session.say("error.missing_extra", module=fault.name, command=INSTALL)
        return _complain(session, words, FAILED)
    if isinstance(fault, OSError) and fault.filename is not None:
        return _complain(session, _os_fault(session.language, fault), FAILED)
    reason = str(fault).strip() or "-"
    return _complain(session, session.say("error.unexpected", kind=type(fault).__name__, reason=reason), FAILED)


def _misused(session: Session, fault: typer.TyperException) -> int:
    context = getattr(fault, "ctx", None)
    if type(fault).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(str(fault.message))
        return USAGE
    path = context.command_path if context is not None else "mot"
    hint = session.say("usage.try_help", command=path)
    words = usage_error(fault.format_message(), session.language)
    return _complain(session, f"{path}: {words} {hint}", fault.exit_code)


def _os_fault(language: Language, fault: OSError) -> str:
    key = {
        FileNotFoundError: "error.no_file",
        PermissionError: "error.no_rights",
        IsADirectoryError: "error.is_folder",
    }.get(type(fault), "error.os_error")
    return say(language, key, path=fault.filename, reason=fault.strerror)


def _complain(session: Session, words: str, code: int) -> int:
    session.err.print(f"{session.say('error.prefix')}: {words}", style="red", markup=False, soft_wrap=True)
    return code
