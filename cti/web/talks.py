"""What agents ask for the call they talk in, over HTTP and the socket."""

from __future__ import annotations

from aiohttp import web

from cti.domain.access import User
from cti.domain.consult import Command
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.web.auth import parts_of
from cti.web.bodies import CommandRequest, MyTalk
from cti.web.context import WebParts, answer, read_body, session_of
from cti.web.hub import HUB
from cti.web.problems import Refused


async def ask(parts: WebParts, user: User, command: Command, to: str) -> None:
    """Carry a command out. Raises Refused with a key of the catalogue."""
    if user.agent is None:
        raise Refused(403, "no_agent")
    try:
        await parts.talks.ask(user.tenant, user.agent, command, to)
    except NotFound as error:
        raise Refused(409, "no_talk") from error
    except CallerError as error:
        raise Refused(409, getattr(error, "key", "not_now"), detail=str(error)) from error
    except Unavailable as error:
        raise Refused(503, "unavailable", detail=str(error)) from error


async def command_my_call(request: web.Request) -> web.Response:
    """POST /api/my/call."""
    wanted = await read_body(request, CommandRequest)
    parts, user = parts_of(request), session_of(request).user
    await ask(parts, user, wanted.command, wanted.to)
    talk = None if user.agent is None else request.app[HUB].talk(user.tenant, user.agent)
    return answer(MyTalk(talk=talk))


async def my_call(request: web.Request) -> web.Response:
    """GET /api/my/call."""
    user = session_of(request).user
    if user.agent is None:
        raise Refused(403, "no_agent")
    return answer(MyTalk(talk=request.app[HUB].talk(user.tenant, user.agent)))
