"""OpenAPI 3.1 from the route table and the models. PURE but for ``main``.

::

    python -m cti.web.openapi docs/openapi.yaml

JSON is YAML; it is written as JSON with two spaces, so that no YAML library is needed to make it.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from cti.web.bodies import OpenApiDocument, Problem
from cti.web.routes import ROUTES, Route
from cti.web.schema import Untitled

REF = "#/components/schemas/{model}"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}}
_REFUSALS = {
    400: "Something in the request is wrong",
    401: "Not logged in",
    403: "The role, the origin or the first password does not allow it",
    404: "No such thing",
    409: "It cannot be done as things are now",
    416: "The range begins behind the end",
    429: "Too many tries",
    503: "A part that is needed is away",
}
# Those that depend on what happens meanwhile.
_CONFLICTS = {
    "move_call", "prioritise_call", "set_agent_state", "publish_plan", "revert_plan", "cancel_callback",
    "draw_sample", "delete_recording", "hold_recording",
    "begin_evaluation", "get_evaluation", "submit_evaluation", "discard_evaluation", "review_evaluation",
    "dispute_evaluation", "publish_evaluation_form",
    "log_in_my_phone", "dial", "add_saved_number", "change_saved_number", "my_call_after", "save_my_note", "ask_ticket",
}  # fmt: skip


def own_version() -> str:
    """The installed version; "0" in a bare checkout."""
    try:
        return version("kakehashi-cti")
    except PackageNotFoundError:
        return "0"


def _content(route: Route) -> dict[str, Any]:
    if route.answer is OpenApiDocument:
        return {"content": {"application/json": {"schema": {"type": "object"}}}}
    if route.answer is not None:
        return {"content": {"application/json": {"schema": {"$ref": REF.format(model=route.answer.__name__)}}}}
    if route.media and route.status == 200 and route.media != "application/json":
        return {"content": {route.media: {"schema": {"type": "string"}}}}
    return {}


def _refusals(route: Route) -> set[int]:
    codes = {503} if route.roles is not None or route.name == "login" else set()
    if route.roles is not None:
        codes |= {401, 403}
    if route.body is not None or route.query is not None:
        codes |= {400}
    if "{" in route.path:
        codes |= {404}
    if route.name == "login":
        codes |= {401, 403, 429}
    if route.name in _CONFLICTS:
        codes |= {409}
    if route.name == "get_audio":
        codes |= {416}
    return codes


def _parameters(route: Route, query: dict[str, Any] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    if route.name == "get_audio":
        found += [
            {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
            for name in ("Range", "If-Range", "If-None-Match")
        ]
    if query is not None:
        required = query.get("required", [])
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in query["properties"].items()
        ]
    return found


def _operation(route: Route, query: dict[str, Any] | None) -> dict[str, Any]:
    answers: dict[str, Any] = {str(route.status): {"description": route.summary, **_content(route)}}
    if route.name == "get_audio":
        answers["206"] = {"description": "The part asked for", **_content(route)}
        answers["304"] = {"description": "It is still the same"}
    if route.name == "readyz":
        answers["503"] = {"description": "Something is not ready", **_content(route)}
    for code in sorted(_refusals(route)):
        answers.setdefault(str(code), {"description": _REFUSALS[code], "content": _PROBLEM})
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": answers,
        "security": [] if route.roles is None else [{"session": []}],
    }
    if route.roles is not None:
        operation["x-roles"] = sorted(route.roles)
    parameters = _parameters(route, query)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        schema = {"$ref": REF.format(model=route.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    wanted: dict[str, tuple[type[BaseModel], Any]] = {"Problem": (Problem, "serialization")}
    for route in ROUTES:
        for model in (route.body, route.query):
            if model is not None:
                wanted[model.__name__] = (model, "validation")
        if route.answer is not None and route.answer is not OpenApiDocument:
            wanted[route.answer.__name__] = (route.answer, "serialization")
    adapters = [(name, mode, TypeAdapter(model)) for name, (model, mode) in sorted(wanted.items())]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=REF, schema_generator=Untitled)
    schemas: dict[str, Any] = found["$defs"]
    queries = {route.query.__name__: schemas[route.query.__name__] for route in ROUTES if route.query is not None}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        query = None if route.query is None else queries[route.query.__name__]
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, query)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kakehashi",
            "version": own_version(),
            "summary": "Telephony / CTI server on Asterisk",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "kakehashi_session"}},
        },
    }


def render() -> str:
    """The file's text. Its version is the API's, so that a release does not change the file."""
    fixed = {**document(), "info": {**document()["info"], "version": "1"}}
    return json.dumps(fixed, ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file named, or say how to call this."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m cti.web.openapi FILE\n")
        return 2
    Path(arguments[0]).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
