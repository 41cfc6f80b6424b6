"""Who the customers are, and how many there were on each day: what rates are divided by.

What is known of a customer is put together by min, max and argMax only, so that reading an event twice changes nothing;
then his row in `customers`, which all others read, is written anew. The population of a day counts customers seen by
its end and not gone, under the tier and region that are known today.
"""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from typing import Any

from journeys.formulas import NOW

_AT = "tuple(occurred_at, event_id)"
_GONE = "('churn.confirmed', 'port_out.completed')"


def note_customers(client: Any, stored_since: str) -> None:
    """Take in the customers of events stored since then (an SQL time). Raises ClickHouseError."""
    client.command(
        "INSERT INTO customer_states "
        "(customer_id, seen_first, seen_last, tier, region, manager, bill, left_at, stored_at) "
        "SELECT customer_id, min(occurred_at), max(occurred_at), "
        f"argMaxState(toString(tier), {_AT}), "
        f"argMaxIfState(toString(region), {_AT}, toUInt8(region NOT IN ('', 'unknown'))), "
        "argMaxIfState(if(event_type = 'account.manager_changed', JSONExtractString(attributes, 'manager_id'), ''), "
        f"{_AT}, toUInt8(event_type = 'account.manager_changed')), "
        f"argMaxIfState(tuple(ifNull(amount_minor, 0), toString(currency)), {_AT}, "
        "toUInt8(event_type = 'bill.issued')), "
        f"maxIf(occurred_at, event_type IN {_GONE}), now('UTC') "
        f"FROM events WHERE stored_at >= {stored_since} GROUP BY customer_id"
    )
    columns = "customer_id, tier, region, manager, monthly_minor, currency, seen_first, seen_last, left_at"
    client.command(
        f"INSERT INTO customers ({columns}, version) SELECT {columns}, (SELECT max(version) + 1 FROM customers) "
        "FROM customers_known WHERE customer_id IN "
        f"(SELECT customer_id FROM customer_states WHERE stored_at >= {stored_since})"
    )


def count_population(client: Any, version: int) -> None:
    """Write the days whose population is another than before, up to the day of the latest event.

    Days without a change keep their rows, so that what is divided by them is not computed anew.
    """
    days = (
        "SELECT first + INTERVAL arrayJoin(range(toUInt32(dateDiff('day', first, last)) + 1)) DAY AS day FROM ("
        f"SELECT toStartOfDay(min(seen_first)) AS first, toStartOfDay({NOW}) AS last, count() AS people "
        "FROM customers_now) WHERE people > 0"
    )
    changes = (
        "SELECT toStartOfDay(seen_first) AS day, tier, region, toInt64(1) AS more FROM customers_now UNION ALL "
        "SELECT toStartOfDay(assumeNotNull(left_at)), tier, region, -1 FROM customers_now WHERE left_at IS NOT NULL "
        f"UNION ALL SELECT day, tier, region, 0 FROM ({days}) AS days "
        "CROSS JOIN (SELECT DISTINCT tier, region FROM customers_now) AS groups"
    )
    counted = (
        "SELECT toDateTime64(day, 3, 'UTC') AS day, toString(tier) AS tier, toString(region) AS region, "
        "toFloat64(sum(sum(more)) OVER (PARTITION BY tier, region ORDER BY day)) AS customers, 1 AS fresh "
        f"FROM ({changes}) WHERE day <= toStartOfDay({NOW}) GROUP BY day, tier, region"
    )
    kept = "SELECT day, toString(tier), toString(region), customers, 0 AS fresh FROM population FINAL"
    client.command(
        "INSERT INTO population (day, tier, region, customers, version) "
        f"SELECT day, tier, region, sumIf(customers, fresh = 1) AS now_there, {version} "
        f"FROM ({counted} UNION ALL {kept}) GROUP BY day, tier, region "
        "HAVING now_there != sumIf(customers, fresh = 0)"
    )
