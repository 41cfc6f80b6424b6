"""The handbook: everything occurs, in the right language, in Markdown and HTML that hold together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from dashboards.handbook import markdown as md
from dashboards.handbook.anchors import anchor
from dashboards.handbook.handbook import render
from dashboards.handbook.indicators import runnable_units
from dashboards.handbook.material import shipped_areas
from dashboards.handbook.words import Language, Words
from detectors.catalogue import CATALOGUE
from detectors.policy import shipped_packs
from journeys.registry import Unit, shipped_registry
from schemas.envelope import Channel, Department
from schemas.moments import Text
from schemas.policy import Metric
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from tests.dashboards.books import HAN, LANGUAGES, book, holds_together, prose, shipped, site, tables


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_its_place_and_its_name(language: Language) -> None:
    material, words, one = shipped(), Words(language), site(language)
    named = {
        **{anchor("touchpoint", thing.id): thing.name for thing in material.touchpoints.values()},
        **{anchor("indicator", thing.id): thing.name for thing in material.registry.values()},
        **{anchor("detector", thing.meta.id): thing.meta.title for thing in material.detectors},
        **{anchor("area", thing.id): thing.name for thing in material.areas},
    }

    assert not set(named) - set(one.ids)
    assert not {anchor("pack", pack) for pack in material.packs} - set(one.ids)
    assert [name for name in named.values() if " ".join(words.pick(name).split()) not in one.text] == []
    assert {"indicator-fcr_7d", "detector-N07", "touchpoint-bill_received", "pack-cn-national"} <= set(one.ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_indicator_says_all_there_is_to_know(language: Language) -> None:
    words = Words(language)
    for indicator in shipped_registry().values():
        _, _, entry = book(language).partition(f'<a id="{anchor("indicator", indicator.id)}"></a>')
        entry = re.split(r"^#{2,4} ", entry, maxsplit=1, flags=re.MULTILINE)[0]
        for text in (indicator.definition, indicator.formula):
            assert md.text(words.pick(text)).replace("|", "\\|") in entry, indicator.id
        assert words.say(f"availability.{indicator.availability}") in entry
        assert words.name("department", indicator.owner) in entry
        assert md.text(words.phrase(indicator.etom)) in entry
        assert ("```sql" in entry) == (indicator.measure is not None)
        assert indicator.obtain is None or md.text(words.pick(indicator.obtain)).replace("|", "\\|") in entry


def test_the_english_book_is_english() -> None:
    found = [line for line in book("en").splitlines() if HAN.search(line)]

    assert found == []


def test_the_chinese_book_says_nothing_in_english_that_it_has_in_chinese() -> None:
    said = prose(book("zh"))

    def sides(thing: object) -> Iterator[Text]:
        if isinstance(thing, Text):
            yield thing
        elif hasattr(thing, "model_fields_set"):
            for name in type(thing).model_fields:
                yield from sides(getattr(thing, name))

    material = shipped()
    texts = [
        *(text for one in (*material.registry.values(), *material.touchpoints.values()) for text in sides(one)),
        *(text for one in CATALOGUE for text in (one.meta.title, one.meta.explanation, one.meta.recovery)),
    ]
    assert [text.en for text in texts if len(text.en.split()) > 1 and text.en != text.zh and text.en in said] == []
    assert re.findall(r"(?:\b[a-z]{2,}\b[ ,;:]+){4}", said) == []


@pytest.mark.parametrize(
    "phrase",
    sorted(
        {text for one in shipped_registry().values() for text in (one.source, one.benchmarks.source, *one.anchors)}
        | {one.etom for one in shipped_registry().values()}
        | {process for area in shipped_areas() for process in area.processes}
        | {text for one in shipped_packs().values() for text in (one.instrument, one.authority, one.source)}
        | {text for one in shipped_packs().values() for text in (one.jurisdiction, *(one.zone.replace("any", ""),))}
        | {rule.article for one in shipped_packs().values() for rule in one.rules}
    ),
)
def test_what_the_data_say_in_english_only_has_its_chinese(phrase: str) -> None:
    said = re.sub(r"（[^（）]*）|cn-\w+|uk-[\w-]+", "", Words("zh").phrase(phrase))

    assert not re.search(r"\b[a-z]{3,}\b", said), "add it to dashboards/handbook/phrases.toml"


def test_every_word_of_a_vocabulary_has_a_name() -> None:
    words = Words("zh")
    wanted = [
        *(f"channel.{one}" for one in get_args(Channel)),
        *(f"department.{one}" for one in get_args(Department)),
        *(f"metric.{one}" for one in get_args(Metric)),
        *(f"unit.{one}" for one in get_args(Unit)),
        *(f"parameter.{one.meta.id}.{name}" for one in CATALOGUE for name in type(one.params).model_fields),
        *(
            f"word.{word}"
            for pack in shipped_packs().values()
            for rule in pack.rules
            for word in (*rule.content, *rule.exemptions)
        ),
        *(
            f"purpose.{rule.notice_purpose}"
            for pack in shipped_packs().values()
            for rule in pack.rules
            if rule.notice_purpose
        ),
    ]

    assert [key for key in wanted if not words.knows(key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_hold_together(language: Language) -> None:
    assert len(list(tables(book(language)))) > len(shipped_registry())
    holds_together(book(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_asks_nobody(language: Language) -> None:
    one = site(language)

    assert one.lang == {"zh": "zh-CN", "en": "en"}[language]
    assert [name for name, count in Counter(one.ids).items() if count > 1] == []
    assert {link for link in one.links if not link.startswith("#")} == set()
    assert {link.removeprefix("#") for link in one.links} - set(one.ids) == set()
    assert one.loads == []
    assert not {"script", "link", "iframe", "img", "object"} & set(one.tags)
    assert "url(" not in one.html
    assert "@import" not in one.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_of_the_markdown_lead_somewhere(language: Language) -> None:
    places = re.findall(r'<a id="([^"]+)"></a>', book(language))

    assert len(places) == len(set(places))
    assert set(re.findall(r"\]\(#([^)]+)\)", book(language))) <= set(places)


def test_the_same_material_gives_the_same_book() -> None:
    assert render(shipped(), "en") == book("en")


def test_touchpoints_of_the_past_are_marked() -> None:
    rows = [line for line in book("en").splitlines() if "`car_kit_installed`" in line]

    assert "**deprecated**" in rows[0]


def test_every_indicator_without_data_is_a_gap_with_a_way_to_get_them() -> None:
    _, _, gaps = book("en").partition('<a id="chapter-gaps"></a>')
    for one in shipped_registry().values():
        assert (f"(#{anchor('indicator', one.id)})" in gaps) == (one.measure is None), one.id


def test_everything_that_ships_belongs_to_somebody() -> None:
    for language in LANGUAGES:
        assert f"| {Words(language).say('responsibilities.unassigned')} |" not in book(language)


def test_the_sql_of_the_book_runs(tmp_path: Path) -> None:
    client = open_client(tmp_path / "clickhouse")
    try:
        ddl.apply(client)
        for one in shipped_registry().computed():
            assert runnable_units(one) in book("en"), one.id
            client.query(f"SELECT count() FROM ({runnable_units(one)})")
    finally:
        client.close()
