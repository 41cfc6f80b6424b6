"""The contract in JSON Schema (draft 2020-12), derived from the models, for systems that are not written in Python.

One file per family, one for the tick, one each for what we write: moments and dead letters. What JSON Schema cannot say
(a clock that runs ahead, a currency's code list, negative amounts) the codec checks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schemas.deadletters import DeadLetter
from schemas.envelope import Event, Tick
from schemas.events import FAMILIES, name_of
from schemas.moments import Moment

DIRECTORY = Path(__file__).parent / "generated"
_REFERENCE = "#/$defs/{model}"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def generate() -> dict[str, str]:
    """File name to its text, of every schema file."""
    files = {f"{family}.json": _family(family, classes) for family, classes in FAMILIES.items()}
    files["clock.json"] = _single(Tick, "validation")
    files["moment.json"] = _single(Moment, "serialization")
    files["dead_letter.json"] = _single(DeadLetter, "serialization")
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in files.items()}


def write(directory: Path = DIRECTORY) -> list[Path]:
    """Write the schema files into `directory`, remove those that no longer exist; the paths that changed."""
    directory.mkdir(parents=True, exist_ok=True)
    files = generate()
    gone = [path for path in sorted(directory.glob("*.json")) if path.name not in files]
    for path in gone:
        path.unlink()
    changed = []
    for name, text in files.items():
        path = directory / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed.append(path)
    return changed + gone


def outdated(directory: Path = DIRECTORY) -> list[str]:
    """Names of files in `directory` that differ from what `generate` gives, are missing or are too many."""
    files = generate()
    present = {path.name: path.read_text("utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in files.keys() | present.keys() if files.get(name) != present.get(name))


class _Untitled(GenerateJsonSchema):
    """Pydantic's generator without the titles that only repeat field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _family(family: str, classes: Sequence[type[Event]]) -> dict[str, Any]:
    """All event types of a family: each is the envelope, stated once, and what is its own."""
    models: list[type[Event]] = [Event, *classes]
    references, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_REFERENCE,
        schema_generator=_Untitled,
    )
    schemas = definitions["$defs"]
    envelope = schemas["Envelope"] = schemas.pop("Event")
    mapping = {}
    for event_class in classes:
        reference = references[event_class, "validation"]["$ref"]
        mapping[name_of(event_class)] = reference
        title = reference.rsplit("/", 1)[1]
        schemas[title] = _beyond_envelope(schemas[title], envelope)
    envelope["required"] = [name for name in envelope["required"] if name != "event_type"]
    del envelope["properties"]["attributes"]
    return {
        "$schema": _DIALECT,
        "title": f"Events of the family {family}",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "event_type", "mapping": mapping},
        "$defs": schemas,
    }


def _beyond_envelope(schema: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
    """`schema` of an event type, short of what `envelope` says."""
    _require_type(schema)
    own = {
        name: prop
        for name, prop in schema["properties"].items()
        if name == "attributes" or prop != envelope["properties"].get(name)
    }
    return {
        "description": schema["description"],
        "allOf": [{"$ref": _REFERENCE.format(model="Envelope")}],
        "properties": own,
        "required": [name for name in schema["required"] if name in own],
    }


def _require_type(schema: dict[str, Any]) -> None:
    """In Python the class implies `event_type`; in a record it must be stated."""
    schema["required"] = sorted({*schema.get("required", ()), "event_type"})
    schema["properties"]["event_type"].pop("default", None)


def _single(model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
    schema = model.model_json_schema(mode=mode, ref_template=_REFERENCE, schema_generator=_Untitled)
    if model is Tick:
        _require_type(schema)
    return {"$schema": _DIALECT, **schema}
