"""`mot dashboards build|push|check`: the dashboards and alert rules that ship, into a folder or into a Grafana."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.text import Text as Line
from typer import Exit

from dashboards.grafana import provisioning, store
from dashboards.grafana.alerts import api_groups, groups
from dashboards.grafana.languages import compare, uid_in
from dashboards.grafana.lint import DATASOURCE_UID, Finding, lint, lint_alerts
from dashboards.grafana.provisioning import CONTACTS, Contact, Source
from dashboards.grafana.targets import with_targets
from journeys.registry import Registry
from streams.cli.failures import FAILED, CliError, UsageFault
from streams.cli.session import Session
from streams.i18n import Language
from streams.secrets import secret_of
from streams.settings import OperatorSettings, load_settings

TOKEN = "MOT_GRAFANA_TOKEN"  # noqa: S105 - the variable's name
Boards = Literal["zh", "en", "both"] | None


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What `mot dashboards build` was asked for."""

    out: Path
    boards: Boards
    datasource_uid: str
    contacts: Sequence[str]
    runbooks: str
    settings: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What `mot dashboards push` was asked for."""

    url: str
    boards: Boards
    datasource_uid: str
    clickhouse: str | None
    contacts: Sequence[str]
    alerts: bool
    runbooks: str
    settings: Path | None
    as_json: bool


def build(session: Session, options: BuildOptions) -> None:
    """Write what Grafana reads at start into a folder. Raises OSError, SettingsError."""
    languages = _languages(session, options.boards)
    contacts = [_kind(words) for words in options.contacts]
    made = provisioning.files(
        session.language,
        source=Source(uid=options.datasource_uid),
        contacts=contacts,
        boards=languages,
        registry=_registry(options.settings),
        runbooks=options.runbooks,
    )
    written = provisioning.write(options.out / "provisioning", made)
    for language in languages:
        shipped = _boards(language, options)
        texts = {f"{one['uid']}.json": store.text_of(one) for one in shipped}
        written += provisioning.write(options.out / "dashboards" / language, texts)
    if options.as_json:
        session.write_json([str(path) for path in written])
        return
    count = sum(path.suffix == ".json" for path in written)
    session.out.print(
        session.say("dashboards.built", path=options.out, boards=count, languages=" + ".join(languages)),
        markup=False,
        soft_wrap=True,
    )


def push(session: Session, options: PushOptions) -> None:
    """Put them into a running Grafana. Raises GrafanaFault, UsageFault, AddressFault, SettingsError."""
    contacts = [_contact(words, session.language) for words in options.contacts]
    source = _source(session, options)
    publisher = _publisher(session, options.url)
    done: list[dict[str, str]] = []

    def note(what: str, name: str) -> None:
        done.append({"what": what, "name": name})
        if not options.as_json:
            words = session.say(f"dashboards.pushed_{what}", name=name)
            session.out.print(words, markup=False, soft_wrap=True)

    if source is not None:
        publisher.upsert_datasource(provisioning.datasource(source))
        note("datasource", source.uid)
    for language in _languages(session, options.boards):
        folder = uid_in(provisioning.FOLDER_UID, language)
        publisher.ensure_folder(folder, provisioning.FOLDER.said_in(language))
        for dashboard in _boards(language, options):
            note("dashboard", publisher.publish_dashboard(dashboard, folder, "mot dashboards push"))
    if options.alerts:
        _push_alerts(session, publisher, options, note)
    if contacts:
        for contact in contacts:
            publisher.upsert_contact_point(contact)
            note("contact", contact["uid"])
        publisher.upsert_route(provisioning.route())
    if options.as_json:
        session.write_json(done)


def _push_alerts(session: Session, publisher: Any, options: PushOptions, note: Any) -> None:
    folder = provisioning.ALERT_FOLDER_UID
    publisher.ensure_folder(folder, provisioning.ALERT_FOLDER.said_in(session.language))
    made = groups(
        session.language,
        _registry(options.settings),
        datasource_uid=options.datasource_uid,
        runbooks=options.runbooks,
    )
    for group in api_groups(folder, made):
        publisher.upsert_rule_group(folder, group)
        note("group", group["title"])


class Item(NamedTuple):
    """One thing looked at: `ok` is None where it cannot be told."""

    name: str
    ok: bool | None
    words: str


def check(session: Session, url: str | None, folder: Path | None, datasource_uid: str, *, as_json: bool) -> None:
    """Look at the files and, with `url`, at a Grafana; exit code 1 when something is wrong. Raises GrafanaFault."""
    findings, count = _linted(folder, datasource_uid)
    words = session.say("dashboards.lint_bad" if findings else "dashboards.lint_good", count=count, bad=len(findings))
    items = [Item("files", not findings, words)]
    if url is not None:
        items += _grafana(session, url, datasource_uid)
    if as_json:
        told = [one.said_in(session.language) for one in findings]
        session.write_json({"items": [one._asdict() for one in items], "findings": told})
    else:
        for item in items:
            mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[item.ok]
            session.out.print(Line.assemble((mark, style), " ", item.words), soft_wrap=True)
        for finding in findings:
            session.out.print("  " + finding.said_in(session.language), markup=False, soft_wrap=True)
    if any(item.ok is False for item in items):
        raise Exit(FAILED)


def _linted(folder: Path | None, datasource_uid: str) -> tuple[list[Finding], int]:
    """What is wrong with the dashboards that ship, or with those `build` wrote into `folder`; and how many they are."""
    where = store.SHIPPED if folder is None else folder / "dashboards"
    sets = {language: _read(where, language, datasource_uid) for language in store.LANGUAGES}
    if not any(sets.values()):
        raise UsageFault("dashboards.no_boards", path=where)
    found = [finding for dashboards in sets.values() for finding in lint(dashboards)]
    if all(sets.values()):
        found += compare(sets["zh"], sets["en"])
    if folder is None:
        for language, dashboards in sets.items():
            rules = [one for members in groups(language).values() for one in members]
            found += lint_alerts(rules, {str(one["uid"]) for one in dashboards})
    return found, sum(map(len, sets.values()))


def _read(where: Path, language: store.Language, datasource_uid: str) -> list[dict[str, Any]]:
    """As they lie there, but asking our data source, which is what the linter knows."""
    try:
        found = store.shipped(language, folder=where)
        return [store.with_source(one, DATASOURCE_UID, of=datasource_uid) for one in found]
    except ValueError as flaw:
        raise CliError("dashboards.not_json", path=where / language, why=flaw) from None


def _grafana(session: Session, url: str, datasource_uid: str) -> list[Item]:
    health = _publisher(session, url).health(datasource_uid)

    def item(name: str, ok: bool | None, key: str, **values: object) -> Item:
        return Item(name, ok, session.say(f"dashboards.{key}", **values))

    unknown = health.grafana is None
    plugin = "plugin_missing" if health.plugin is None else "plugin"
    source = {True: "source_good", False: "source_bad", None: "source_missing"}[health.source_ok]
    return [
        item("grafana", health.grafana_fits, "grafana_hidden" if unknown else "grafana", version=health.grafana),
        item("plugin", health.plugin_fits, plugin, version=health.plugin),
        item("datasource", bool(health.source_ok), source, uid=datasource_uid, words=health.source),
    ]


def _publisher(session: Session, url: str) -> Any:
    from dashboards.publish import GrafanaPublisher  # noqa: PLC0415 - `build` and `check` need no grafana-api
    from dashboards.transport import Transport  # noqa: PLC0415

    token = secret_of(session.environment, TOKEN)
    if not token:
        raise UsageFault("dashboards.no_token")
    return GrafanaPublisher(Transport(url, token))


def _languages(session: Session, boards: Boards) -> tuple[Language, ...]:
    if boards == "both":
        return store.LANGUAGES
    return (boards or session.language,)


def _boards(language: Language, options: BuildOptions | PushOptions) -> list[dict[str, Any]]:
    """The dashboards that ship, with an operator's own targets."""
    shipped = store.shipped(language, datasource_uid=options.datasource_uid)
    return with_targets(shipped, _registry(options.settings), language)


def _registry(settings: Path | None) -> Registry:
    return (OperatorSettings() if settings is None else load_settings(settings)).registry()


def _source(session: Session, options: PushOptions) -> Source | None:
    """The data source that `--clickhouse` names, as Grafana is to reach it; None to leave the one there alone."""
    if options.clickhouse is None:
        return None
    from streams.sinks.connect import server_at  # noqa: PLC0415 - loads the ClickHouse client

    server = server_at(options.clickhouse, session.environment)
    return Source(
        uid=options.datasource_uid,
        host=server.host,
        port=server.port,
        protocol="http",
        database=server.database,
        user=server.user,
        password=server.password,
        secure=server.scheme == "https",
    )


def _kind(words: str) -> Contact:
    for kind in CONTACTS:
        if kind == words:
            return kind
    raise UsageFault("dashboards.no_kind", words=words, known=", ".join(CONTACTS))


def _contact(words: str, language: Language) -> Mapping[str, Any]:
    """A contact point from `KIND=ADDRESS`. Raises UsageFault."""
    kind, equals, where = words.partition("=")
    if not equals or not where:
        raise UsageFault("dashboards.no_contact", words=words, known=", ".join(CONTACTS))
    return {"name": provisioning.CONTACT_POINT, **provisioning.receiver(_kind(kind), where, language)}
