"""The seven stages of a customer's life with an operator, in order (seed A15; `domain/1-requirements.md` §1.4)."""

from __future__ import annotations

from typing import NamedTuple, get_args

from schemas.moments import Stage, Text


class LifecycleStage(NamedTuple):
    """A stage: its id and its name in both languages."""

    id: Stage
    name: Text


STAGES: tuple[LifecycleStage, ...] = (
    LifecycleStage("discover", Text(zh="发现", en="Discover")),
    LifecycleStage("purchase", Text(zh="购买", en="Purchase")),
    LifecycleStage("activate", Text(zh="开通", en="Activate")),
    LifecycleStage("use", Text(zh="使用", en="Use")),
    LifecycleStage("pay", Text(zh="支付", en="Pay")),
    LifecycleStage("resolve", Text(zh="问题解决", en="Resolve")),
    LifecycleStage("renew_or_leave", Text(zh="延期或退出", en="Renew or leave")),
)
STAGE_IDS: tuple[Stage, ...] = get_args(Stage)
