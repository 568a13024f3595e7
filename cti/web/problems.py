"""What goes wrong, as RFC 9457 problem details with a key and a text in the language asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from pydantic import ValidationError

from cti.domain.errors import CallerError, KakehashiError, NotAllowed, NotFound, PeerError, Unavailable
from cti.web.bodies import Problem
from cti.web.texts import best_language, text

MEDIA = "application/problem+json"
# More than these help nobody, and a hostile body may have millions.
MAX_SENTENCES = 20


class Refused(CallerError):
    """A request is refused: ``status`` and ``key`` say how and why."""

    def __init__(
        self,
        status: int,
        key: str,
        *,
        detail: str | None = None,
        problems: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.detail = detail
        self.problems = list(problems[:MAX_SENTENCES])
        self.headers = dict(headers or {})


_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json"}


def refused_by(error: Exception) -> Refused | None:
    """The refusal that an exception means, or None when it is a fault of ours."""
    match error:
        case Refused():
            return error
        case ValidationError():
            return Refused(400, "bad_request", problems=sentences(error))
        case web.HTTPException() if error.status >= 400:
            headers = {k: v for k, v in error.headers.items() if k in ("Allow",)}
            key = _BY_STATUS.get(error.status, "bad_request" if error.status < 500 else "internal")
            return Refused(error.status, key, headers=headers)
        case NotFound():
            return Refused(404, "not_found")
        case NotAllowed():
            return Refused(403, "not_allowed")
        case CallerError():
            return Refused(400, "bad_request", detail=str(error))
        case Unavailable():
            return Refused(503, "unavailable", headers={"Retry-After": "2"})
        case PeerError():
            # Only the object store answers on behalf of a page: what it has is not what was stored there.
            return Refused(502, "changed_behind_us")
        case KakehashiError():
            return Refused(500, "internal")
        case _:
            return None


def sentences(error: ValidationError) -> list[str]:
    """One sentence per field that is wrong; never what was sent, which may be a password."""
    return [
        f"{'.'.join(str(p) for p in one['loc']) or 'body'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_SENTENCES]
    ]


def language_of(request: web.BaseRequest) -> str:
    """The language to answer this request in."""
    return best_language(request.headers.get("Accept-Language", ""))


def response(request: web.BaseRequest, refused: Refused) -> web.Response:
    """The problem as a response."""
    language = language_of(request)
    problem = Problem(
        type="about:blank",
        title=text(refused.key, language),
        status=refused.status,
        key=refused.key,
        detail=refused.detail,
        instance=request.path,
        problems=refused.problems or None,
    )
    headers = {**refused.headers, "Content-Language": language, "Cache-Control": "no-store"}
    return web.Response(
        status=refused.status,
        body=problem.model_dump_json(exclude_none=True).encode(),
        content_type=MEDIA,
        headers=headers,
    )
