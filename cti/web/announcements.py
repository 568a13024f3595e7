"""Words for a group of callers: a supervisor publishes them for a queue or a number called, with an end."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from aiohttp import web

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import QueueId
from cti.web.announcementbodies import AnnouncementBody, AnnouncementList, AnnouncementRequest
from cti.web.announcementports import AnnouncementFact, NewAnnouncement
from cti.web.auth import parts_of
from cti.web.context import answer, read_body, session_of
from cti.web.problems import Refused
from cti.web.trail import trail

# An announcement that nobody looks after for a week is one that somebody forgot.
LONGEST = timedelta(days=7)


def _body(fact: AnnouncementFact) -> AnnouncementBody:
    return AnnouncementBody(
        id=fact.announcement,
        queue=fact.queue,
        number=fact.number,
        text_ja=fact.text_ja,
        text_en=fact.text_en,
        begins_at=fact.begins_at,
        ends_at=fact.ends_at,
        published_by=fact.published_by,
    )


async def list_announcements(request: web.Request) -> web.Response:
    """GET /api/announcements."""
    parts, tenant = parts_of(request), session_of(request).user.tenant
    found = await parts.announcements.current(tenant, parts.now())
    return answer(AnnouncementList(announcements=[_body(fact) for fact in found]))


async def publish_announcement(request: web.Request) -> web.Response:
    """POST /api/announcements."""
    wanted = await read_body(request, AnnouncementRequest)
    parts, user = parts_of(request), session_of(request).user
    now = parts.now()
    if not now < wanted.ends_at <= now + LONGEST:
        raise Refused(400, "bad_request", problems=[f"ends_at: write an instant within {LONGEST.days} days from now"])
    new = NewAnnouncement(
        queue=None if wanted.queue is None else QueueId(wanted.queue),
        number=wanted.number,
        prompt=wanted.prompt,
        text_ja=None if wanted.text is None else wanted.text.ja,
        text_en=None if wanted.text is None else wanted.text.en,
        begins_at=now,
        ends_at=wanted.ends_at,
        published_by=user.login,
    )
    try:
        fact = await parts.announcements.publish(user.tenant, new)
    except NotFound as error:
        raise Refused(400, "bad_request", problems=[str(error)]) from error
    except CallerError as error:
        raise Refused(400, "bad_request", problems=[str(error)]) from error
    detail = {"queue": fact.queue, "number": fact.number, "sound": fact.sound, "ends_at": fact.ends_at.isoformat()}
    await trail(request, "announcement.published", fact.announcement, detail)
    return answer(_body(fact))


async def withdraw_announcement(request: web.Request) -> web.Response:
    """DELETE /api/announcements/{announcement}."""
    parts, user = parts_of(request), session_of(request).user
    try:
        which = str(UUID(request.match_info["announcement"]))
    except ValueError as error:
        raise Refused(404, "not_found") from error
    await parts.announcements.withdraw(user.tenant, which, by=user.login, at=parts.now())
    await trail(request, "announcement.withdrawn", which)
    return web.Response(status=204)
