"""What agents ask for the call they talk in, over HTTP and the socket."""

from __future__ import annotations

from aiohttp import web

from cti.domain.access import User
from cti.domain.consult import Command
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import CallId
from cti.domain.pause import RecordCommand
from cti.web import talkview
from cti.web.auth import parts_of
from cti.web.bodies import CommandRequest, MyTalk
from cti.web.context import WebParts, answer, read_body, session_of
from cti.web.hub import HUB
from cti.web.pausebodies import PauseRequest, PauseState
from cti.web.problems import Refused


async def ask(parts: WebParts, user: User, command: Command | RecordCommand, to: str) -> None:
    """Carry a command out. Raises Refused with a key of the catalogue."""
    if user.agent is None:
        raise Refused(403, "no_agent")
    try:
        if isinstance(command, Command):
            await parts.talks.ask(user.tenant, user.agent, command, to)
            return
        call = parts.talks.talk(user.tenant, user.agent)
        if call is None:
            raise Refused(409, "no_talk")
        await parts.pauses.ask(user.tenant, call.call_id, command, user.agent)
    except NotFound as error:
        raise Refused(409, "no_talk") from error
    except CallerError as error:
        # What varies in the key's text (a time, a cap); of the others a sentence for whoever reads the log.
        detail = getattr(error, "detail", "") or str(error)
        raise Refused(409, getattr(error, "key", "not_now"), detail=detail) from error
    except Unavailable as error:
        key = "not_paused" if command is RecordCommand.PAUSE else "unavailable"
        raise Refused(503, key, detail=str(error)) from error


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


async def command_recording(request: web.Request) -> web.Response:
    """POST /api/calls/{call_id}/recording: a program pauses a live call's recording, or has it go on.

    Who did is in the call's record and in the log, not in the trail: a pause waits for no database.
    """
    wanted = await read_body(request, PauseRequest)
    parts, user = parts_of(request), session_of(request).user
    call_id = CallId(request.match_info["call_id"])
    try:
        call = await parts.pauses.ask(user.tenant, call_id, wanted.command, user.login)
    except CallerError as error:
        key = getattr(error, "key", "not_now")
        raise Refused(404 if key == "no_talk" else 409, key, detail=str(error)) from error
    except Unavailable as error:
        key = "not_paused" if wanted.command is RecordCommand.PAUSE else "unavailable"
        raise Refused(503, key, detail=str(error)) from error
    return answer(PauseState(call_id=call_id, recording=talkview.recording(call)))
