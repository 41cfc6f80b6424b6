"""Looking around before buying.

Emitted by web analytics, shop counters, campaign management and referral programmes."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import Attributes, Count, Event, Label, blank


class PageView(Attributes):
    """What was looked at."""

    page: str | None = None
    pages: Count | None = None


class Campaign(Attributes):
    """Which campaign was answered."""

    campaign: Label | None = None


class WebPageViewed(Event):
    """The customer looked for information on the web."""

    event_type: Literal["web.page_viewed"] = "web.page_viewed"
    attributes: PageView = blank(PageView)


class StoreVisited(Event):
    """The customer was in a shop."""

    event_type: Literal["store.visited"] = "store.visited"


class CampaignResponded(Event):
    """The customer answered an advertisement."""

    event_type: Literal["campaign.responded"] = "campaign.responded"
    attributes: Campaign = blank(Campaign)


class ReferralRecorded(Event):
    """The customer came by, or gave, a recommendation."""

    event_type: Literal["referral.recorded"] = "referral.recorded"


TYPES: tuple[type[Event], ...] = (
    WebPageViewed,
    StoreVisited,
    CampaignResponded,
    ReferralRecorded,
)
