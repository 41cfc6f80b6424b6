"""Writes what is made from data and committed: dashboards, provisioning files, RUNBOOKS.md.

`python -m dashboards.grafana.generate`; tests hold the files against it. Needs the foundation SDK.
"""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana import build
from dashboards.grafana.alerts import alerts
from dashboards.grafana.provisioning import SHIPPED, files, write
from dashboards.grafana.runbooks import markdown
from dashboards.grafana.store import LANGUAGES

RUNBOOKS = Path(__file__).resolve().parent.parent / "RUNBOOKS.md"


def made() -> dict[Path, str]:
    """Every file beside the dashboards, by path."""
    provisioned = {SHIPPED / language / name: text for language in LANGUAGES for name, text in files(language).items()}
    return {**provisioned, RUNBOOKS: markdown({one.uid: one.title for one in alerts()})}


def main() -> None:
    """Write them all."""
    build.write()
    write(Path("/"), {str(path.relative_to("/")): text for path, text in made().items()})


if __name__ == "__main__":
    main()
