"""The page that teaches the mapping file is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.sources.faults import MappingError
from streams.sources.mapping_file import parse_mapping

PAGE = (Path(__file__).parents[3] / "streams" / "sources" / "README.md").read_text("utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_mapping_on_the_page_is_right() -> None:
    assert parse_mapping(EXAMPLE, "calls.yaml").name == "calls"


def test_the_error_on_the_page_is_the_one_that_is_told() -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(EXAMPLE.replace("emit: complaint.closed", "emit: complaint.closd"), "calls.yaml")

    assert str(refused.value) in PAGE
