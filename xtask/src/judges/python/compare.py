"""Parses expositions with the reference parsers and compares what they say.

accept FORMAT FILE        the file can be parsed
agree TEXT OPENMETRICS    both files have the same samples
facts FORMAT FILE JSON    the file has the helps and samples of the JSON, character by character
"""

import json
import math
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

PARSERS = {"text": text, "openmetrics": openmetrics}


def parse(form, path):
    # Line ends inside of values must reach the parser as they are.
    with open(path, encoding="utf-8", newline="") as file:
        families = list(PARSERS[form](file.read()))
    if not any(family.samples for family in families):
        sys.exit(f"{path}: no sample at all")
    return families


def samples(families):
    found = {}
    for family in families:
        for sample in family.samples:
            labels = dict(sample.labels)
            if "le" in labels:
                labels["le"] = float(labels["le"])
            key = (sample.name, tuple(sorted(labels.items(), key=str)))
            if key in found:
                sys.exit(f"{key}: twice")
            found[key] = float(sample.value)
    return found


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def compare(left, right, left_name, right_name):
    wrong = [f"{key}: only in {left_name}" for key in left.keys() - right.keys()]
    wrong += [f"{key}: only in {right_name}" for key in right.keys() - left.keys()]
    wrong += [
        f"{key}: {left[key]} in {left_name}, {right[key]} in {right_name}"
        for key in left.keys() & right.keys()
        if not same(left[key], right[key])
    ]
    return wrong


def facts(families, path):
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    # The OpenMetrics parser names a counter without its suffix, the text parser keeps it.
    helps = {}
    for family in families:
        helps[family.name] = helps[family.name + "_total"] = family.documentation
    wrong = [
        f"help of {name}: {helps.get(name)!r}, expected {help!r}"
        for name, help in expected["help"].items()
        if helps.get(name) != help
    ]
    there = {}
    for sample in expected["samples"]:
        labels = dict(sample["labels"])
        if "le" in labels:
            labels["le"] = float(labels["le"])
        there[(sample["name"], tuple(sorted(labels.items(), key=str)))] = float(sample["value"])
    return wrong + compare(samples(families), there, "the exposition", "the facts")


def main(mode, *rest):
    if mode == "accept":
        form, path = rest
        samples(parse(form, path))
        return []
    if mode == "agree":
        in_text, in_openmetrics = rest
        left, right = samples(parse("text", in_text)), samples(parse("openmetrics", in_openmetrics))
        return compare(left, right, "text", "OpenMetrics")
    if mode == "facts":
        form, path, expected = rest
        return facts(parse(form, path), expected)
    sys.exit(__doc__)


if findings := main(*sys.argv[1:]):
    sys.exit("\n".join(findings))
