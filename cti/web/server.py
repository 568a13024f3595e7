"""The web side: pages, API, sockets, in one aiohttp application.

::

    server = WebServer(settings, parts, stream_id=…)
    bus.subscribe("web", server.hub.handle, kinds=(Event,), overflowed=server.hub.resync)
    await server.start()        # server.port is known now
    await server.stop()         # closes sockets with 1012, lets requests finish
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from cti.domain.errors import ConfigError, Unavailable
from cti.web import (
    actions,
    aftercall,
    agent_socket,
    agents,
    announcements,
    callbacks,
    callers,
    calls,
    callsearch,
    dialling,
    evaluationforms,
    evaluations,
    health,
    keeping,
    listening,
    names,
    outgoing,
    pages,
    people,
    phones,
    plans,
    queues,
    recordings,
    samples,
    savednumbers,
    sessions,
    talks,
    trail,
)
from cti.web.auth import BY_NAME, GUARD, Guard
from cti.web.context import MAX_BODY, PARTS, SETTINGS, WebParts, WebSettings
from cti.web.hub import HUB, Hub
from cti.web.openapi import document
from cti.web.passwords import Passwords
from cti.web.problems import Refused, refused_by, response
from cti.web.routes import ROUTES
from cti.web.sessions import PASSWORDS, THROTTLE
from cti.web.throttle import Throttle

log = logging.getLogger(__name__)

# Nothing from elsewhere, nothing inline; blob: is how a page plays and draws sound it holds.
CSP = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
}
POLICY = web.AppKey("policy", str)
# A browser that has seen us over TLS does not try without it again for a year.
HSTS = "max-age=31536000"
# A shift of a thousand pages connects within the same second.
BACKLOG = 1024
# A thousand agents with some tabs each, S3 and the database; more is a leak that should show.
OPEN_FILES = 65_536
# Sessions that are over are refused at once; their rows may stay a while.
SWEEP_S = 600.0


async def _openapi(request: web.Request) -> web.Response:
    return web.json_response(document(), headers={"Cache-Control": "no-cache"})


HANDLERS: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
    "login": sessions.login,
    "logout": sessions.logout,
    "me": sessions.me,
    "change_password": sessions.change_password,
    "set_my_state": agents.set_my_state,
    "my_calls_today": agents.my_calls_today,
    "my_states_today": agents.my_states_today,
    "list_reasons": aftercall.list_reasons,
    "my_call_after": aftercall.my_call_after,
    "save_my_note": aftercall.save_my_note,
    "ask_ticket": aftercall.ask_ticket,
    "choose_member": callers.choose_member,
    "mark_step": callers.mark_step,
    "command_recording": talks.command_recording,
    "my_call": talks.my_call,
    "command_my_call": talks.command_my_call,
    "my_phone": phones.my_phone,
    "log_in_my_phone": phones.log_in_my_phone,
    "bring_my_call_back": phones.bring_my_call_back,
    "my_phone_is_here": phones.my_phone_is_here,
    "report_my_quality": phones.report_my_quality,
    "tell_my_holds": phones.tell_my_holds,
    "my_dialling": dialling.my_dialling,
    "dial": dialling.dial,
    "my_saved_numbers": savednumbers.my_saved_numbers,
    "list_saved_numbers": savednumbers.list_saved_numbers,
    "add_saved_number": savednumbers.add_saved_number,
    "change_saved_number": savednumbers.change_saved_number,
    "remove_saved_number": savednumbers.remove_saved_number,
    "list_calls": calls.list_calls,
    "get_call": calls.get_call,
    "get_queues": queues.get_queues,
    "call_decisions": plans.call_decisions,
    "move_call": actions.move_call,
    "prioritise_call": actions.prioritise_call,
    "set_agent_state": actions.set_agent_state,
    "list_skills": actions.list_skills,
    "get_agent_skills": actions.get_agent_skills,
    "set_agent_skills": actions.set_agent_skills,
    "get_plan": plans.get_plan,
    "check_plan": plans.check_plan,
    "publish_plan": plans.publish_plan,
    "revert_plan": plans.revert_plan,
    "list_callbacks": callbacks.list_callbacks,
    "cancel_callback": callbacks.cancel_callback,
    "list_announcements": announcements.list_announcements,
    "publish_announcement": announcements.publish_announcement,
    "withdraw_announcement": announcements.withdraw_announcement,
    "list_recordings": callsearch.list_recordings,
    "count_recordings": callsearch.count_recordings,
    "my_searches": listening.my_searches,
    "save_my_search": listening.save_my_search,
    "forget_my_search": listening.forget_my_search,
    "list_comments": listening.list_comments,
    "add_comment": listening.add_comment,
    "edit_comment": listening.edit_comment,
    "delete_comment": listening.delete_comment,
    "get_audio": recordings.get_audio,
    "download_recording": recordings.download_recording,
    "delete_recording": keeping.delete_recording,
    "hold_recording": keeping.hold_recording,
    "list_holds": keeping.list_holds,
    "release_hold": keeping.release_hold,
    "look_person": people.look_person,
    "export_person": people.export_person,
    "erase_person": people.erase_person,
    "list_erasures": people.list_erasures,
    "get_erasure": people.get_erasure,
    "get_peaks": recordings.get_peaks,
    "missing_recordings": recordings.missing_recordings,
    "list_evaluation_forms": evaluationforms.list_evaluation_forms,
    "get_evaluation_form": evaluationforms.get_evaluation_form,
    "publish_evaluation_form": evaluationforms.publish_evaluation_form,
    "set_evaluation_form_active": evaluationforms.set_evaluation_form_active,
    "call_evaluations": evaluations.call_evaluations,
    "begin_evaluation": evaluations.begin_evaluation,
    "list_evaluations": evaluations.list_evaluations,
    "get_evaluation": evaluations.get_evaluation,
    "save_evaluation": evaluations.save_evaluation,
    "submit_evaluation": evaluations.submit_evaluation,
    "discard_evaluation": evaluations.discard_evaluation,
    "review_evaluation": evaluations.review_evaluation,
    "export_evaluations": evaluationforms.export_evaluations,
    "list_samples": samples.list_samples,
    "draw_sample": samples.draw_sample,
    "my_samples": samples.my_samples,
    "my_evaluations": evaluations.my_evaluations,
    "my_evaluation": evaluations.my_evaluation,
    "my_evaluated_audio": recordings.my_evaluated_audio,
    "dispute_evaluation": evaluations.dispute_evaluation,
    "list_names": names.list_names,
    "list_trail": trail.list_trail,
    "list_outgoing": outgoing.list_outgoing,
    "agent_socket": agent_socket.agent_socket,
    "openapi": _openapi,
    "healthz": health.healthz,
    "readyz": health.readyz,
    "metrics": health.metrics,
}


def _route_name(request: web.Request) -> str:
    return request.match_info.route.name or ""


@web.middleware
async def _outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals become problems, faults of ours are logged and hidden, every request is counted."""
    began_s = time.perf_counter()
    status = 500
    try:
        answered = await _admitted(request, handler)
        status = answered.status
        return answered
    except (web.HTTPSuccessful, web.HTTPRedirection) as early:
        status = early.status
        raise
    except Exception as error:
        refused = refused_by(error)
        if refused is None or refused.status == 500:
            log.exception("A request failed.", extra={"route": _route_name(request), "method": request.method})
            refused = Refused(500, "internal")
        status = refused.status
        return response(request, refused)
    finally:
        if status != 101:  # a socket's whole life is no request
            name = _route_name(request)
            known = name if name in BY_NAME else "page"
            request.app[PARTS].metrics.http.labels(known, str(status)).observe(time.perf_counter() - began_s)


async def _admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    route = BY_NAME.get(_route_name(request))
    if route is not None:
        await request.app[GUARD].admit(request, route)
    return await handler(request)


def content_policy(phone_url: str | None, replay_origin: str | None = None) -> str:
    """The Content-Security-Policy. A page that is a phone speaks with Asterisk's own WebSocket as well."""
    beside = "" if phone_url is None else f" {phones.socket_origin(phone_url)}"
    sound = "" if replay_origin is None else f" {replay_origin}"
    return "; ".join((*CSP, f"media-src 'self' blob:{sound}", f"connect-src 'self'{beside}"))


async def _add_headers(request: web.Request, answered: web.StreamResponse) -> None:
    answered.headers.setdefault("Content-Security-Policy", request.app[POLICY])
    for name, value in HEADERS.items():
        answered.headers.setdefault(name, value)
    if request.app[SETTINGS].tls_certificate is not None:
        answered.headers.setdefault("Strict-Transport-Security", HSTS)
    answered.headers.pop("Server", None)


def make_app(settings: WebSettings, parts: WebParts, hub: Hub, passwords: Passwords) -> web.Application:
    """The application, not started. ``HANDLERS`` and ``ROUTES`` name the same routes, or this raises KeyError."""
    app = web.Application(middlewares=[_outermost], client_max_size=MAX_BODY)
    app[SETTINGS], app[PARTS], app[HUB] = settings, parts, hub
    app[POLICY] = content_policy(settings.phone_url, settings.replay_origin)
    app[GUARD], app[PASSWORDS], app[THROTTLE] = Guard(parts), passwords, Throttle()
    for route in ROUTES:
        resource = app.router.add_resource(route.path, name=route.name)
        resource.add_route(route.method, HANDLERS[route.name])
        if route.method == "GET" and route.name != "agent_socket":
            resource.add_route("HEAD", HANDLERS[route.name])
    pages.mount(app)
    app.on_response_prepare.append(_add_headers)
    return app


def tls_context(settings: WebSettings) -> ssl.SSLContext | None:
    """TLS as configured; None: plain HTTP. Raises ConfigError when the files cannot be used."""
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [
                f"web.tls_certificate {settings.tls_certificate}, web.tls_key {settings.tls_key}: cannot be used"
                f" ({error}); give a PEM certificate chain and its unencrypted private key"
            ]
        ) from error
    return context


def allow_many_files() -> int:
    """Raise this process's limit of open files as far as it may go; returns the limit.

    Each page is an open file, and the usual soft limit of 1,024 ends a desk of a thousand. The hard limit is the
    operator's and is left alone.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


class WebServer:
    """The web side with its life."""

    def __init__(
        self, settings: WebSettings, parts: WebParts, *, stream_id: str, passwords: Passwords | None = None
    ) -> None:
        self.settings = settings
        self.passwords = passwords if passwords is not None else Passwords()
        self.hub = Hub(parts, stream_id=stream_id)
        self.app = make_app(settings, parts, self.hub, self.passwords)
        self.port: int | None = None  # known once started
        self._runner: web.AppRunner | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket | None = None) -> None:
        """Listen, on ``listener`` if that is bound already.

        Raises ConfigError for certificates that cannot be used, OSError for an address taken.
        """
        context = tls_context(self.settings)
        allow_many_files()
        self._runner = web.AppRunner(
            self.app, access_log=None, shutdown_timeout=self.settings.drain_s, handle_signals=False
        )
        await self._runner.setup()
        await self.hub.start(self._session_is_good)
        where = self.settings
        site: web.BaseSite = (
            web.SockSite(self._runner, listener, ssl_context=context, backlog=BACKLOG)
            if listener is not None
            else web.TCPSite(self._runner, where.host, where.port, ssl_context=context, backlog=BACKLOG)
        )
        await site.start()
        self._sweeper = asyncio.create_task(self._sweep())
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every socket with 1012, let requests finish for ``drain_s``, then end."""
        await self.hub.stop()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.passwords.close()

    async def _sweep(self) -> None:
        parts = self.app[PARTS]
        while True:
            with contextlib.suppress(Unavailable):
                await parts.sessions.sweep(parts.now())
            await asyncio.sleep(SWEEP_S)

    async def _session_is_good(self, token_sha256: bytes) -> bool:
        return await self.app[GUARD].find(token_sha256) is not None
