"""What is written down of the protocol is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from cti.web import asyncapi, messages, openapi, schema
from cti.web.auth import COOKIE
from cti.web.hub import CLOSE_RESTART, CLOSE_SESSION, PING_S
from cti.web.routes import EVERYBODY, ROUTES
from cti.web.server import HANDLERS
from cti.web.texts import catalogue
from tests.unit.web.conftest import Site

ROOT = Path(__file__).parents[3]
PROTOCOL = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")


def test_the_openapi_document_is_valid_and_names_every_route() -> None:
    document = openapi.document()
    OpenAPIV31SpecValidator(document).validate()
    said = {(m.upper(), p): o["operationId"] for p, ms in document["paths"].items() for m, o in ms.items()}
    assert said == {(r.method, r.path): r.name for r in ROUTES}
    assert set(HANDLERS) == {r.name for r in ROUTES}
    assert document["components"]["securitySchemes"]["session"]["name"] == COOKIE


def test_every_reference_in_the_documents_leads_somewhere() -> None:
    for document in (openapi.document(), asyncapi.document(), schema.schema()):
        references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
        assert references
        for reference in references:
            found: Any = document
            for step in reference.split("/"):
                found = found[step]
            assert found, reference


async def test_the_server_serves_the_document(site: Site) -> None:
    async with site.client().get("/api/openapi.json") as answer:
        assert await answer.json() == openapi.document()


@pytest.mark.parametrize(
    ("path", "render", "command"),
    [
        ("docs/openapi.yaml", openapi.render, "python -m cti.web.openapi docs/openapi.yaml"),
        ("docs/asyncapi.yaml", asyncapi.render, "python -m cti.web.asyncapi docs/asyncapi.yaml"),
        ("frontend/src/schema/kakehashi.json", schema.render, "python -m cti.web.schema frontend/src/schema"),
    ],
)
def test_generated_files_are_of_today(path: str, render: Any, command: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == render(), f"run: {command}"


@pytest.mark.parametrize("module", [schema, openapi, asyncapi])
def test_generators_say_how_to_call_them(module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main([]) == 2
    assert f"python -m {module.__name__}" in capsys.readouterr().err


def test_generators_write_what_they_render(tmp_path: Path) -> None:
    for module, target, file in (
        (schema, tmp_path / "new", tmp_path / "new" / schema.FILE_NAME),
        (openapi, tmp_path / "o.yaml", tmp_path / "o.yaml"),
        (asyncapi, tmp_path / "a.yaml", tmp_path / "a.yaml"),
    ):
        assert module.main([str(target)]) == 0
        assert file.read_text(encoding="utf-8") == module.render()


def kinds(union: Any) -> set[str]:
    return {get_args(m.model_fields["type"].annotation)[0] for m in get_args(get_args(union)[0])}


def test_the_asyncapi_document_names_every_message_with_a_valid_schema() -> None:
    document = asyncapi.document()
    sent = {m["$ref"].rpartition("/")[2] for m in document["operations"]["toPage"]["messages"]}
    taken = {m["$ref"].rpartition("/")[2] for m in document["operations"]["fromPage"]["messages"]}
    assert (sent, taken) == (kinds(messages.AnyServerMessage), kinds(messages.AnyClientMessage))
    assert set(document["channels"]["agentSocket"]["messages"]) == sent | taken
    assert document["channels"]["agentSocket"]["address"] == "/api/socket"
    for one in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(one)


def test_every_server_message_has_the_envelope() -> None:
    to_page = asyncapi.document()["operations"]["toPage"]["messages"]
    assert to_page
    for one in to_page:
        kind = one["$ref"].rpartition("/")[2]
        payload = asyncapi.document()["components"]["messages"][kind]["payload"]["$ref"].rpartition("/")[2]
        properties = asyncapi.document()["components"]["schemas"][payload]
        assert {"v", "type", "stream", "seq", "tenant", "at"} <= set(properties["required"])


def test_the_page_for_people_names_every_route_message_and_role() -> None:
    for route in ROUTES:
        lines = [ln for ln in PROTOCOL.splitlines() if f"{route.path}" in ln and ln.startswith("|")]
        line = next((ln for ln in lines if f"`{route.method} {route.path}`" in ln), lines[0])
        roles = line.split("|")[2].strip()
        if route.roles is None:
            assert roles == "–", route.path
        elif route.roles >= EVERYBODY:
            assert set(roles.split(", ")) == {"all", *route.roles - EVERYBODY}, route.path
        else:
            assert set(roles.split(", ")) == route.roles, route.path
    for kind in kinds(messages.AnyServerMessage) | kinds(messages.AnyClientMessage):
        assert f"`{kind}`" in PROTOCOL, kind
    for number in (CLOSE_RESTART, CLOSE_SESSION, f"every {PING_S:.0f} s"):
        assert str(number) in PROTOCOL


def test_every_key_of_a_problem_is_in_both_catalogues_and_on_the_page() -> None:
    japanese, english = catalogue("ja"), catalogue("en")
    assert set(japanese) == set(english)
    assert all(japanese.values())
    assert all(english.values())
    used: set[str] = set()
    for file in (ROOT / "cti/web").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        used |= set(re.findall(r'Refused\(\s*\d+,\s*"([a-z_]+)"', text)) | set(
            re.findall(r'_error\(\s*"([a-z_]+)"', text)
        )
    assert len(used) > 15
    assert used <= set(english)
    for key in used - {"internal", "bad_message"}:
        assert f"`{key}`" in PROTOCOL, key
