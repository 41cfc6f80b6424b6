"""The handbook: everything occurs, in the right language, in Markdown and HTML that hold together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from dashboards.handbook import markdown as md
from dashboards.handbook.anchors import anchor
from dashboards.handbook.figures import duration, figure, limit
from dashboards.handbook.handbook import render
from dashboards.handbook.html import page
from dashboards.handbook.indicators import runnable_units
from dashboards.handbook.material import Material, shipped_areas
from dashboards.handbook.words import Language, Words, typeset
from detectors.catalogue import CATALOGUE
from detectors.policy import shipped_packs
from journeys.placement import Placements
from journeys.registry import Indicator, Unit, shipped_registry
from journeys.touchpoints import Touchpoint, TouchpointOverride, shipped_touchpoints
from schemas.envelope import Channel, Department
from schemas.moments import Text
from schemas.policy import Metric
from streams.cli.handbook import material_of, run
from streams.cli.session import Session
from streams.settings import parse_settings
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client

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


HOSTILE = "<script>alert(1)</script> a|b `c` *d* [e](javascript:f(2)) &lt;i&gt;\n\n# f <img src=x onerror=g> 1. x \\"


def hostile() -> Material:
    material = shipped()
    text = Text(zh=f"坏{HOSTILE}", en=HOSTILE)
    bad = material.registry["fcr_7d"].model_copy(
        update={"id": "bad", "name": text, "definition": text, "source": HOSTILE, "etom": HOSTILE, "owner": "a|<b>"}
    )
    touchpoints = material.touchpoints.overridden(
        {"bill_received": TouchpointOverride(name=text)},
        [Touchpoint(id="ours", stage="pay", name=text, typical_event_type="", channels=(), valence_prior="both")],
    )
    assert isinstance(bad, Indicator)
    return material._replace(
        registry=material.registry.overridden({}, [bad]),
        touchpoints=touchpoints,
        placements=Placements(touchpoints),
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_in_the_data_becomes_markup(language: Language) -> None:
    markdown = render(hostile(), language)
    one = Page(page(markdown, language))

    holds_together(markdown)
    assert not {"script", "img", "b", "i"} & set(one.tags)
    assert one.tags["h1"] == 1
    assert {link for link in one.links if not link.startswith("#")} == set()
    assert one.loads == []
    assert " ".join(HOSTILE.split()) in one.text


def test_html_in_a_detector_page_is_shown_not_obeyed() -> None:
    one = Page(page('## <a id="x"></a>Title\n\n<div onclick="y()">z</div>\n\na <img src=q> b\n', "en"))

    assert one.ids == ["x"]
    assert one.loads == []
    assert '<div onclick="y()">z</div>' in one.text
    assert "<img src=q>" in one.text


SETTINGS = """
touchpoints: {bill_received: {stage: resolve, name: {zh: 改名了, en: Renamed}}}
added_touchpoints: [{id: our_kiosk, stage: purchase, name: {zh: 自助终端, en: Kiosk}}]
detectors: {N07: {ratio: 2.5}}
indicators: {fcr_7d: {target: 0.9, warning: 0.85}}
"""


def test_an_operators_own_settings_show() -> None:
    markdown = render(material_of(parse_settings(SETTINGS, "ours.yaml")), "en")

    assert "**2.5** (default 1.5)" in markdown
    assert "≥ 90%" in markdown
    assert '<a id="touchpoint-our_kiosk"></a>Kiosk' in markdown
    _, _, resolve = markdown.partition('<a id="stage-resolve"></a>')
    assert '<a id="touchpoint-bill_received"></a>Renamed' in resolve
    assert "| not assigned |" in markdown


OWN_PACK = """
detectors:
  N01:
    packs: [eu-roaming-2022]
    own_packs:
      - id: our-promise
        jurisdiction: EU
        authority: operator
        instrument: Our promise
        effective_from: 2027-01-01
        source: board
        rules:
          - {metric: roaming_spend, article: "1", confidence: assumed, limit_minor: 2500, currency: EUR,
             steps_percent: [50, 100], notify_within_s: 120, notice_purpose: roaming_limit}
"""


def test_an_operators_own_pack_shows_with_what_it_owes() -> None:
    markdown = render(material_of(parse_settings(OWN_PACK, "ours.yaml")), "en")

    _, _, pack = markdown.partition('<a id="pack-our-promise"></a>')
    assert "limit 25.00 EUR; a notice at 50%, 100% of the limit or allowance; deliver a notice within 2 minutes" in pack
    assert "| Detectors that judge by it | [N01](#detector-N01) |" in pack
    _, _, unused = markdown.partition('<a id="pack-cn-reminder-2012"></a>')
    assert unused.index("not in use") < unused.index("### ")


def test_the_command_writes_what_the_name_of_the_file_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, form in (("b.md", None), ("b.html", None), ("c.md", "html")):
        run(Session(language="zh"), form, tmp_path / name, None)
    run(Session(language="en"), None, None, None)

    assert (tmp_path / "b.md").read_text("utf-8") == book("zh")
    assert (tmp_path / "b.html").read_text("utf-8") == (tmp_path / "c.md").read_text("utf-8") == site("zh").html
    assert capsys.readouterr().out == book("en")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("承诺 {a} 分钟;客户时钟 {b},运营商({c})", "承诺 {a} 分钟；客户时钟 {b}，运营商({c})"),
        ("倍数({level_zh})。", "倍数（{level_zh}）。"),
        ('标记为"已解决"(河南 3 倍)', "标记为“已解决”（河南 3 倍）"),
        ("更新, 如 SMS,MMS 与 1,000", "更新，如 SMS,MMS 与 1,000"),
        ("见 `a,中`", "见 `a,中`"),
        ("plain, (text): x", "plain, (text): x"),
    ],
)
def test_chinese_punctuation_is_full_width(given: str, said: str) -> None:
    assert typeset(given) == said


def test_figures_are_written_as_people_read_them() -> None:
    zh, en = Words("zh"), Words("en")

    assert [duration(en, seconds) for seconds in (1, 45, 300, 5400, 86_400, 172_800)] == [
        "1 second", "45 seconds", "5 minutes", "1.5 hours", "1 day", "2 days",
    ]  # fmt: skip
    assert (duration(zh, 300), figure(zh, 0.005, "share"), figure(en, 11.3, "per_million")) == (
        "5 分钟", "0.5%", "11.3 per million",
    )  # fmt: skip
    fcr = shipped_registry()["fcr_7d"]
    assert limit(en, fcr, 0.8) == "≥ 80%"
    assert limit(en, fcr, None) == "–"


@pytest.mark.parametrize(
    "plain", ["2.5", "1. x", "12) y", "- a", "---", "# h", "=", "_a_ b_c", "a\\|b", "&lt; <b>", "~~x~~"]
)
def test_plain_text_stays_plain(plain: str) -> None:
    one = Page(page(f"{md.text(plain)}\n\n{md.table(['a', 'b', 'c'], [[md.text(plain)] * 3])}\n", "en"))

    assert one.text.endswith(" ".join([plain, "a", "b", "c", plain, plain, plain]))
    assert not {"em", "strong", "del", "hr", "li", "h1", "h2"} & set(one.tags)


def test_a_code_span_holds_any_backticks() -> None:
    assert md.code("a`b") == "``a`b``"
    assert md.code("`a") == "`` `a ``"
    assert md.fenced("sql", "a\n```\nb").startswith("````sql\n")
