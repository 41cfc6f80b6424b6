"""Puts the words of one language into the app: help of commands and options, typer's own headings, usage errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
import typer.main
from rich.text import Text
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from streams.cli.app import app_without_words
from streams.i18n import Language, messages, say

_HEADINGS = {
    "OPTIONS_PANEL_TITLE": "typer.options",
    "ARGUMENTS_PANEL_TITLE": "typer.arguments",
    "COMMANDS_PANEL_TITLE": "typer.commands",
    "REQUIRED_LONG_STRING": "typer.required",
    "DEFAULT_STRING": "typer.default",
    "ENVVAR_STRING": "typer.envvar",
}
"""Constants of typer.rich_utils and the message that replaces each: typer has no other way to translate them."""

_USAGE_ERRORS = (
    (r"No such option: (?P<what>\S+)(?: \(Possible options: (?P<near>.*)\))?", "usage.no_such_option"),
    (r"No such command (?P<what>'[^']*')\.(?: Did you mean (?P<near>.*)\?)?", "usage.no_such_command"),
    (r"Missing command\.", "usage.missing_command"),
    (r"Missing argument (?P<what>.*)\.", "usage.missing_argument"),
    (r"Missing option (?P<what>.*)\.", "usage.missing_option"),
    (r"Option (?P<what>\S+) requires .*", "usage.needs_value"),
    (r"Option (?P<what>\S+) does not take a value\.", "usage.takes_no_value"),
    (r"Got unexpected extra argument\(s\) \((?P<what>.*)\)", "usage.extra_argument"),
    (r"Input should be less than or equal to (?P<what>\S+)", "usage.at_most"),
    (r"Input should be greater than or equal to (?P<what>\S+)", "usage.at_least"),
    (r"Input should be a valid integer.*", "usage.no_whole_number"),
    (r"Input should be a valid number.*", "usage.no_number"),
    (r"Value error, (?P<what>.*) is not one of (?P<known>.*?)\.?", "usage.not_one_of"),
    (r"Invalid value for (?P<what>.*?): (?P<why>.*)", "usage.invalid_value"),
)


def build_app(language: Language) -> TyperGroup:
    """The whole command tree of `mot` speaking `language`."""
    for constant, key in _HEADINGS.items():
        setattr(rich_utils, constant, say(language, key))
    rich_utils._make_rich_text = _wrapping
    root = typer.main.get_command(app_without_words())
    assert isinstance(root, TyperGroup)
    for path, command in walk(root):
        _speak(command, path, language)
    return root


_plain = rich_utils._make_rich_text


def _wrapping(**settings: Any) -> Any:
    """typer's help text, folded at any character: Chinese has no spaces and would be cut off at the edge."""
    text = _plain(**settings)
    if isinstance(text, Text):
        text.overflow = "fold"
    return text


def walk(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command under `group` with its path of names, the group itself first with an empty path."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from walk(command, (*path, name))
        else:
            yield (*path, name), command


def help_key(path: tuple[str, ...], parameter: str | None = None) -> str:
    """The message key of a command's help, or of one of its parameters."""
    command = "-".join(path) or "mot"
    return f"help.{command}.{parameter}" if parameter else f"help.{command}"


def _speak(command: Any, path: tuple[str, ...], language: Language) -> None:
    command.help = say(language, help_key(path))
    command.options_metavar = say(language, "typer.options_metavar")
    if isinstance(command, TyperGroup):
        command.subcommand_metavar = say(language, "typer.subcommand_metavar")
        command.format_usage = _usage(command, language)  # type: ignore[method-assign]
    elif isinstance(command, TyperCommand):
        command.format_usage = _usage(command, language)  # type: ignore[method-assign]
    for parameter in command.params:
        if getattr(parameter, "is_bool_flag", False):
            parameter.metavar = ""
        parameter.help = _parameter_help(language, path, parameter.name)
    asked = command.get_help_option(typer.Context(command))
    if asked is not None:
        asked.help = say(language, "typer.help")
        asked.metavar = ""


def _parameter_help(language: Language, path: tuple[str, ...], name: str) -> str:
    """A parameter's own text, or the one that all commands share."""
    own = help_key(path, name)
    return say(language, own if own in messages() else f"help.any.{name}")


def _usage(command: Any, language: Language) -> Any:
    def format_usage(ctx: Any, formatter: Any) -> None:
        pieces = command.collect_usage_pieces(ctx)
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=say(language, "typer.usage"))

    return format_usage


def usage_error(message: str, language: Language) -> str:
    """typer's English message about wrong usage, said in `language`; one we do not know stays as it is."""
    for pattern, key in _USAGE_ERRORS:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found is not None:
            values = {name: text or "" for name, text in found.groupdict().items()}
            if "why" in values:
                values["why"] = usage_error(values["why"], language)
            return say(language, f"{key}_near" if values.get("near") else key, **values)
    return message
