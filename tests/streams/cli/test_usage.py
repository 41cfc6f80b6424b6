"""Help, languages and exit codes, without running anything heavy."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from importlib.metadata import version

import pytest

from streams.cli.localise import build_app, help_key, walk
from streams.i18n import Language, language_of, messages
from tests.streams.cli.conftest import Mot

PATHS = [path for path, _ in walk(build_app("en"))]
BILINGUAL = {"usage.no_such_language"}  # said to someone whose language is not known
NO_WORDS = {"error.os_error"}  # values only
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "mot")
def test_every_command_has_help_in_both_languages(mot: Mot, path: tuple[str, ...]) -> None:
    english, chinese = mot(*path, "--help"), mot(*path, "--help", "--lang", "zh")
    assert (english.code, chinese.code) == (0, 0)
    assert not CHINESE.search(english.out)
    assert "用法" in chinese.out
    assert "Usage" not in chinese.out
    assert "Show this message" not in chinese.out


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "mot")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_help_text_is_cut_off(mot: Mot, language: str, path: tuple[str, ...], columns: int) -> None:
    seen = mot("--lang", language, *path, "--help", columns=columns)
    assert "…" not in seen.out


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_option_says_what_it_is_for(language: Language) -> None:
    for path, command in walk(build_app(language)):
        silent = [parameter.name for parameter in command.params if not parameter.help]
        assert not silent, f"{path}: {silent}"


def test_no_help_text_is_left_without_its_command_or_option() -> None:
    known = {f"help.any.{p.name}" for _, command in walk(build_app("en")) for p in command.params}
    for path, command in walk(build_app("en")):
        known |= {help_key(path), *(help_key(path, p.name) for p in command.params)}
    orphans = [key for key in messages() if key.startswith("help.") and key not in known]
    assert orphans == []


def test_both_languages_fill_in_the_same_values() -> None:
    for key, message in messages().items():
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in message]
        assert fields[0] == fields[1], key


def test_every_chinese_text_is_chinese_and_no_english_one_is() -> None:
    wrong = [
        key
        for key, message in messages().items()
        if (not CHINESE.search(message.zh) and key not in NO_WORDS)
        or (CHINESE.search(message.en) and key not in BILINGUAL)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("asked", "environment", "spoken"),
    [
        ("zh", {"MOT_LANG": "en"}, "zh"),
        (None, {"MOT_LANG": "zh", "LANG": "en_GB.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {}, "en"),
        ("zh-CN", {}, "zh"),
    ],
)
def test_the_language_is_the_one_asked_for_else_mot_lang_else_the_locale(
    asked: str | None, environment: dict[str, str], spoken: str
) -> None:
    assert language_of(asked, environment) == spoken


def test_the_language_may_stand_after_the_command(mot: Mot) -> None:
    assert mot("detectors", "list", "--help", "--lang=zh").out == mot("--lang", "zh", "detectors", "list", "--help").out


def test_an_unknown_language_is_refused_in_both_languages(mot: Mot) -> None:
    seen = mot("--lang", "fr", "--help")
    assert seen.code == 2
    assert "fr" in seen.err
    assert CHINESE.search(seen.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dem"], "Did you mean 'demo'?"),
        (["demo", "--fast"], "--fast"),
        (["demo", "--customers", "many"], "a whole number is needed"),
        (["demo", "--customers", "0"], "at least 1"),
        (["simulate"], "--out"),
        (["simulate", "--out", "x.jsonl", "--late", "2"], "at most 1"),
        (["explain"], "MOMENT|CUSTOMER"),
        (["detectors", "show", "N99"], "N99"),
        (["schema", "nonsense"], "nonsense"),
        (["sql", "SELECT 1", "more"], "more"),
    ],
)
def test_wrong_usage_ends_with_two_and_one_line_that_names_it(mot: Mot, words: list[str], said: str) -> None:
    seen = mot(*words)
    assert seen.code == 2
    assert seen.out == ""
    assert seen.err.startswith("Error: ")
    assert seen.err.count("\n") == 1
    assert said in seen.err


@pytest.mark.parametrize("words", [["dem"], ["demo", "--fast"], ["demo", "--days", "x"], ["simulate"], ["explain"]])
def test_wrong_usage_is_said_in_chinese_too(mot: Mot, words: list[str]) -> None:
    seen = mot("--lang", "zh", *words)
    assert seen.code == 2
    assert seen.err.startswith("错误")
    assert not re.search(r"[Mm]issing|[Ii]nvalid|[Nn]o such|Error", seen.err)


def test_no_command_at_all_shows_help_and_ends_with_two(mot: Mot) -> None:
    seen = mot()
    assert seen.code == 2
    assert "simulate" in seen.out + seen.err


def test_the_version_is_that_of_the_package(mot: Mot) -> None:
    assert mot("--version").out == f"mot {version('mot-monitor')}\n"


def test_help_loads_none_of_the_heavy_libraries() -> None:
    heavy = "pydantic", "polars", "pyarrow", "chdb", "river", "numpy", "yaml"
    code = (
        "import sys; from streams.cli.run import run; run(['--help'], {}); "
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
