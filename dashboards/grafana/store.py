"""The dashboards that ship: generated where the SDK is (`dashboards.grafana.build`), committed, and only read here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dashboards.grafana.lint import DATASOURCE_UID

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Json = dict[str, Any]

SHIPPED = Path(__file__).resolve().parent.parent / "generated"


def shipped(language: Language, *, datasource_uid: str = DATASOURCE_UID, folder: Path = SHIPPED) -> list[Json]:
    """The dashboards in `language`, by uid, asking the data source of that uid. Raises OSError, ValueError."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / language).glob("*.json"))]
    return found if datasource_uid == DATASOURCE_UID else [with_source(one, datasource_uid) for one in found]


def text_of(dashboard: Mapping[str, Any]) -> str:
    """A dashboard as it is written: readable, and the same text for the same dashboard."""
    return json.dumps(dashboard, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def with_source(dashboard: Mapping[str, Any], uid: str, of: str = DATASOURCE_UID) -> Json:
    """A copy that asks the data source `uid` in place of `of`."""

    def renamed(value: Any) -> Any:
        if isinstance(value, Mapping):
            swapped = {name: renamed(inner) for name, inner in value.items()}
            source = swapped.get("datasource")
            if isinstance(source, dict) and source.get("uid") == of:
                swapped["datasource"] = {**source, "uid": uid}
            return swapped
        return [renamed(inner) for inner in value] if isinstance(value, list) else value

    return {name: renamed(inner) for name, inner in {**dashboard}.items()}
