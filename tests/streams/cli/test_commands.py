"""The commands from end to end on a small simulated log, as a user would type them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.moments import Moment
from streams.cli.schema import texts
from streams.lock import FolderLock
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
from streams.simulator.scoring import DETECTOR_OF, score
from streams.simulator.truth import read_truth
from tests.streams.cli.conftest import Mot

RICH = {
    "roaming_shock": 0.1, "dealer_order_lost": 0.1, "broken_promise": 0.1, "bill_spike": 0.1, "activation_late": 0.1,
    "repeat_contact": 0.1, "complaint_reopened": 0.1, "ping_pong": 0.1,
}  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty customers, to whom a lot happens."""
    path = tmp_path_factory.mktemp("log") / "journeys.jsonl"
    write_log(SimulationConfig(customers=20, days=130, seed=3, story_rates=RICH), path, path.with_name("truth.jsonl"))
    return path


@pytest.fixture
def replayed(mot: Mot, log: Path) -> Path:
    """The result folder of that log."""
    folder = log.parent / "replayed"
    if not folder.exists():
        assert mot("replay", log, "--out", folder).code == 0
    return folder


def moments_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "moments.jsonl").read_text().splitlines()]


def test_simulate_writes_the_log_and_the_truth_and_says_how_much(mot: Mot, tmp_path: Path) -> None:
    out, truth = tmp_path / "new" / "log.jsonl", tmp_path / "truth.jsonl"
    seen = mot("simulate", "--customers", 5, "--days", 20, "--out", out, "--truth", truth)
    assert seen.code == 0
    assert f"{len(out.read_bytes().splitlines()):,} records" in seen.out
    assert f"{len(truth.read_text().splitlines()):,} truths" in seen.out


def test_simulate_twice_gives_the_same_bytes(mot: Mot, tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    for out in (first, second):
        assert mot("simulate", "--customers", 5, "--days", 20, "--seed", 9, "--out", out).code == 0
    assert first.read_bytes() == second.read_bytes()


def test_simulate_refuses_a_file_type_it_cannot_write(mot: Mot, tmp_path: Path) -> None:
    seen = mot("simulate", "--out", tmp_path / "log.xlsx")
    assert seen.code == 2
    assert "log.xlsx" in seen.err


def test_replay_prints_moments_by_detector_and_leaves_its_folder(mot: Mot, log: Path, tmp_path: Path) -> None:
    seen = mot("replay", log, "--out", tmp_path / "r")
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert seen.code == 0
    assert f"{summary['records']:,} records" in seen.out
    for name in ("moments.jsonl", "kpis.parquet", "dead_letters.jsonl"):
        assert (tmp_path / "r" / name).is_file()
    assert sum(summary["moments"].values()) == len(moments_of(tmp_path / "r")) > 0


def test_replay_with_json_prints_the_summary_it_writes(mot: Mot, log: Path, tmp_path: Path) -> None:
    seen = mot("replay", log, "--out", tmp_path / "r", "--json")
    assert json.loads(seen.out) == json.loads((tmp_path / "r" / "summary.json").read_text())


def test_batch_size_and_processes_leave_the_moments_as_they_are(
    mot: Mot, log: Path, replayed: Path, tmp_path: Path
) -> None:
    assert mot("replay", log, "--out", tmp_path / "r", "--batch-size", 17, "--processes", 2).code == 0
    assert (tmp_path / "r" / "moments.jsonl").read_bytes() == (replayed / "moments.jsonl").read_bytes()


def test_replay_takes_parameters_and_explain_reads_with_them(mot: Mot, log: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("N28: {min_contacts: 2, require_resolved: false}\n")
    assert mot("replay", log, "--out", tmp_path / "r", "--params", tmp_path / "p.yaml").code == 0
    moment = next(m for m in moments_of(tmp_path / "r") if m["detector_id"] == "N28")
    said = json.loads(mot("explain", moment["moment_id"], "--in", tmp_path / "r", "--json").out)
    assert [case["outcome"] for case in said["cases"]] == ["fired"]
    assert said["cases"][0]["parameters"]["min_contacts"] == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("N28: {min_contacts: 1}", "min_contacts"),
        ("N28: {no_such: 1}", "no_such"),
        ("N99: {a: 1}", "N99"),
        ("[1, 2]", "detector id"),
        ("N28: {", "p.yaml"),
    ],
)
def test_wrong_parameters_are_named_before_anything_runs(
    mot: Mot, log: Path, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "p.yaml").write_text(text)
    seen = mot("replay", log, "--out", tmp_path / "r", "--params", tmp_path / "p.yaml")
    assert seen.code == 1
    assert said in seen.err
    assert "Traceback" not in seen.err
    assert not (tmp_path / "r").exists()


def test_profile_counts_what_is_in_the_file(mot: Mot, log: Path) -> None:
    said = json.loads(mot("profile", log, "--json").out)
    lines = log.read_bytes().splitlines()
    assert said["events"] == len(lines)
    assert said["cases"] == len({json.loads(line)["customer_id"] for line in lines})
    assert said["activity_counts"]["usage.recorded"] == sum(b'"usage.recorded"' in line for line in lines)


def test_profile_of_a_parquet_log_counts_the_same(mot: Mot, log: Path, tmp_path: Path) -> None:
    config = SimulationConfig(customers=20, days=130, seed=3, story_rates=RICH)
    write_log(config, tmp_path / "log.parquet")
    lines, rows = (json.loads(mot("profile", path, "--json").out) for path in (log, tmp_path / "log.parquet"))
    table = pq.read_table(tmp_path / "log.parquet")
    for name in ("occurred_at", "recorded_at"):  # a log may have its times in milliseconds
        in_ms = table.column(name).cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
        table = table.set_column(table.schema.get_field_index(name), name, in_ms)
    pq.write_table(table, tmp_path / "ms.parquet")
    of_ms = json.loads(mot("profile", tmp_path / "ms.parquet", "--json").out)
    for key in ("events", "cases", "variants", "activity_counts", "first_ts"):
        assert rows[key] == of_ms[key] == lines[key]


def test_profile_in_chinese_has_chinese_titles(mot: Mot, log: Path) -> None:
    seen = mot("profile", log, "--lang", "zh")
    assert "事件数" in seen.out
    assert "cases by" not in seen.out


def test_a_foreign_log_without_a_mapping_is_refused_with_the_mappings_that_ship(mot: Mot, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    seen = mot("profile", tmp_path / "log.csv")
    assert seen.code == 2
    assert "helpdesk_italian" in seen.err


def test_sql_answers_on_a_replays_folder(mot: Mot, replayed: Path) -> None:
    seen = mot(
        "sql", "SELECT detector_id, count() AS n FROM moments_now GROUP BY 1 ORDER BY 1", "--in", replayed, "--json"
    )
    counted: dict[str, int] = {}
    for moment in moments_of(replayed):
        counted[str(moment["detector_id"])] = counted.get(str(moment["detector_id"]), 0) + 1
    assert {row["detector_id"]: int(row["n"]) for row in json.loads(seen.out)} == counted


@pytest.mark.parametrize("query", ["DROP TABLE moments_now", "SELECT nope FROM moments_now", "SELECT 1; SELECT 2"])
def test_sql_refuses_what_is_no_read_or_wrong(mot: Mot, replayed: Path, query: str) -> None:
    seen = mot("sql", query, "--in", replayed)
    assert seen.code == 2
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize("columns", [80, 120])
def test_a_wide_answer_is_told_record_by_record_with_every_column(mot: Mot, replayed: Path, columns: int) -> None:
    wide = mot("sql", "SELECT * FROM moments_now LIMIT 2", "--in", replayed, columns=columns)
    asked = json.loads(mot("sql", "SELECT * FROM moments_now LIMIT 2", "--in", replayed, "--json").out)
    assert "record 2 of 2" in wide.out
    for name in asked[0]:
        assert wide.out.count(f"\n{name}:") == 2, name
    assert all(len(line) <= columns for line in wide.out.splitlines())
    assert asked[0]["moment_id"] in wide.out


def test_narrow_answers_and_descriptions_stay_tables(mot: Mot, replayed: Path) -> None:
    for sql in ("SELECT detector_id, severity FROM moments_now", "DESCRIBE moments_now"):
        seen = mot("sql", sql, "--in", replayed, columns=80)
        assert "───" in seen.out
        assert "record 1" not in seen.out
        assert max(map(len, seen.out.splitlines())) <= 80


def test_an_empty_answer_says_so_under_its_header(mot: Mot, replayed: Path) -> None:
    seen = mot("sql", "SELECT moment_id FROM moments_now WHERE 0", "--in", replayed)
    assert "moment_id" in seen.out
    assert "0 rows" in seen.out
    assert "0 行" in mot("sql", "SELECT * FROM moments_now WHERE 0", "--in", replayed, "--lang", "zh").out


def test_a_replay_without_dead_letters_or_moments_has_their_empty_tables(mot: Mot, tmp_path: Path) -> None:
    log, folder = tmp_path / "log.jsonl", tmp_path / "r"
    mot("simulate", "--customers", 1, "--days", 1, "--out", log)
    assert mot("replay", log, "--out", folder).code == 0
    assert not (folder / "dead_letters.jsonl").stat().st_size
    for table, column in (("dead_letters_now", "reason"), ("moments_now", "detector_id")):
        assert json.loads(mot("sql", f"SELECT count() AS n FROM {table}", "--in", folder, "--json").out) == [{"n": 0}]
        assert column in mot("sql", f"DESCRIBE {table}", "--in", folder).out


@pytest.mark.parametrize("words", [["sql", "SELECT 1"], ["explain", "C1"]])
def test_a_folder_without_results_is_named(mot: Mot, tmp_path: Path, words: list[str]) -> None:
    seen = mot(*words, "--in", tmp_path)
    assert seen.code == 1
    assert str(tmp_path) in seen.err


def test_explain_says_of_every_moment_of_a_replay_that_it_fired(mot: Mot, replayed: Path) -> None:
    for moment in moments_of(replayed)[:12]:
        said = json.loads(mot("explain", moment["moment_id"], "--in", replayed, "--json").out)
        told = [m["moment_id"] for case in said["cases"] for m in case["moments"]]
        assert moment["moment_id"] in told


@pytest.mark.parametrize("columns", [80, 120])
def test_explain_of_a_customer_fits_the_terminal_and_speaks_chinese(mot: Mot, replayed: Path, columns: int) -> None:
    customer = moments_of(replayed)[0]["customer_id"]
    english = mot("explain", customer, "--in", replayed, columns=columns)
    chinese = mot("explain", customer, "--in", replayed, "--lang", "zh", columns=columns)
    assert "fired" in english.out
    assert "已报警" in chinese.out
    assert max(map(len, english.out.splitlines())) <= columns
    assert not CHINESE.search(english.out)


def test_the_beginning_of_an_id_is_enough_unless_it_fits_several(mot: Mot, replayed: Path) -> None:
    identity = str(moments_of(replayed)[0]["moment_id"])
    assert mot("explain", identity[:12], "--in", replayed).code == 0
    several = mot("explain", "n", "--in", replayed)
    assert several.code == 1
    assert "moments" in several.err


def test_explain_of_somebody_unknown_says_how_to_find_who_is_known(mot: Mot, replayed: Path) -> None:
    seen = mot("explain", "nobody", "--in", replayed)
    assert seen.code == 1
    assert "mot sql" in seen.err


def test_demo_finds_what_was_planted_and_keeps_it(mot: Mot, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    seen = mot("demo", "--customers", 60, "--days", 70, "--seed", 5, "--out", folder, "--json", tmp_path / "s.json")
    summary = json.loads((tmp_path / "s.json").read_text())
    assert seen.code == 0
    assert summary == json.loads((folder / "summary.json").read_text())
    assert set(summary["detectors"]) == set(DETECTOR_OF.values())
    assert sum(row["planted"] for row in summary["detectors"].values()) > 0
    assert all(row["missed"] == row["spurious"] == 0 for row in summary["detectors"].values())
    counted = mot("sql", "SELECT status, count() AS n FROM moments_now GROUP BY status", "--in", folder, "--json")
    standing = {row["status"]: int(row["n"]) for row in json.loads(counted.out)}
    assert standing == {status: n for status, n in summary["moments"].items() if n}
    again = re.search(r"mot explain (\S+)", seen.out)
    assert again is not None
    assert "fired" in mot("explain", again[1], "--in", folder).out
    for_many = sum(int(n) for n in standing.values())
    assert f"fits {for_many} moments" in mot("explain", "n", "--in", folder).err
    assert mot("demo", "--customers", 5, "--days", 3, "--out", folder).code == 0, "a demo folder may be wiped"
    assert json.loads((folder / "summary.json").read_text())["customers"] == 5


def test_demo_stops_after_its_duration_and_judges_what_had_happened(mot: Mot, tmp_path: Path) -> None:
    seen = mot("demo", "--customers", 20, "--speed", 3600, "--duration", 1.5, "--out", tmp_path / "d")
    summary = json.loads((tmp_path / "d" / "summary.json").read_text())
    assert seen.code == 0
    assert summary["cut"]
    assert summary["event_time"] < "2026-01-05", "an hour a second for a second and a half is no day"
    assert "Stopped at event time" in seen.out
    assert re.search(r"spurious +open +precision", seen.out)
    assert all(row["open"] == 0 for row in summary["detectors"].values())


def test_while_a_demo_runs_sql_is_answered_and_ctrl_c_ends_it_cleanly(mot: Mot, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    words = [sys.executable, "-m", "streams", "demo", "--customers", "30", "--speed", "86400", "--out", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        while " 0 events" in (line := running.stderr.readline()):
            pass
        assert "events/s" in line
        for _ in range(240):  # a commit comes every two seconds
            asked = mot("sql", "SELECT count() AS n FROM events", "--in", folder, "--json")
            if asked.code or int(json.loads(asked.out)[0]["n"]):
                break
            sleep(0.25)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=240)
    assert asked.code == 0
    assert int(json.loads(asked.out)[0]["n"]) > 0
    assert running.returncode == 130
    assert "Stopped at event time" in out
    assert "Traceback" not in err
    assert json.loads((folder / "summary.json").read_text())["moments"]["pending"] == 0


def test_a_bill_seen_growing_before_a_run_was_cut_off_is_not_spurious(replayed: Path) -> None:
    truths = list(read_truth(replayed.parent / "truth.jsonl"))
    moments = [Moment.model_validate(moment) for moment in moments_of(replayed)]
    for record in truths:
        if record.kind == "planted":
            at = record.broken_at
            assert all(not one.spurious for one in score(truths, moments, at)), record


def test_demo_wipes_no_folder_that_is_not_a_demos(mot: Mot, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    seen = mot("demo", "--out", tmp_path)
    assert seen.code == 1
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_a_folder_that_is_held_ends_the_demo_with_75(mot: Mot, tmp_path: Path) -> None:
    with FolderLock(tmp_path / "d"):
        seen = mot("demo", "--out", tmp_path / "d", "--lang", "zh")
    assert seen.code == 75
    assert "mot sql" in seen.err
    assert CHINESE.search(seen.err)


def test_a_log_that_does_not_exist_is_named(mot: Mot, tmp_path: Path) -> None:
    for words in (["profile", tmp_path / "no.jsonl"], ["replay", tmp_path / "no.jsonl", "--out", tmp_path / "r"]):
        seen = mot(*words)
        assert seen.code == 1
        assert "no.jsonl" in seen.err


def test_a_folder_is_no_log_and_that_is_what_is_said(mot: Mot, tmp_path: Path) -> None:
    for words in (["profile", tmp_path], ["replay", tmp_path, "--out", tmp_path / "r"]):
        seen = mot(*words)
        assert seen.code == 1
        assert "is a folder; a file is needed" in seen.err
    assert not (tmp_path / "r").exists()


def test_debug_shows_where_it_went_wrong_and_nothing_else_does(mot: Mot, tmp_path: Path) -> None:
    assert "Traceback" not in mot("profile", tmp_path / "no.jsonl").err
    assert "Traceback" in mot("profile", tmp_path / "no.jsonl", "--debug").err


def test_detectors_list_and_show_read_the_catalogue(mot: Mot) -> None:
    listed = json.loads(mot("detectors", "list", "--json").out)
    assert {"N01", "N30"} <= {row["id"] for row in listed}
    for row in listed:
        for language in ("zh", "en"):
            page = mot("detectors", "show", row["id"], "--lang", language)
            assert page.code == 0
            assert row["title"][language] in page.out
            assert all(name in page.out for name in row["params"])


def test_schema_prints_each_of_its_schemas(mot: Mot) -> None:
    names = re.findall(r"\w+", mot("schema", columns=200).out.split(":")[-1])
    assert {"complaint", "moment", "mapping", "dead_letter"} <= set(names)
    assert set(names) == set(texts())
    assert mot("schema", "complaint").out == texts()["complaint"]
    for text in texts().values():
        assert json.loads(text)["$schema"].startswith("https://json-schema.org/")
