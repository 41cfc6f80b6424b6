"""The handbook as one HTML page that needs nothing else: no script, no request to anywhere, for screen and paper.

markdown-it renders the Markdown. Of HTML inside it only what `markdown.py` writes passes (places, line breaks, folded
blocks); anything else is shown as text, wherever it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from dashboards.handbook.words import Language, Words

_PLACE = re.compile(r'<a id="([\w.-]+)">')
_INLINE = re.compile(r'<a id="[\w.-]+">|</a>|<br>')
_BLOCK = re.compile(r"<details>\n<summary>[^<>]*</summary>\n?|</details>\n?")
_LANGUAGES = {"zh": "zh-CN", "en": "en"}


class Place(NamedTuple):
    """A heading that the contents list: its level, its anchor and its words as HTML."""

    level: int
    anchor: str
    label: str


def page(markdown: str, language: Language) -> str:
    """The Markdown of a handbook as a whole HTML page in `language`."""
    words = Words(language)
    parser = _parser()
    tokens = parser.parse(markdown)
    body = parser.renderer.render(tokens, parser.options, {})
    contents = _contents(list(_places(tokens)))
    style = resources.files("dashboards.handbook").joinpath("style.css").read_text(encoding="utf-8")
    title = escape(words.say("title.handbook"))
    return (
        f'<!DOCTYPE html>\n<html lang="{_LANGUAGES[language]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<nav aria-label="{escape(words.say("title.contents"))}">\n<details class="contents" open>\n'
        f"<summary>{escape(words.say('title.contents'))}</summary>\n{contents}</details>\n</nav>\n"
        f"<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.core.ruler.push("places", _anchored_headings)
    parser.add_render_rule("html_inline", _html_inline)
    parser.add_render_rule("html_block", _html_block)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


def _anchored_headings(state: StateCore) -> None:
    """A place at the start of a heading becomes the heading's id."""
    for opening, inline in pairwise(state.tokens):
        children = inline.children or []
        if opening.type != "heading_open" or len(children) < 2:
            continue
        found = _PLACE.fullmatch(children[0].content) if children[0].type == "html_inline" else None
        if found is not None:
            opening.attrSet("id", found[1])
            inline.children = children[2:]


def _html_inline(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: dict[str, object]
) -> str:
    content = tokens[place].content
    return content if _INLINE.fullmatch(content) else escape(content)


def _html_block(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: dict[str, object]
) -> str:
    content = tokens[place].content
    return content if _BLOCK.fullmatch(content) else f"<p>{escape(content)}</p>\n"


def _table_open(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: dict[str, object]
) -> str:
    """Tables scroll by themselves where the page is narrow; one of two columns is a list of facts and need not."""
    columns = 0
    for token in tokens[place:]:
        columns += token.type == "th_open"
        if token.type == "thead_close":
            break
    return f'<div class="{"facts" if columns == 2 else "wide"}" tabindex="0">\n<table>\n'


def _table_close(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: dict[str, object]
) -> str:
    return "</table>\n</div>\n"


def _places(tokens: Sequence[Token]) -> Iterator[Place]:
    for opening, inline in pairwise(tokens):
        anchor = opening.attrGet("id") if opening.type == "heading_open" else None
        if anchor is not None:
            label = "".join(escape(one.content) for one in inline.children or ())
            yield Place(int(opening.tag[1]), str(anchor), label)


def _contents(places: Sequence[Place]) -> str:
    """A list of links; what lies under a heading is folded into it."""
    lines = ["<ul>\n"]
    level = 2
    for here, following in pairwise([*places, Place(2, "", "")]):
        link = f'<a href="#{here.anchor}">{here.label}</a>'
        deeper = following.level > here.level
        lines.append(f"<li><details><summary>{link}</summary>\n<ul>\n" if deeper else f"<li>{link}</li>\n")
        level = here.level + deeper
        while level > following.level:
            lines.append("</ul>\n</details></li>\n")
            level -= 1
    return "".join([*lines, "</ul>\n"])
