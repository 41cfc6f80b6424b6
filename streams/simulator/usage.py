"""Everyday usage and its charges: at most one event per customer and hour, found for many customers at once.

An hour's event is a function of (seed, hour, customer) alone. So the bill of a month adds up exactly the charges in the
log, without keeping them, by asking again for the hours of the month.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from journeys.lateness import NETWORK_MS
from schemas.times import HOUR
from streams.simulator.config import SimulationConfig
from streams.simulator.draws import Bits, draws, draws_of, mixed, stream_key
from streams.simulator.population import ACTIVITY, REGIONS, TIERS, Population, activity_code, region_code
from streams.simulator.rhythm import hour_shares
from streams.simulator.spelling import spelled
from streams.simulator.transport import LATE_TABLES, allowance_of, broken

_KINDS: tuple[tuple[str, str, str, int], ...] = (
    ("usage.recorded", "network", '"attributes":{"kind":"data","units":%d}', 102),
    ("usage.recorded", "network", '"attributes":{"kind":"voice","units":%d}', 36),
    ("usage.recorded", "network", '"attributes":{"kind":"message","units":%d}', 16),
    ("charge.rated", "it_system", '"amount_minor":%d,"currency":"CNY","attributes":{"kind":"data"}', 46),
    ("charge.rated", "it_system", '"amount_minor":%d,"currency":"CNY","attributes":{"kind":"voice"}', 24),
    ("charge.rated", "it_system", '"amount_minor":%d,"currency":"CNY","attributes":{"kind":"message"}', 12),
    ("app.logged_in", "app", '"attributes":{"sessions":%d}', 12),
    ("online_account.used", "web", '"attributes":{"pages":%d}', 5),
    ("web.page_viewed", "web", '"attributes":{"pages":%d}', 3),
)
"""Event type, channel, the rest of the line, and its share in 256ths."""
_LOTS = np.repeat(np.arange(len(_KINDS)), [kind[3] for kind in _KINDS])
_IS_CHARGE = np.array([kind[0] == "charge.rated" for kind in _KINDS])
_ALLOWANCE = np.array([allowance_of(kind[0]) for kind in _KINDS])
_KIND_SALT = np.uint64(0xD6E8FEB86659FD93)
_FAULT_SALT = np.uint64(0xA5A3564E6D5C9E1B)


class Used(NamedTuple):
    """Usage found: positions of the customers asked about, times in ms, kinds, values (fen or units), bits."""

    who: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]
    bits: Bits

    def only(self, chosen: npt.NDArray[np.bool_]) -> Used:
        """The rows that `chosen` marks."""
        return Used(self.who[chosen], self.at[chosen], self.kind[chosen], self.value[chosen], self.bits[chosen])


class Usage:
    """The everyday usage of a population."""

    def __init__(self, config: SimulationConfig, population: Population) -> None:
        self._config = config
        self._population = population
        self._key = stream_key(config.seed, "usage")
        self._activity = np.array(ACTIVITY) * config.usage_per_day
        self._tails = [[f'"tier":"{tier}","region":"{region}","channel":"' for region in REGIONS] for tier in TIERS]
        self._lines = [
            '{"event_id":"u%d.%d","event_type":"' + kind[0] + '","occurred_at":"%s","recorded_at":"%s",'
            '"customer_id":"C%08d","account_id":"A%08d","line_id":"L%08d",%s' + kind[1] + '",' + kind[2] + "}"
            for kind in _KINDS
        ]  # fmt: skip

    def hour_keys(self, first_hour: int, count: int) -> Bits:
        """The stream key of each hour."""
        return mixed(np.arange(first_hour, first_hour + count).astype(np.uint64) + np.uint64(self._key))

    def in_hour(self, customers: Bits, traits: Bits, hour: int) -> Used:
        """What each of `customers` uses in one whole hour since the epoch."""
        lots = draws(int(self.hour_keys(hour, 1)[0]), customers)
        likely = self._activity * hour_shares(hour, 1)[0]
        # Choose with the liveliest customer's chance first, so that most customers cost one draw and one comparison.
        top = np.nonzero(lots < np.uint64(int(min(0.95, likely.max()) * 2**64)))[0]
        cut = self._cuts(likely)[activity_code(traits[top]).astype(np.int64)]
        who = top[lots[top] < cut]
        return self._used(who, lots[who], np.full(len(who), hour * HOUR))

    def charges_between(self, customer: int, activity: int, first_ms: int, last_ms: int) -> Used:
        """One customer's usage in [`first_ms`, `last_ms`): `who` counts nothing here."""
        first, last = first_ms // HOUR, -(-last_ms // HOUR)
        lots = draws_of(self.hour_keys(first, last - first), customer)
        likely = self._activity[activity] * hour_shares(first, last - first)
        hit = np.nonzero(lots < self._cuts(likely))[0]
        used = self._used(hit, lots[hit], (hit + first) * HOUR)
        inside = (used.at >= first_ms) & (used.at < last_ms) & _IS_CHARGE[used.kind]
        return used.only(inside)

    @staticmethod
    def _cuts(likely: npt.NDArray[np.float64]) -> Bits:
        return (np.minimum(likely, 0.95) * 2**64).astype(np.uint64)

    @staticmethod
    def _used(who: npt.NDArray[np.int64], lots: Bits, hour_ms: npt.NDArray[np.int64]) -> Used:
        within = (lots & np.uint64(0xFFFFFFFF)) * np.uint64(HOUR) >> np.uint64(32)
        bits = mixed(lots ^ _KIND_SALT)
        kind = _LOTS[(bits & np.uint64(0xFF)).astype(np.int64)]
        size = (bits >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)
        return Used(who, hour_ms + within.astype(np.int64), kind, 20 + (size * 160 >> 16), bits)

    def lines(self, used: Used, customers: Bits, traits: Bits) -> list[tuple[int, bytes]]:
        """The lines of usage with their arrival in ms, duplicates and broken lines included, in no order."""
        at, kind = used.at, used.kind
        faults = mixed(used.bits ^ _FAULT_SALT)
        recorded = at + self._delays(used, faults)
        tier = self._population.tier_codes(traits)
        region = region_code(traits).astype(np.int64)
        out: list[tuple[int, bytes]] = []
        templates, tails = self._lines, self._tails
        columns = (customers, at, recorded, kind, used.value, tier, region)
        for c, a, r, k, v, t, g in zip(*(column.tolist() for column in columns), strict=True):
            text = templates[k] % (c, a // HOUR, spelled(a), spelled(r), c, c, c, tails[t][g], v)
            out.append((r, text.encode()))
        self._repeat(out, at, kind, faults)
        return out

    def _delays(self, used: Used, faults: Bits) -> npt.NDArray[np.int64]:
        config, allowance = self._config, _ALLOWANCE[used.kind]
        rank = (used.bits >> np.uint64(40) & np.uint64(0xFFF)).astype(np.int64)
        lot = (used.bits >> np.uint64(24) & np.uint64(0xFFFF)).astype(np.int64)
        delay = rank * round(config.shuffle_seconds * 1000) >> 12
        late = lot < round(config.late * 65536)
        for wait, table in LATE_TABLES.items():
            chosen = late & (allowance == wait)
            delay[chosen] = table[rank[chosen]]
        if config.beyond_allowance:
            beyond = (faults >> np.uint64(40)).astype(np.float64) < config.beyond_allowance * 2**24
            delay[beyond] = allowance[beyond] * (6 + (rank[beyond] & 7)) // 4
        return delay

    def _repeat(
        self, out: list[tuple[int, bytes]], at: npt.NDArray[np.int64], kind: npt.NDArray[np.int64], faults: Bits
    ) -> None:
        again = (faults & np.uint64(0xFFFF)).astype(np.int64) < round(self._config.duplicates * 65536)
        for n in np.nonzero(again)[0].tolist():
            arrival, line = out[n]
            gap = int(LATE_TABLES[NETWORK_MS][int(faults[n]) >> 16 & 0xFFF])
            last = int(at[n]) + int(_ALLOWANCE[kind[n]]) * 95 // 100
            out.append((max(arrival, min(arrival + gap, last)), line))
        if self._config.malformed:
            bad = (faults >> np.uint64(28) & np.uint64(0xFFF)).astype(np.float64) < self._config.malformed * 4096
            out.extend((out[n][0], broken(out[n][1], int(faults[n]) >> 16)) for n in np.nonzero(bad)[0].tolist())
