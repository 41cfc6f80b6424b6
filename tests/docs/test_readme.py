"""What the documents say is true: their commands run, every command is documented, and no link leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.catalogue import CATALOGUE
from streams.cli.failures import DONE, FAILED, HELD, INTERRUPTED, RESTART, USAGE
from streams.cli.localise import build_app, walk
from streams.i18n import say
from tests.kafka.broker import Broker

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for path in ROOT.glob("**/README.md") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
RUNNABLE = re.compile(r"<!-- runnable -->\n```(?:bash|console)\n(.*?)```", re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [" ".join(path) for path, command in walk(build_app("en")) if path and not hasattr(command, "commands")]


CAUGHT_UP = (
    "until mot lag --json | python -c 'import json, sys; sys.exit(any(one[\"lag\"] for one in json.load(sys.stdin)))'; "
    "do sleep 1; done"
)


def runnable() -> list[object]:
    return [
        pytest.param(block, id=f"{path.relative_to(ROOT)}[{number}]")
        for path in DOCUMENTS
        for number, block in enumerate(RUNNABLE.findall(path.read_text(encoding="utf-8")))
    ]


def named_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("block", runnable())
def test_a_block_marked_runnable_runs(block: str, tmp_path: Path) -> None:
    script = block.replace("/tmp/mot-tour", str(tmp_path))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MOT_LANG": "en"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_tour_on_kafka_runs(broker: Broker, tmp_path: Path) -> None:
    (block,) = re.findall(r"<!-- runnable on kafka -->\n```bash\n(.*?)```", README, re.DOTALL)
    assert "127.0.0.1:9092" in block
    script = block.replace("/tmp/mot-live", str(tmp_path)).replace("127.0.0.1:9092", broker.bootstrap)
    script = script.replace("--port 9464", "--port 0")
    assert "\nsleep 20 " in script  # enough for people; a busy machine takes longer
    script = script.replace("\nsleep 20 ", f"\n{CAUGHT_UP} ")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "MOT_LANG": "en"}
    done = subprocess.run(
        ["bash", "-uo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "Error" not in done.stderr, done.stderr
    assert re.search(r"mot-monitor: 0 records behind", done.stdout), done.stdout + done.stderr
    assert re.search(r"N\d\d +confirmed", done.stdout), done.stdout + done.stderr
    assert "No dead letters." in done.stdout


def test_the_readme_has_a_block_that_runs() -> None:
    assert RUNNABLE.search(README)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_in_both_languages(command: str) -> None:
    english, chinese = README.split("## 中文", 1)
    for part in (english, chinese):
        assert re.search(rf"`mot {command}\b", part), f"mot {command}"


def test_the_readme_shows_only_commands_and_options_that_exist() -> None:
    known = {option for _, command in walk(build_app("en")) for p in command.params for option in p.opts} | {"--help"}
    for line in re.findall(r"`?mot [^`\n]+", README):
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= known, line
        name = line.strip("`").split()[1]
        assert name.startswith("-") or name in {command.split()[0] for command in COMMANDS}, line


@pytest.mark.parametrize("code", [DONE, FAILED, USAGE, RESTART, HELD, INTERRUPTED])
def test_every_exit_code_is_documented(code: int) -> None:
    assert README.count(f"`{code}`") >= 2
    for language in ("zh", "en"):
        assert re.search(rf"\b{code} ", say(language, "help.mot"))


def test_the_sample_names_every_rule_of_the_catalogue() -> None:
    for detector in CATALOGUE:
        if not detector.meta.model_only:
            assert f" {detector.meta.id} {detector.meta.title.en} " in README


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named_id)
def test_no_link_to_a_file_leads_nowhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named_id)
def test_every_file_a_document_names_by_path_exists(document: Path) -> None:
    named = re.findall(
        r"`((?:schemas|journeys|detectors|streams|dashboards|tests)/[\w./-]+)`", document.read_text("utf-8")
    )
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_the_changelog_has_an_unreleased_part_or_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(Unreleased|0\.1\.0)\]", changelog, re.MULTILINE)
