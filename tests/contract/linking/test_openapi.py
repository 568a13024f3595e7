"""The document is valid, its examples keep it, the reference service keeps it, and our types accept it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cti.domain.model import CallerKind
from cti.linking.contract import LookupRequest, read_answer, read_ticket
from tests.contract.linking.service import DEMO, ROOT, Service, running
from tests.unit.linking.builders import CALL

SPEC: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "lookup-openapi.yaml").read_text(encoding="utf-8"))
BODY = LookupRequest(call_id=CALL, kind=CallerKind.NUMBER, number="+819012345678", number_called="+81").body()


def check(name: str, value: Any) -> None:
    """Raises ValidationError if ``value`` is not a ``name`` of the contract."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": SPEC["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def examples() -> list[tuple[str, str, Any]]:
    """Every example of a body: where it stands, its schema's name, and itself."""
    found = []
    for path, operations in SPEC["paths"].items():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for content in body.get("content", {}).values():
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    for key, example in content.get("examples", {}).items():
                        found.append((f"{path} {key}", name, example["value"]))
    for key, response in SPEC["components"]["responses"].items():
        (content,) = response["content"].values()
        values = [content["example"]] if "example" in content else [e["value"] for e in content["examples"].values()]
        found += [(key, "Problem", value) for value in values]
    return found


def test_the_document_is_openapi_3_1() -> None:
    assert SPEC["openapi"].startswith("3.1")
    validate(SPEC)


@pytest.mark.parametrize(("where", "name", "value"), examples())
def test_examples_keep_the_contract_and_our_types_read_them(where: str, name: str, value: Any) -> None:
    check(name, value)
    if name == "LookupAnswer":
        assert len(read_answer(json.dumps(value)).members) == len(value["members"])


@pytest.mark.parametrize("kind", CallerKind)
def test_what_we_ask_keeps_the_contract(kind: CallerKind) -> None:
    number = "+819012345678" if kind is CallerKind.NUMBER else None
    asked = LookupRequest(call_id=CALL, kind=kind, number=number, number_called="+815012345000")
    check("LookupRequest", asked.body())


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("case", DEMO)
def test_the_service_answers_as_the_contract_says(service: Service, case: str, language: str) -> None:
    demo = DEMO[case]
    body = {
        "call_id": CALL,
        "caller": {"kind": "number" if demo["e164"] else "withheld", "number": demo["e164"]},
        "number_called": "+815012345000",
        "reservation_number": demo["keys"] or demo["own_reservation"],
        "language": language,
    }
    status, answer = service.request("POST", "/v1/lookups", body)
    assert status == 200
    check("LookupAnswer", answer)
    read_answer(json.dumps(answer))
    names = [member["name"] for member in answer["members"]]
    assert demo["name"] in names or demo["name"] == answer["members"][0]["company"]
    assert (answer["reservations"][0]["terms"][0]["text"].isascii()) is (language == "en")


def test_a_company_with_more_drivers_than_fit_says_so(service: Service) -> None:
    caller = {"kind": "number", "number": DEMO["shared_company_number"]["e164"]}
    _, answer = service.request("POST", "/v1/lookups", BODY | {"caller": caller})
    assert (len(answer["members"]), answer["member_count"], answer["truncated"]) == (20, 24, True)
    out = ["M-100101", "M-100109", "M-100117"]
    assert [m["member_id"] for m in answer["members"][:3]] == out
    # What runs, of any driver, stands before what is over: a long list must not hide it.
    running, over = [(m, "in_use") for m in out], [(m, "returned") for m in out]
    assert [(r["member_id"], r["status"]) for r in answer["reservations"]] == running + over


WISH = {"call_id": CALL, "category": "unlock", "title": "解錠できない"}


def test_tickets_keep_the_contract(service: Service) -> None:
    key = {"Idempotency_Key": "contract-00000000001"}
    status, opened = service.request("POST", "/v1/tickets", WISH, **key)
    assert status == 201
    check("Ticket", opened)
    read_ticket(json.dumps(opened))
    assert service.request("POST", "/v1/tickets", WISH, **key) == (200, opened)
    assert service.request("GET", f"/v1/tickets/{opened['ticket_id']}") == (200, opened)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/v1/lookups", BODY, {"Authorization": "Bearer no"}, 401, "unauthorized"),
        ("POST", "/v1/lookups", BODY, {"Authorization": "Bearer \u00e9"}, 401, "unauthorized"),
        ("POST", "/v1/lookups", b"{", {}, 400, "bad_request"),
        ("POST", "/v1/lookups", b"\xff\xfe", {}, 400, "bad_request"),
        ("POST", "/v1/lookups", BODY | {"language": "fr"}, {}, 400, "bad_request"),
        ("POST", "/v1/lookups", BODY | {"extra": 1}, {}, 400, "bad_request"),
        ("POST", "/v1/lookups", BODY | {"caller": {"kind": "number", "number": None}}, {}, 400, "bad_request"),
        ("POST", "/v1/lookups", BODY | {"caller": {"kind": "number", "number": "9" * 300}}, {}, 400, "bad_request"),
        ("POST", "/v1/lookups", BODY | {"reservation_number": "1' OR '1"}, {}, 400, "bad_request"),
        ("POST", "/v1/lookups", b" " * 5000, {}, 413, "too_large"),
        ("POST", "/v1/tickets", b" " * 20_000, {"Idempotency_Key": "k" * 16}, 413, "too_large"),
        ("POST", "/v1/tickets", WISH, {}, 400, "bad_request"),
        ("POST", "/v1/tickets", WISH | {"member_id": "M-0"}, {"Idempotency_Key": "k" * 17}, 404, "not_found"),
        ("POST", "/v1/tickets/T-0/calls", {"call_id": CALL}, {"Idempotency_Key": "k" * 18}, 404, "not_found"),
        ("GET", "/v1/tickets/T-0", None, {}, 404, "not_found"),
        ("GET", "/v1/members?q=x", None, {}, 400, "bad_request"),
        ("GET", "/v1/members?q=xx&limit=0", None, {}, 400, "bad_request"),
        ("GET", "/v1/nothing", None, {}, 404, "not_found"),
    ],
)
def test_errors_keep_the_contract(
    service: Service, method: str, path: str, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    answered, problem = service.request(method, path, body, **headers)
    assert (answered, problem["code"]) == (status, code)
    check("Problem", problem)


@pytest.mark.parametrize(
    "query",
    ["高橋 由美", "高橋由美", "タカハシ", "たかはし ゆみ", "ﾀｶﾊｼ", "takahashi", "090-1234-5678", "5678", "48120017",
     "品川 330 わ 12-34", "12-34"],
)  # fmt: skip
def test_members_are_found_by_any_spelling(service: Service, query: str) -> None:
    status, found = service.request("GET", f"/v1/members?q={quote(query)}")
    assert status == 200
    check("LookupAnswer", found)
    assert "M-100017" in [member["member_id"] for member in found["members"]]
    assert all(member["matched_by"] == [] for member in found["members"])


@pytest.mark.parametrize("query", ["%%", "__", "\\\\", "' OR 1=1 --", "居ない人"])
def test_nobody_is_found_by_tricks(service: Service, query: str) -> None:
    _, found = service.request("GET", f"/v1/members?q={quote(query)}")
    assert found["members"] == []


def test_faults_are_off_unless_asked_for(tmp_path: Any) -> None:
    with running(tmp_path) as plain:
        assert plain.request("PUT", "/faults", {"kind": "error"})[0] == 404
        assert plain.request("GET", "/v1/health") == (200, {"status": "ok", "contract": SPEC["info"]["version"]})


def test_a_restart_keeps_tickets_and_bookings(tmp_path: Any) -> None:
    with running(tmp_path) as first:
        _, opened = first.request("POST", "/v1/tickets", WISH, Idempotency_Key="restart-000000000001")
        _, before = first.request("POST", "/v1/lookups", BODY)
    with running(tmp_path) as second:
        _, kept = second.request("GET", f"/v1/tickets/{opened['ticket_id']}")
        _, after = second.request("POST", "/v1/lookups", BODY)
    assert kept == opened
    # The demo's bookings are moved to about now at each start: between two starts a quarter of an hour may begin.
    assert [_undated(one) for one in after["reservations"]] == [_undated(one) for one in before["reservations"]]


def _undated(reservation: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reservation.items() if not key.endswith("_at")}


def test_a_closed_ticket_takes_no_call(service: Service) -> None:
    seeded = (service.request("GET", f"/v1/tickets/T-{n}") for n in range(9100, 9340))
    closed = next(found for status, found in seeded if status == 200 and found["status"] == "closed")
    check("Ticket", closed)
    path, key = f"/v1/tickets/{closed['ticket_id']}/calls", {"Idempotency_Key": "closed-000000000001"}
    status, problem = service.request("POST", path, {"call_id": CALL}, **key)
    assert (status, problem["code"]) == (409, "ticket_closed")
