"""The handbook of other data: hostile ones, an operator's own; how it sets type and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.handbook import markdown as md
from dashboards.handbook.figures import duration, figure, limit
from dashboards.handbook.handbook import render
from dashboards.handbook.html import page
from dashboards.handbook.material import Material
from dashboards.handbook.words import Language, Words, typeset
from journeys.placement import Placements
from journeys.registry import Indicator, shipped_registry
from journeys.touchpoints import Touchpoint, TouchpointOverride
from schemas.moments import Text
from streams.cli.handbook import material_of, run
from streams.cli.session import Session
from streams.settings import parse_settings
from tests.dashboards.books import LANGUAGES, Page, book, holds_together, shipped, site

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
