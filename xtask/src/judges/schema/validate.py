"""Validates catalogs with a JSON Schema: `validate.py SCHEMA FILE...` prints each file's name and verdict."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def as_text(key):
    """A key of JSON, which is a text, whatever YAML takes it for."""
    return key if isinstance(key, str) else json.dumps(key)


def as_json(value):
    if isinstance(value, dict):
        return {as_text(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value


schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for name in sys.argv[2:]:
    path = Path(name)
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8-sig"))
    except (YAMLError, UnicodeDecodeError) as error:
        print(f"{path.name}\tunreadable\t{type(error).__name__}")
        continue
    error = next(validator.iter_errors(as_json(document)), None)
    if error is None:
        print(f"{path.name}\taccepted\t")
    else:
        print(f"{path.name}\trejected\t{error.json_path}: {error.message[:200]!r}")
