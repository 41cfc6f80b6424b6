"""The page of a detector: the docstring of its file, English with a Chinese part at the end."""

from __future__ import annotations

import inspect
import sys

from detectors.base import AnyDetector

CHINESE_PART = "## 中文"
"""Heading of the Chinese part, the last of a page."""


def page_of(detector: AnyDetector, language: str | None = None) -> str:
    """The page of a detector (Markdown): whole, or the part that is in `language` (`zh`, else English)."""
    page = inspect.cleandoc(sys.modules[detector.judge.__module__].__doc__ or "")
    english, _, chinese = page.partition(CHINESE_PART)
    if language is None:
        return page
    return chinese.strip() if language == "zh" and chinese else english.strip()
