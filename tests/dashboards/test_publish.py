"""The publisher against a Grafana that records what comes: paths, methods, bodies, headers, and what people read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.faults import AddressRefused, GrafanaFault, NotGrafana, Redirected, Refused, Unreachable
from dashboards.publish import Annotation, GrafanaPublisher, Publisher, version
from dashboards.transport import Patience, Transport
from tests.dashboards.fake_grafana import TOKEN, Answer, FakeGrafana, serving

SOURCE = {"uid": "mot-ch", "name": "MOT", "type": "grafana-clickhouse-datasource", "jsonData": {"host": "ch"}}
BOARD = {"id": 5, "uid": "mot-wall", "title": "Wall", "panels": []}
ROUTE = {"receiver": "mot", "object_matchers": [["product", "=", "mot"]]}


@pytest.fixture(params=["11.6.4", "13.0.1"])
def grafana(request: pytest.FixtureRequest) -> Iterator[FakeGrafana]:
    with serving(FakeGrafana(version=request.param)) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def publisher(grafana: FakeGrafana, waits: list[float]) -> Publisher:
    return publisher_of(grafana.url, waits)


def publisher_of(url: str, waits: list[float] | None = None, token: str = TOKEN, answer: float = 60) -> Publisher:
    sleeps = waits if waits is not None else []
    return GrafanaPublisher(Transport(url, token, patience=Patience(answer=answer), wait=sleeps.append))


def test_health(grafana: FakeGrafana, publisher: Publisher) -> None:
    grafana.datasources["mot-ch"] = dict(SOURCE)
    health = publisher.health("mot-ch")
    assert (health.grafana, health.plugin, health.source_ok) == (grafana.version, "4.20.0", True)
    assert health.source == "Data source is working"
    assert (health.grafana_fits, health.plugin_fits) == (True, True)
    assert grafana.calls() == [
        "GET /api/health",
        "GET /api/plugins/grafana-clickhouse-datasource/settings",
        "GET /api/datasources/uid/mot-ch/health",
    ]
    assert {one.headers["authorization"] for one in grafana.requests} == {f"Bearer {TOKEN}"}


def test_health_of_one_that_is_too_old_and_lacks_the_rest() -> None:
    with serving(FakeGrafana(version="11.5.0", plugin=None)) as grafana:
        health = publisher_of(grafana.url).health("mot-ch")
        assert (health.grafana_fits, health.plugin, health.plugin_fits) == (False, None, False)
        assert (health.source_ok, health.source) == (None, "Data source not found")
        grafana.plugin = "4.14.9"
        grafana.datasources["mot-ch"] = dict(SOURCE)
        grafana.source_health = Answer(400, {"status": "ERROR", "message": "dial tcp: connection refused"})
        health = publisher_of(grafana.url).health("mot-ch")
        assert (health.plugin_fits, health.source_ok, health.source) == (False, False, "dial tcp: connection refused")
        grafana.version = ""
        assert publisher_of(grafana.url).health("mot-ch").grafana_fits is None


@pytest.mark.parametrize(
    ("words", "numbers"),
    [("11.6.0", (11, 6, 0)), ("12.4.10+security-01", (12, 4, 10)), ("v4.15.0-beta1", (4, 15, 0)), ("x", ())],
)
def test_versions(words: str, numbers: tuple[int, ...]) -> None:
    assert version(words) == numbers


def test_a_folder_is_made_once_and_renamed(grafana: FakeGrafana, publisher: Publisher) -> None:
    publisher.ensure_folder("mot", "MOT monitor")
    publisher.ensure_folder("mot", "MOT monitor")
    assert grafana.calls() == ["GET /api/folders/mot", "POST /api/folders", "GET /api/folders/mot"]
    assert grafana.requests[1].body == {"uid": "mot", "title": "MOT monitor"}
    publisher.ensure_folder("mot", "关键时刻")
    assert grafana.folders["mot"]["title"] == "关键时刻"
    assert grafana.requests[-1].body["overwrite"] is True


def test_a_folder_that_another_made_meanwhile(grafana: FakeGrafana, publisher: Publisher) -> None:
    grafana.folders["mot"] = {"uid": "mot", "title": "MOT"}
    grafana.next.append(Answer(404, {"message": "folder not found"}))
    publisher.ensure_folder("mot", "MOT")
    assert grafana.calls() == ["GET /api/folders/mot", "POST /api/folders", "GET /api/folders/mot"]


def test_a_folder_whose_name_is_taken_is_an_error(grafana: FakeGrafana, publisher: Publisher) -> None:
    taken = Answer(409, {"message": "a folder with the same name already exists"})
    grafana.next.extend([Answer(404, {"message": "folder not found"}), taken])
    with pytest.raises(Refused, match="same name already exists"):
        publisher.ensure_folder("mot", "MOT")


def test_the_data_source_is_written_by_uid(grafana: FakeGrafana, publisher: Publisher) -> None:
    publisher.upsert_datasource(SOURCE)
    publisher.upsert_datasource({**SOURCE, "jsonData": {"host": "other"}})
    assert grafana.calls() == [
        "GET /api/datasources/uid/mot-ch",
        "POST /api/datasources",
        "GET /api/datasources/uid/mot-ch",
        "PUT /api/datasources/uid/mot-ch",
    ]
    assert grafana.requests[-1].body["version"] == 1
    assert grafana.datasources["mot-ch"]["jsonData"] == {"host": "other"}


def test_a_data_source_of_files_is_left_alone(grafana: FakeGrafana, publisher: Publisher) -> None:
    grafana.datasources["mot-ch"] = {**SOURCE, "readOnly": True, "version": 1}
    with pytest.raises(Refused) as refused:
        publisher.upsert_datasource(SOURCE)
    assert "read-only data source" in refused.value.text.en
    assert "由文件置备的数据源只能改文件" in refused.value.text.zh


def test_a_dashboard_is_overwritten_in_our_folder(grafana: FakeGrafana, publisher: Publisher) -> None:
    assert publisher.publish_dashboard(BOARD, "mot", "mot 0.1.0") == "/d/mot-wall/x"
    publisher.publish_dashboard(BOARD, "mot", "mot 0.1.0")
    assert grafana.calls() == ["POST /api/dashboards/db"] * 2
    sent = grafana.requests[0].body
    assert sent == {"dashboard": {**BOARD, "id": None}, "folderUid": "mot", "overwrite": True, "message": "mot 0.1.0"}
    assert "folderId" not in sent


def test_alert_rules_can_be_changed_in_grafana_afterwards(grafana: FakeGrafana, publisher: Publisher) -> None:
    group = {"title": "关键时刻 / fast", "folderUid": "mot", "interval": 60, "rules": []}
    publisher.ensure_folder("mot", "MOT")
    publisher.upsert_rule_group("mot", group)
    path = "PUT /api/v1/provisioning/folder/mot/rule-groups/%E5%85%B3%E9%94%AE%E6%97%B6%E5%88%BB%20%2F%20fast"
    assert grafana.calls()[-1] == path
    assert grafana.requests[-1].headers["x-disable-provenance"] == "true"
    assert grafana.groups == {("mot", "关键时刻 / fast"): group}


def test_contact_points(grafana: FakeGrafana, publisher: Publisher) -> None:
    point = {"uid": "mot-hook", "name": "mot", "type": "webhook", "settings": {"url": "https://x"}}
    publisher.upsert_contact_point(point)
    publisher.upsert_contact_point({**point, "settings": {"url": "https://y"}})
    assert [call.split(" ")[0] for call in grafana.calls()] == ["GET", "POST", "GET", "PUT"]
    assert grafana.calls()[-1] == "PUT /api/v1/provisioning/contact-points/mot-hook"
    assert grafana.points["mot-hook"]["settings"] == {"url": "https://y"}
    assert "x-disable-provenance" in grafana.requests[-1].headers


def test_the_policy_keeps_what_others_wrote(grafana: FakeGrafana, publisher: Publisher) -> None:
    theirs = {"receiver": "network", "object_matchers": [["team", "=", "network"]]}
    grafana.policy = {"receiver": "ops", "group_by": ["alertname"], "routes": [theirs]}
    publisher.upsert_route(ROUTE)
    publisher.upsert_route({**ROUTE, "receiver": "mot-2"})
    assert grafana.policy == {
        "receiver": "ops",
        "group_by": ["alertname"],
        "routes": [{**ROUTE, "receiver": "mot-2"}, theirs],
    }


def test_annotations(grafana: FakeGrafana, publisher: Publisher) -> None:
    everywhere = Annotation(at_ms=1_700_000_000_000, text="N28 钻石", tags=("mot", "N28"))
    assert publisher.annotate(everywhere) == 1
    bound = Annotation(at_ms=1, until_ms=2, text="x", tags=("mot",), dashboard_uid="mot-wall", panel_id=4)
    assert publisher.annotate(bound) == 2
    assert grafana.annotations == [
        {"time": 1_700_000_000_000, "text": "N28 钻石", "tags": ["mot", "N28"]},
        {"time": 1, "timeEnd": 2, "text": "x", "tags": ["mot"], "dashboardUID": "mot-wall", "panelId": 4},
    ]


# --- trouble


ERRORS: list[tuple[int, str, str]] = [
    (400, "files provision", "由文件置备"),
    (401, "service account token", "服务账号令牌"),
    (403, "the role Editor", "需要 Editor"),
    (404, "path prefix", "路径前缀"),
    (409, "rename or delete", "改名或删除"),
    (412, "changed by another", "被他人改动"),
    (418, "Mend what it says", "改正后重试"),
    (500, "see its log", "查看它的日志"),
]


@pytest.mark.parametrize(("status", "en", "zh"), ERRORS)
def test_what_people_read(grafana: FakeGrafana, publisher: Publisher, status: int, en: str, zh: str) -> None:
    grafana.next.extend([Answer(status, {"message": "no way"})] * 4)
    with pytest.raises(Refused) as refused:
        publisher.publish_dashboard(BOARD, "mot", "")
    assert refused.value.status == status
    assert f"Publishing the dashboard mot-wall: Grafana answered {status} (no way)" in refused.value.text.en
    assert f"发布看板 mot-wall：Grafana 回答 {status}（no way）" in refused.value.text.zh
    assert en in refused.value.text.en
    assert zh in refused.value.text.zh


def test_a_wrong_token_is_not_tried_again(grafana: FakeGrafana, waits: list[float]) -> None:
    with pytest.raises(Refused) as refused:
        publisher_of(grafana.url, waits, token="glsa_wrong").ensure_folder("mot", "MOT")
    assert (refused.value.status, waits, len(grafana.requests)) == (401, [], 1)
    assert "glsa_wrong" not in refused.value.text.en


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_grafana_that_is_busy_is_asked_again(
    grafana: FakeGrafana, publisher: Publisher, waits: list[float], status: int
) -> None:
    page = Answer(status, "<html>a message of the proxy</html>", {"Content-Type": "text/html"})
    grafana.next.extend([page, page, page])
    publisher.publish_dashboard(BOARD, "mot", "")
    assert waits == [0.5, 1.0, 2.0]
    assert "mot-wall" in grafana.dashboards


def test_it_waits_as_long_as_it_is_told(grafana: FakeGrafana, publisher: Publisher, waits: list[float]) -> None:
    grafana.next.append(Answer(429, {"message": "slow down"}, {"Retry-After": "7"}))
    grafana.next.append(Answer(429, {"message": "slow down"}, {"Retry-After": "86400"}))
    publisher.publish_dashboard(BOARD, "mot", "")
    assert waits == [7.0, 30.0]


def test_it_gives_up_in_the_end(grafana: FakeGrafana, publisher: Publisher, waits: list[float]) -> None:
    grafana.next.extend([Answer(503, "down", {"Content-Type": "text/plain"})] * 9)
    with pytest.raises(Refused, match="answered 503"):
        publisher.publish_dashboard(BOARD, "mot", "")
    assert len(waits) == 3


def test_a_connection_that_breaks_is_made_again(grafana: FakeGrafana, publisher: Publisher, waits: list[float]) -> None:
    grafana.next.extend([Answer(0, drop=True), Answer(0, drop=True)])
    publisher.ensure_folder("mot", "MOT")
    assert "mot" in grafana.folders
    assert len(waits) == 2


def test_an_annotation_is_never_put_twice(grafana: FakeGrafana, publisher: Publisher, waits: list[float]) -> None:
    mark = Annotation(at_ms=1, text="x", tags=())
    for answer in (Answer(0, drop=True), Answer(502, {"message": "?"})):
        grafana.next.append(answer)
        with pytest.raises(GrafanaFault):
            publisher.annotate(mark)
    assert waits == []
    grafana.next.append(Answer(429, {"message": "slow down"}))
    assert publisher.annotate(mark) == 1


def test_no_one_there(waits: list[float]) -> None:
    with serving(FakeGrafana()) as gone:
        url = gone.url
    with pytest.raises(Unreachable) as away:
        publisher_of(url, waits).ensure_folder("mot", "MOT")
    assert "refused" in away.value.text.en
    assert url in away.value.text.zh
    assert waits == [0.5, 1.0, 2.0]


def test_an_answer_that_does_not_come(grafana: FakeGrafana) -> None:
    import time  # noqa: PLC0415 - only this test waits

    grafana.answer = lambda _request: time.sleep(1) or Answer(200, {})  # type: ignore[method-assign,assignment,func-returns-value]
    transport = Transport(grafana.url, TOKEN, patience=Patience(tries=1, answer=0.1))
    with pytest.raises(Unreachable, match=r"> 0.1 s"):
        GrafanaPublisher(transport).ensure_folder("mot", "MOT")


def test_a_page_that_is_not_grafana(grafana: FakeGrafana, publisher: Publisher) -> None:
    grafana.next.append(Answer(200, "<html>Please log in</html>", {"Content-Type": "text/html; charset=utf-8"}))
    with pytest.raises(NotGrafana) as other:
        publisher.ensure_folder("mot", "MOT")
    assert "text/html" in other.value.text.en
    assert "登录页" in other.value.text.zh


def test_a_write_is_never_redirected_into_a_read(grafana: FakeGrafana, publisher: Publisher) -> None:
    grafana.next.append(Answer(301, None, {"Location": "https://grafana.example.com/api/dashboards/db"}))
    with pytest.raises(Redirected, match=r"https://grafana\.example\.com"):
        publisher.publish_dashboard(BOARD, "mot", "")


@pytest.mark.parametrize("prefix", ["/grafana", "/a/b"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_prefix_with_or_without_its_slash(prefix: str, slash: str) -> None:
    with serving(FakeGrafana(prefix=prefix)) as grafana:
        publisher_of(grafana.url + slash).ensure_folder("mot", "MOT")
        assert grafana.calls()[0] == f"GET {prefix}/api/folders/mot"
        wrong = grafana.url.removesuffix(prefix)
        with pytest.raises(Refused) as refused:
            publisher_of(wrong).publish_dashboard(BOARD, "mot", "")
        assert "path prefix" in refused.value.text.en


@pytest.mark.parametrize(
    "address", ["grafana:3000", "ftp://x", "http://", "http://x:99999", "http://x?y=1", "http://admin:pw@x", ""]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        Transport(address, TOKEN)
    assert refused.value.exit_code == 2


def test_a_validation_error_is_read_out(grafana: FakeGrafana, publisher: Publisher) -> None:
    answers: list[Any] = [
        [{"fieldNames": ["x"], "message": "title is required"}],
        {"traceID": "", "error": "bad thing"},
    ]
    for body, words in zip(answers, ("title is required", "bad thing"), strict=True):
        grafana.next.append(Answer(422, body))
        with pytest.raises(Refused, match=words):
            publisher.publish_dashboard(BOARD, "mot", "")
