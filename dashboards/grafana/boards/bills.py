"""Bills and roaming: what is billed, what shocks, what is disputed and paid, and what travelling costs."""

from __future__ import annotations

from dashboards.grafana.boards.shared import DIMS as ALL_DIMS
from dashboards.grafana.boards.shared import latency, moment_rows
from dashboards.grafana.indicators import Indicators
from dashboards.grafana.model import Board, Section
from dashboards.grafana.panels import Head
from dashboards.grafana.texts import Speech
from schemas.moments import Text

DIMS = tuple(dim for dim in ALL_DIMS if dim != "department")
_MOMENTS = Head(
    Text(zh="账单与漫游的关键时刻", en="Moments of bills and roaming"),
    Text(
        zh="支付阶段的关键时刻，以及漫游资费未告知（N01）。点击客户查看时间线。",
        en="Moments of the stage of paying, and roaming cost without a warning (N01). Click a customer for the "
        "timeline.",
    ),
)


def board(say: Speech) -> Board:
    """See the module."""
    shown = Indicators(say, DIMS)
    return Board(
        uid="mot-bills",
        title=Text(zh="关键时刻 · 账单与漫游", en="MOT · Bills and roaming"),
        description=Text(
            zh="出账、账单突增、争议、调减、缴费与复机，以及漫游行程、费用、附着与告知。",
            en="Bills issued, bill shock, disputes, corrections, paying and reconnecting; roaming trips, spend, attach "
            "and notices.",
        ),
        sections=[
            _bills(say, shown),
            _payments(shown),
            _roaming(shown),
            Section(
                Text(zh="关键时刻", en="Moments"),
                [moment_rows(say, _MOMENTS, DIMS, "(stage = 'pay' OR detector_id = 'N01')")],
            ),
        ],
        variables=DIMS,
        since="90d",
        refresh="5m",
    )


def _bills(say: Speech, shown: Indicators) -> Section:
    return Section(
        Text(zh="账单", en="Bills"),
        [
            *(shown.number(name) for name in ("bills", "bill_amount", "bill_shock_rate")),
            shown.number("bill_dispute_per_10k"),
            latency(say),
            shown.trend("bill_shock_rate", "tier"),
            shown.trend("disputes", "detail"),
            shown.cycles("bills", (8, 8)),
            shown.cycles("bill_shock_rate", (8, 8)),
            shown.cycles("bill_dispute_per_10k", (8, 8)),
            *(shown.number(name) for name in ("adjustment_value", "bill_presented", "cancel_then_charged")),
            shown.number("bill_correctness_complaints_per_10k", (6, 4)),
            shown.number("prepaid_credit_complaints", (6, 4)),
            shown.split("bill_amount", "tier", (8, 7)),
            shown.split("bill_amount", "detail", (4, 7)),
            shown.split("bill_shock_rate", "region", (12, 7)),
        ],
    )


def _payments(shown: Indicators) -> Section:
    return Section(
        Text(zh="缴费", en="Payments"),
        [
            *(shown.number(name, (6, 4)) for name in ("payment_failure_rate", "payment_loop_rate")),
            *(shown.number(name, (6, 4)) for name in ("reconnect_p95", "refund_on_time")),
            shown.trend("payment_failure_rate", "detail"),
            shown.trend("payment_loop_rate", "channel"),
        ],
    )


def _roaming(shown: Indicators) -> Section:
    return Section(
        Text(zh="漫游", en="Roaming"),
        [
            *(shown.number(name, (6, 4)) for name in ("roaming_trips", "roaming_spend")),
            *(shown.number(name, (6, 4)) for name in ("roaming_attach_ok", "notified_before_charge")),
            shown.trend("roaming_spend", "tier"),
            shown.trend("roaming_attach_ok", "detail"),
            shown.split("roaming_trips", "detail", (12, 8)),
            shown.split("roaming_spend", "region", (8, 8)),
            shown.split("roaming_spend", "detail", (4, 8)),
        ],
    )
