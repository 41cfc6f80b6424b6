"""`mot schema [NAME] [--write]`: the JSON Schemas of what goes in and comes out."""

from __future__ import annotations

import json

from pydantic import BaseModel
from rich.padding import Padding
from rich.text import Text

from schemas.jsonschema import DIRECTORY, generate, write
from schemas.mapping import LogMapping
from streams.cli.failures import UsageFault
from streams.cli.session import Session
from streams.kafka.settings import KafkaSettings
from streams.settings import OperatorSettings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def run(session: Session, name: str | None, *, write_all: bool) -> None:
    """Print one schema, list them, or write the committed files anew. Raises UsageFault for a name that is none."""
    if write_all:
        changed = write()
        session.out.print(session.say("schema.wrote", count=len(changed), path=DIRECTORY), markup=False, soft_wrap=True)
        return
    schemas = texts()
    if name is None:
        session.out.print(session.say("schema.header"), markup=False)
        session.out.print(Padding(Text(", ".join(schemas)), (0, 2)))
        return
    text = schemas.get(name.removesuffix(".json"))
    if text is None:
        raise UsageFault("error.no_schema", what=name, known=", ".join(schemas))
    session.out.file.write(text)


def texts() -> dict[str, str]:
    """The schema files by the name one asks for, and those of mapping and settings files."""
    schemas = {file.removesuffix(".json"): text for file, text in generate().items()}
    files: dict[str, type[BaseModel]] = {"mapping": LogMapping, "settings": OperatorSettings, "kafka": KafkaSettings}
    for file, model in files.items():
        schema = model.model_json_schema()
        schemas[file] = json.dumps({"$schema": DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"
    return schemas
