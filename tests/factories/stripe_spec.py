"""Stripe's own specification as a judge of requests: what a served copy of it with request validation would say, without serving it.

The file spells a body's keys as they travel: `company[name]`, with patterns for what is the caller's to name.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.factories.stripe_fake import Seen

FORMS = {"integer": r"-?\d+", "number": r"-?\d+(\.\d+)?", "boolean": "true|false"}


class Spec:
    """`document`: the specification as read from its file."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, Any] = document["paths"]

    def wrongs(self, request: Seen) -> list[str]:
        """What of a request the specification does not accept; empty when it accepts all of it."""
        operation = self._operation(request)
        if operation is None:
            return [f"there is no {request.method} {request.path}"]
        if request.method == "get":
            return self._queries(request, operation)
        schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        given = parse_qsl(request.text, keep_blank_values=True)
        return min((self._body(given, each) for each in schema.get("oneOf", [schema])), key=len)

    def _operation(self, request: Seen) -> dict[str, Any] | None:
        exact = self.paths.get(request.path)
        fits = [each for each in self.paths if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", each), request.path)]
        found: dict[str, Any] = exact or (self.paths[fits[0]] if fits else {})
        return found.get(request.method)

    def _queries(self, request: Seen, operation: dict[str, Any]) -> list[str]:
        known = {each["name"]: each["schema"] for each in operation.get("parameters", []) if each["in"] == "query"}
        given = parse_qsl(request.text, keep_blank_values=True)
        return [
            f"{name}={value} is not accepted"
            for name, value in given
            if not any(accepts(each, value) for each in _schemas(known, name))
        ]

    def _body(self, given: list[tuple[str, str]], schema: dict[str, Any]) -> list[str]:
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        names = {name for name, _ in given}
        wrongs = [f"{name} is missing" for name in schema.get("required") or [] if name not in names]
        for name, value in given:
            named = [known[name]] if name in known else [patterns[each] for each in patterns if re.search(each, name)]
            if not any(accepts(each, value) for each in named):
                wrongs.append(f"{name}={value} is not accepted")
        return wrongs


def _schemas(known: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """What may stand under `limit` or `created[gte]`."""
    first, *rest = re.findall(r"[^\[\]]+", name)
    schema = known.get(first)
    if schema is None or not rest:
        return [] if schema is None else [schema]
    return [
        each["properties"][rest[0]] for each in schema.get("anyOf", [schema]) if rest[0] in each.get("properties", {})
    ]


def accepts(schema: dict[str, Any], value: str) -> bool:
    """Whether one value, as text, is what a schema of a single value allows."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return any(accepts(each, value) for each in schema[several])
    fits = re.fullmatch(FORMS.get(schema.get("type", "string"), r"(?s).*"), value)
    allowed = [str(each) for each in schema.get("enum", [value])]
    return bool(fits) and value in allowed and len(value) <= schema.get("maxLength", len(value))
