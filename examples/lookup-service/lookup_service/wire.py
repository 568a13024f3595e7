"""Requests of the contract, validated, and its errors."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    409: "Conflict",
    413: "Too large",
    500: "Internal error",
}


class Problem(Exception):
    """An answer that is an error, after RFC 9457."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"title": TITLES[status], "status": status, "code": code, "detail": detail}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Caller(_Request):
    """Who calls, as far as the number tells."""

    kind: Literal["number", "withheld", "payphone", "out_of_area", "conflict", "unknown"]
    number: Annotated[str, Field(pattern=r"^\+[0-9]{4,15}$")] | None

    @model_validator(mode="after")
    def _fits(self) -> Caller:
        if (self.number is None) is (self.kind == "number"):
            raise ValueError("number is an E.164 number for kind number, and null for every other kind")
        return self


class LookupRequest(_Request):
    """Body of POST /v1/lookups."""

    call_id: UUID
    caller: Caller
    number_called: Annotated[str, Field(max_length=16)]
    reservation_number: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None
    language: Literal["ja", "en"]
    member_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class TicketRequest(_Request):
    """Body of POST /v1/tickets."""

    call_id: UUID
    member_id: Annotated[str, Field(max_length=64)] | None = None
    reservation_id: Annotated[str, Field(max_length=64)] | None = None
    category: Annotated[str, Field(min_length=1, max_length=64)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    note: Annotated[str, Field(max_length=4000)] | None = None
    opened_by: Annotated[str, Field(max_length=64)] | None = None


class JoinRequest(_Request):
    """Body of POST /v1/tickets/{ticket_id}/calls."""

    call_id: UUID
    note: Annotated[str, Field(max_length=4000)] | None = None
    joined_by: Annotated[str, Field(max_length=64)] | None = None


R = TypeVar("R", bound=_Request)


def read(model: type[R], raw: bytes) -> R:
    """Parse a body. Raises Problem 400 naming the key, without its value: that may be personal."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise Problem(400, "bad_request", f"{where}: {first['msg']}") from error
