"""The board of runbooks: what each alert means and what to do, in the same Grafana that raised it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.text import Panel as TextPanel
from grafana_foundation_sdk.models.text import TextMode

from dashboards.grafana.alerts import GROUPS, RUNBOOK_BOARD, Alert, alerts, panel_of
from dashboards.grafana.boards.shared import latency
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.runbooks import panel_text
from dashboards.grafana.texts import Speech
from schemas.moments import Text

_GROUP_WORDS = {
    "mot-pipeline": Text(zh="流水线", en="Pipeline"),
    "mot-moments": Text(zh="关键时刻", en="Moments"),
    "mot-indicators": Text(zh="指标", en="Indicators"),
}
_ABOUT = Text(zh="告警触发时的含义与处置步骤。", en="What it means when this alert fires, and the steps to take.")


def board(say: Speech) -> Board:
    """See the module."""
    every = alerts()
    return Board(
        uid=RUNBOOK_BOARD,
        title=Text(zh="关键时刻 · 告警处置", en="MOT · Runbooks"),
        description=Text(
            zh="每条告警的含义与处置步骤；告警中的链接指向这里。",
            en="What each alert means and what to do; the links in alerts lead here.",
        ),
        sections=[
            Section(Text(zh="现在", en="Now"), [latency(say, (24, 4))]),
            *(
                Section(_GROUP_WORDS[group], [_notes(say, one) for one in every if one.group == group])
                for group in GROUPS
            ),
        ],
        since="24h",
        annotated=False,
    )


def _notes(say: Speech, alert: Alert) -> Panel:
    text = TextPanel().title(say(alert.title)).description(say(_ABOUT)).mode(TextMode.MARKDOWN)
    return Panel(text.content(panel_text(alert.uid, say.language)), 12, 8, panel_of(alert.uid))
