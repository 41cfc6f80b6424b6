"""`mot ddl`: the tables and views, for one server or a cluster, as an SQL script."""

from __future__ import annotations

import sys
from pathlib import Path

from journeys.formulas import views
from streams.cli.failures import UsageFault
from streams.cli.session import Session
from streams.settings import OperatorSettings, load_settings
from streams.sinks import ddl


def run(session: Session, cluster: str | None, settings: Path | None) -> None:
    """Print the script. Raises SettingsError, UsageFault for a name that is no cluster's."""
    registry = (OperatorSettings() if settings is None else load_settings(settings)).registry()
    also = [view for indicator in registry.computed() for view in views(indicator)]
    try:
        script = [*ddl.statements(), *also] if cluster is None else ddl.clustered(cluster, also)
    except ValueError:
        raise UsageFault("error.no_cluster", what=cluster) from None
    sys.stdout.write("".join(f"{statement};\n\n" for statement in script))
