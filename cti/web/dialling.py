"""An agent has a number dialled: their own phone rings first (docs/outbound.md)."""

from __future__ import annotations

from aiohttp import web

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId
from cti.web.auth import parts_of
from cti.web.context import answer, read_body, read_query, session_of
from cti.web.dialbodies import DialAnswer, DialOrder, DialQuery, DialRequest, MyDialling
from cti.web.problems import Refused


def _agent_of(request: web.Request) -> AgentId:
    agent = session_of(request).user.agent
    if agent is None:
        raise Refused(403, "no_agent")
    return agent


async def my_dialling(request: web.Request) -> web.Response:
    """GET /api/my/dial."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    asked = read_query(request, DialQuery).number
    dialling = parts_of(request).dialling
    expected = dialling.dialling(tenant, agent)
    order = expected.order
    refused = dialling.refusal(tenant, agent, asked) if asked is not None else None
    return answer(
        MyDialling(
            number=expected.number,
            left=expected.left,
            refused=refused.key if refused else None,
            detail=(refused.detail or None) if refused else None,
            order=DialOrder(call_id=order.call_id, state=order.state) if order else None,
        )
    )


async def dial(request: web.Request) -> web.Response:
    """POST /api/my/dial."""
    agent, tenant = _agent_of(request), session_of(request).user.tenant
    wanted = await read_body(request, DialRequest)
    try:
        placed = await parts_of(request).dialling.dial(tenant, agent, wanted.number)
    except NotFound as error:
        raise Refused(403, "no_agent") from error
    except CallerError as error:
        # The page shows the text of the key; what varies in it (a time, a cap) comes as the detail.
        detail = getattr(error, "detail", "")
        raise Refused(409, getattr(error, "key", "dial_off"), detail=detail or None) from error
    return answer(DialAnswer(call_id=placed.call_id, number=placed.shown))
