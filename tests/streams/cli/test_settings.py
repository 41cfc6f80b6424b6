"""An operator's settings: one file, read by demo, replay and explain; a wrong one names line, field and what to do."""

from __future__ import annotations

import json
import pickle  # noqa: TID251 - how multiprocessing hands settings to the processes of a replay
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from detectors.catalogue import CATALOGUE
from journeys.lateness import Lateness
from schemas.codec import decode
from schemas.envelope import Event
from schemas.times import DAY, HOUR, MINUTE
from streams.lock import FolderLock
from streams.settings import OperatorSettings, SettingsError, load_settings, parse_settings
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
from tests.streams.cli.conftest import Mot

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "streams" / "cli" / "example_settings.yaml"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
EVERYTHING = """
lateness: {usage: 0 s, roaming: 0 s, network: 0 s, notification: 0 s, charging: 0 s, billing: 0 s, payment: 0 s,
  other: 0 s}
touchpoints: {data_used: {stage: pay}}
added_touchpoints:
  - {id: text_written, stage: discover, name: {zh: 写短信, en: Writes a text}}
placement:
  - {event_type: usage.recorded, attribute: kind, equals: message, touchpoint_id: text_written}
detectors: {N28: {min_contacts: 2, require_resolved: false}}
"""


def event(event_type: str, **attributes: object) -> Event:
    text = {"event_id": "e", "event_type": event_type, "customer_id": "c"}
    text |= dict.fromkeys(("occurred_at", "recorded_at"), "2026-03-01T00:00:00Z")
    read = decode(json.dumps(text | {"attributes": attributes}).encode())
    assert isinstance(read, Event), read
    return read


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "journeys.jsonl"
    write_log(SimulationConfig(customers=20, days=60, seed=3, late=0.05, story_rates={"repeat_contact": 0.5}), path)
    return path


def test_nothing_said_is_everything_as_shipped() -> None:
    settings = OperatorSettings()
    assert settings.lateness() == Lateness()
    assert settings.catalogue() == CATALOGUE
    assert parse_settings("lateness: {}", "s.yaml") == settings


def test_the_shipped_example_says_what_it_says() -> None:
    settings = load_settings(EXAMPLE)
    lateness = settings.lateness()
    assert lateness.of_type("usage.recorded") == 30 * MINUTE
    assert lateness.of_type("bill.issued") == 72 * HOUR
    assert lateness.of_type("complaint.opened") == 2 * HOUR
    assert lateness.of_type("roaming.attached") == Lateness().of_type("roaming.attached")
    assert settings.touchpoints()["online_bill_analysed"].stage == "use"
    assert settings.touchpoints()["order_tracked"].name.said_in("zh") == "查询订单进度"
    params = {detector.meta.id: detector.params.model_dump() for detector in settings.catalogue()}
    assert params["N28"]["min_contacts"] == 4
    assert (params["N03"]["acknowledge_hours"], params["N03"]["supply_hours"]) == (1, None)


def test_own_placement_comes_before_the_shipped_and_leaves_the_rest() -> None:
    placements = load_settings(EXAMPLE).placements()
    assert placements.place(event("complaint.opened", category="roaming")).touchpoint == "roaming_complaint_made"
    assert placements.place(event("complaint.opened", category="bill")).touchpoint == "complaint_made"
    own = "placement: [{event_type: bill.issued, attribute: first, equals: 'true', touchpoint_id: bill_queried},"
    own += "{event_type: bill.viewed, touchpoint_id: bill_queried}]"
    placements = parse_settings(own, "s.yaml").placements()
    assert placements.place(event("bill.viewed")).touchpoint == "bill_queried"
    period = {"period_start": "2026-01-01T00:00:00Z", "period_end": "2026-02-01T00:00:00Z"}
    assert placements.place(event("bill.issued", first=True, **period)).touchpoint == "bill_queried"
    assert placements.place(event("bill.issued", **period)).touchpoint == "bill_received"


@pytest.mark.parametrize("text", [EVERYTHING, EXAMPLE.read_text(encoding="utf-8"), "{}"])
def test_settings_survive_being_written_down_and_going_to_another_process(text: str) -> None:
    settings = parse_settings(text, "s.yaml")
    assert parse_settings(settings.written(), "again") == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("written", "ms"), [("90 s", 90_000), ("15min", 15 * MINUTE), ("2 d", 2 * DAY), ("0 h", 0), ("5 ms", 5)]
)
def test_a_duration_is_a_whole_number_and_a_unit(written: str, ms: int) -> None:
    settings = parse_settings(f"lateness: {{other: {written}}}", "s.yaml")
    assert settings.lateness().other_ms == ms
    assert parse_settings(settings.written(), "again").lateness().other_ms == ms


def test_parameters_given_beside_the_settings_win_by_id_or_name() -> None:
    settings = parse_settings("detectors: {repeat_contact: {min_contacts: 4, within_days: 9}}", "s.yaml")
    told = settings.with_parameters({"N28": {"min_contacts": 5}})
    params = next(one.params.model_dump() for one in told.catalogue() if one.meta.id == "N28")
    assert (params["min_contacts"], params["within_days"]) == (5, 9)


WRONG = {
    "a misspelt part": ("\nlatness: {usage: 1 h}", 2, "latness", "Did you mean 'lateness'?"),
    "a family that is none": ("lateness:\n  usge: 1 h", 2, "lateness.usge", "Did you mean 'usage'?"),
    "no unit": ("lateness:\n  usage: 15", 2, "lateness.usage", "like 15 min"),
    "far too long": ("lateness:\n  usage: 900 d", 2, "lateness.usage", "366 d"),
    "unknown touchpoint": ("touchpoints:\n  wallet_bond: {stage: pay}", 2, "touchpoints.wallet_bond", "wallet_bound"),
    "an unknown stage": ("touchpoints:\n  wallet_bound:\n    stage: paid", 3, "touchpoints.wallet_bound.stage", "pay"),
    "one language only": (
        "touchpoints:\n  wallet_bound:\n    name: {en: A}", 3, "touchpoints.wallet_bound.name.zh", "missing; add it"
    ),
    "a word for a touchpoint": ("touchpoints:\n  wallet_bound: pay", 2, "touchpoints.wallet_bound", "keys and values"),
    "a word for a list": ("\nplacement: bill.issued", 2, "placement", "a list"),
    "an id that is none": (
        "added_touchpoints:\n  - {id: Own One, stage: pay, name: {zh: 账, en: b}}",
        2, "added_touchpoints[0].id", "small letters",
    ),
    "own touchpoint that ships": (
        "added_touchpoints:\n  - {id: bill_received, stage: pay, name: {zh: 账, en: b}}",
        2, "added_touchpoints[0].id", "under `touchpoints`",
    ),
    "no such event type": (
        "placement:\n  - {event_type: bil.issued, touchpoint_id: bill_received}",
        2, "placement[0].event_type", "'bill.issued'",
    ),
    "no such target": (
        "placement:\n  - event_type: bill.issued\n    touchpoint_id: bill_receivd",
        3, "placement[0].touchpoint_id", "'bill_received'",
    ),
    "no such attribute": (
        "placement:\n  - {event_type: complaint.opened, attribute: kategory, equals: a, touchpoint_id: complaint_made}",
        2, "placement[0].attribute", "'category'",
    ),
    "another attribute than shipped": (
        "placement:\n  - {event_type: order.created, attribute: line_kind, equals: a, touchpoint_id: order_tracked}",
        2, "placement[0].attribute", "'product'",
    ),
    "a value without its attribute": (
        "placement:\n  - {event_type: order.created, equals: a, touchpoint_id: order_tracked}",
        2, "placement[0]", "both",
    ),
    "the same rule twice": (
        "placement:\n" + "  - {event_type: bill.viewed, touchpoint_id: bill_queried}\n" * 2, 3, "placement[1]", "remove"
    ),
    "an unknown detector": ("detectors:\n  N99: {a: 1}", 2, "detectors.N99", "N28"),
    "an unknown parameter": ("detectors:\n  N28: {\n    contcts: 1}", 3, "detectors.N28.contcts", "mot detectors show"),
    "a value out of range": ("detectors:\n  N28:\n    min_contacts: 1", 3, "detectors.N28.min_contacts", "greater"),
    "a key twice": ("lateness: {usage: 1 h,\n  usage: 2 h}", 2, "lateness.usage", "twice"),
    "no YAML": ("lateness: {usage: 1 h", 1, "(YAML)", "YAML"),
    "a list": ("- 1", 1, "(top)", "example_settings.yaml"),
    "nothing": ("", 1, "(top)", "example_settings.yaml"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place_in_both_languages(text: str, line: int, field: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, "s.yaml")
    fault = refused.value
    assert (fault.line, fault.field) == (line, field)
    assert said in fault.text.en
    assert fault.text.en.startswith(f"settings s.yaml, line {line}, field {field}: ")
    assert "mapping" not in fault.text.en
    assert CHINESE.search(fault.text.zh.split(":", 1)[1])
    assert pickle.loads(pickle.dumps(fault)).text == fault.text


def test_the_printed_schema_fits_the_example(mot: Mot) -> None:
    schema = json.loads(mot("schema", "settings").out)
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"lateness": {"usage": "soon"}}, schema)


def test_the_readme_shows_the_shipped_example() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["replay", "no.jsonl", "--out"], ["demo", "--out"]])
def test_wrong_settings_end_with_two_before_anything_is_touched(mot: Mot, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "s.yaml").write_text("lateness: {usge: 1 h}")
    seen = mot(*words, tmp_path / "r", "--settings", tmp_path / "s.yaml")
    assert seen.code == 2
    assert "line 1, field lateness.usge" in seen.err
    assert not (tmp_path / "r").exists()
    assert mot(*words, tmp_path / "r", "--settings", tmp_path / "none.yaml").code == 2


@pytest.mark.parametrize("processes", [1, 2])
def test_replay_reads_with_the_settings_and_explain_with_the_same(
    mot: Mot, log: Path, tmp_path: Path, processes: int
) -> None:
    (tmp_path / "s.yaml").write_text(EVERYTHING)
    (tmp_path / "p.yaml").write_text("N28: {within_days: 30}")
    folder = tmp_path / "r"
    words = [
        "replay",
        log,
        "--processes",
        processes,
        "--settings",
        tmp_path / "s.yaml",
        "--params",
        tmp_path / "p.yaml",
    ]
    summary = json.loads(mot(*words, "--out", folder, "--json").out)
    assert summary["late"] > 0
    stages = "SELECT DISTINCT touchpoint, stage FROM kpi WHERE touchpoint IN ('data_used', 'text_written') ORDER BY 1"
    asked = json.loads(mot("sql", stages, "--in", folder, "--json").out)
    assert [tuple(row.values()) for row in asked] == [("data_used", "pay"), ("text_written", "discover")]
    moments = [json.loads(line) for line in (folder / "moments.jsonl").read_text().splitlines()]
    found = next(moment for moment in moments if moment["detector_id"] == "N28")
    said = json.loads(mot("explain", found["moment_id"], "--in", folder, "--json").out)["cases"][0]["parameters"]
    assert (said["min_contacts"], said["require_resolved"], said["within_days"]) == (2, False, 30)
    (tmp_path / "other.yaml").write_text("detectors: {N28: {min_contacts: 50}}")
    other = mot("explain", found["moment_id"], "--in", folder, "--settings", tmp_path / "other.yaml", "--json")
    assert json.loads(other.out)["cases"][0]["outcome"] == "silent"


def test_demo_places_events_by_the_settings(mot: Mot, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(EVERYTHING)
    folder = tmp_path / "d"
    seen = mot("demo", "--customers", 10, "--days", 5, "--out", folder, "--settings", tmp_path / "s.yaml")
    assert seen.code == 0
    texts = "event_type = 'usage.recorded' AND attributes LIKE '%message%'"
    placed = f"SELECT DISTINCT touchpoint, stage FROM events WHERE {texts}"
    asked = json.loads(mot("sql", placed, "--in", folder, "--json").out)
    assert asked == [{"touchpoint": "text_written", "stage": "discover"}]


def test_demo_reads_with_the_settings_and_explain_with_the_same(mot: Mot, tmp_path: Path) -> None:
    text = re.sub(r"placement:\n.*\n", "", EVERYTHING)
    (tmp_path / "s.yaml").write_text(text)
    folder = tmp_path / "d"
    seen = mot("demo", "--customers", 20, "--days", 20, "--out", folder, "--settings", tmp_path / "s.yaml")
    assert seen.code == 0
    assert json.loads((folder / "summary.json").read_text())["late"] > 0
    stages = "SELECT touchpoint, stage FROM touchpoints WHERE touchpoint IN ('data_used', 'text_written') ORDER BY 1"
    asked = json.loads(mot("sql", stages, "--in", folder, "--json").out)
    assert [tuple(row.values()) for row in asked] == [("data_used", "pay"), ("text_written", "discover")]
    used = "SELECT DISTINCT stage FROM events WHERE touchpoint = 'data_used'"
    assert json.loads(mot("sql", used, "--in", folder, "--json").out) == [{"stage": "pay"}]
    customer = json.loads(mot("sql", "SELECT any(customer_id) AS c FROM events", "--in", folder, "--json").out)[0]["c"]
    cases = json.loads(mot("explain", customer, "--in", folder, "--json").out)["cases"]
    assert all(case["parameters"]["min_contacts"] == 2 for case in cases if case["detector"] == "N28")
    assert load_settings(folder / "settings.json") == load_settings(tmp_path / "s.yaml")


def test_two_replays_into_one_folder_are_refused_with_75(mot: Mot, log: Path, tmp_path: Path) -> None:
    assert mot("replay", log, "--out", tmp_path / "r").code == 0
    before = (tmp_path / "r" / "moments.jsonl").read_bytes()
    with FolderLock(tmp_path / "r"):
        seen = mot("replay", log, "--out", tmp_path / "r", "--lang", "zh")
    assert seen.code == 75
    assert CHINESE.search(seen.err)
    assert (tmp_path / "r" / "moments.jsonl").read_bytes() == before
    assert mot("replay", log, "--out", tmp_path / "r").code == 0, "the lock goes with its holder"
