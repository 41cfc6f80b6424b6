"""Every sentence that a dead letter may hold has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.refusals import _SENTENCES
from schemas.translation import in_chinese
from tests.chaos.poison import PILLS

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "schemas").glob("*.py"),
    *(ROOT / "streams" / "sources").glob("*.py"),
    ROOT / "streams" / "live" / "intake.py",
    ROOT / "streams" / "engine" / "engine.py",
    ROOT / "streams" / "sinks" / "topics.py",
]
SAYS_WHY = {
    "Refused", "Refusal", "refused_at", "refusal_at", "UpcastError", "RowFault",
    "set_aside", "_set_aside",
}  # fmt: skip
READ_A_VALUE = {"instants.py", "values.py"}
NAMES = {"flaw", "detail", "_BEYOND", "_FUTURE", "_WRONG_KEY"}
_ENGLISH = re.compile(r"\b(the|must|holds|lies|missing|than|states|cannot|not)\b")


def _written(node: ast.expr) -> str | None:
    """A text as it is written, 7 for whatever it is filled with; None when it is no text of several words."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
    else:
        return None
    return text if text.count(" ") > 1 else None


def _sentences() -> Iterator[str]:
    for path in SOURCES:
        calls = SAYS_WHY | ({"ValueError"} if path.name in READ_A_VALUE else set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in calls:
                found = node.args
            elif isinstance(node, ast.Assign) and any(getattr(name, "id", "") in NAMES for name in node.targets):
                found = [node.value]
            elif isinstance(node, ast.FunctionDef) and node.name == "_complaint":
                found = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            yield from filter(None, map(_written, found))
    yield from (sentence.format(max_length=7, min_length=7, ge=7, le=7) for sentence in _SENTENCES.values())


def _translated(sentence: str) -> bool:
    """Said of a field, of the record, or as it stands."""
    ways = (sentence, f"amount_minor {sentence}.", f"The record {sentence}.")
    return any(re.search(r"[\u4e00-\u9fff]", said) and not _ENGLISH.search(said) for said in map(in_chinese, ways))


def test_every_sentence_in_the_code_has_its_chinese() -> None:
    sentences = sorted(set(_sentences()))
    assert len(sentences) > 50  # the list is not empty by mistake
    assert [sentence for sentence in sentences if not _translated(sentence)] == []


@pytest.mark.parametrize("name", PILLS)
def test_what_is_said_of_poison_is_said_in_chinese(name: str) -> None:
    letter = decode(PILLS[name][0])
    detail = getattr(letter, "detail", "the record's key is not its customer_id, so it lies in ...")
    said = in_chinese(detail)
    field = getattr(letter, "field", None)
    assert name == "another customer's key" or (said != detail and not _ENGLISH.search(said))
    assert field is None or said.startswith(f"{field} ")


def test_numbers_and_words_are_taken_over() -> None:
    late = "occurred at 2026-03-01T08:30:00Z and came later than the 90 minutes that its family is waited for; "
    late += "raise the allowed lateness in the settings if such events are normal"
    assert in_chinese(late).startswith("发生于 2026-03-01T08:30:00Z，迟于该类事件允许的 90 分钟")
    assert (
        in_chinese("tier is not a known word; use 'gold' or 'silver'.")
        == "tier 不是已知取值；可用 'gold' or 'silver'。"
    )
    assert in_chinese("order.placed: order_id is missing; state it, this event cannot be used without it.") == (
        "order.placed：order_id 缺失；没有它无法使用该事件，请补上。"
    )


def test_other_sentences_stay_as_they_are() -> None:
    for sentence in ("", "said by somebody else", "amount_minor is odd."):
        assert in_chinese(sentence) == sentence
