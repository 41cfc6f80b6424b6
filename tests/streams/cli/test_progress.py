"""A folder that goes on with other settings than it was begun with says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli.progress import telling_of_other_settings
from streams.cli.session import Session
from streams.i18n import Language
from streams.runners.embedded import EmbeddedRunner, Progress, Settings
from streams.runners.feeds import ListSource
from tests.streams.runners.stories import CATALOGUE, log

RAWS = log(150)


@pytest.mark.parametrize(("language", "word"), [("en", "begun with other detectors"), ("zh", "另一组探测器")])
def test_a_resumed_folder_with_other_detectors_is_told_once_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: Language, word: str
) -> None:
    heard: list[Progress] = []

    def run(raws: list[bytes], detectors: int) -> str:
        told = telling_of_other_settings(Session(language=language), tmp_path, heard.append)
        settings = Settings(batch_records=10, commit_records=20, answers_queries=False)
        EmbeddedRunner(tmp_path, ListSource(raws), CATALOGUE[:detectors], settings=settings, told=told).run()
        seen = capsys.readouterr()
        assert seen.out == ""
        return seen.err

    assert run(RAWS[:50], 8) == ""
    assert run(RAWS[:100], 8) == ""
    commits = len(heard)
    err = run(RAWS, 2)
    assert err.count(word) == 1
    assert str(tmp_path) in err
    assert len(heard) > commits + 1, "the progress goes on to whom it was for"
