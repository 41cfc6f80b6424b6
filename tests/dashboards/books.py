"""The handbook of what ships, and what tests ask of its pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import get_args

from dashboards.handbook.handbook import render
from dashboards.handbook.html import page
from dashboards.handbook.material import Material, shipped_areas
from dashboards.handbook.words import Language
from detectors.catalogue import CATALOGUE
from detectors.policy import shipped_packs
from journeys.placement import Placements
from journeys.registry import shipped_registry
from journeys.touchpoints import shipped_touchpoints

LANGUAGES: tuple[Language, ...] = get_args(Language)
HAN = re.compile(r"[\u4e00-\u9fff]")
FENCE = re.compile(r"^(`{3,})\w*\n.*?^\1$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)(?!`).*?\1")
VOID = {"meta", "br", "hr", "img", "link", "input"}


def shipped() -> Material:
    touchpoints = shipped_touchpoints()
    return Material(
        shipped_registry(), touchpoints, Placements(touchpoints), CATALOGUE, shipped_packs(), shipped_areas()
    )


@cache
def book(language: Language) -> str:
    return render(shipped(), language)


@cache
def site(language: Language) -> Page:
    return Page(page(book(language), language))


def prose(markdown: str) -> str:
    """Without code."""
    return CODE.sub("", FENCE.sub("", markdown))


class Page(HTMLParser):
    """What stands in a page; fails on tags that do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: Counter[str] = Counter()
        self.words: list[str] = []
        self.lang = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        said = {name: value or "" for name, value in attrs}
        self.ids += [said["id"]] if "id" in said else []
        self.links += [said["href"]] if tag == "a" and "href" in said else []
        self.loads += [value for name, value in said.items() if name in {"src", "srcset", "data", "action"}]
        self.loads += [value for name, value in said.items() if name == "href" and tag != "a"]
        self.loads += [name for name in said if name.startswith("on")]
        self.lang = self.lang or said.get("lang", "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def tables(markdown: str) -> Iterator[list[str]]:
    """The lines of each table."""
    lines: list[str] = []
    for line in [*FENCE.sub("", markdown).splitlines(), ""]:
        if line.startswith("|"):
            lines.append(line)
        elif lines:
            yield lines
            lines = []


def holds_together(markdown: str) -> None:
    for lines in tables(markdown):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(widths) == 1, lines[0]
        assert re.fullmatch(r"\|( --- \|)+", lines[1])
