"""The AMI client: panoramisk's Manager, supervised.

What differs from the bare library, and why, is in docs/calls.md; each difference has a test in
tests/unit/ami/test_traps.py that the bare library fails.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from panoramisk.manager import Manager
from panoramisk.message import Message

from cti.ami import version
from cti.ami.errors import AmiLoginRefused, AmiRefused, OutcomeUnknown
from cti.ami.frames import ActionHeaders, Headers
from cti.ami.protocol import GuardedProtocol, Reply
from cti.domain.errors import KakehashiError, NotAllowed, PeerError, Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AmiSettings:
    """Where Asterisk's manager interface is and how patient we are."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    connect_s: float = 3.0  # for connecting, and again for the greeting
    action_s: float = 3.0  # an answer took 10 ms at the worst; seconds mean trouble
    ping_every_s: float = 2.0  # with ping_s: a dead link is noticed within 4.5 s
    ping_s: float = 2.5
    backoff_first_s: float = 0.2  # an Asterisk that restarts is back within a second
    backoff_max_s: float = 5.0  # callers wait in the meantime: never look away for longer
    refused_every_s: float = 30.0  # a log-in refused after it was good: Asterisk reloads, or a secret is being changed


class AmiClient(Manager):  # type: ignore[misc]  # panoramisk has no types
    """Keeps one connection to Asterisk. ``on_frame`` gets each wanted event at once, in order.

    ``on_up`` runs after each log-in and before :attr:`up` (a failure drops the connection and tries again),
    ``on_down`` after each loss. An exception in ``on_frame`` is logged and counted.
    """

    def __init__(
        self,
        settings: AmiSettings,
        *,
        wanted: Collection[str],
        on_frame: Callable[[Headers], None],
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(host=settings.host, port=settings.port, ssl=settings.tls or False)
        self.callbacks.clear()  # the base registers a re-send of unanswered actions: no effect is ever replayed
        self.patterns.clear()
        self._settings = settings
        self._wanted = frozenset(wanted)
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_down = on_down
        self._jitter = jitter
        self._link: GuardedProtocol | None = None
        self.protocol: GuardedProtocol | None = None  # the base's name for the same
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._closing = False
        self.up = False
        self.asterisk_version: str | None = None
        self.refused: AmiRefused | None = None  # set: the link stays down until somebody changes something
        self._was_good = False  # it has been up once
        self.problem: str | None = None  # why the link is down, for people
        self.handler_failures = 0
        self.reconnects = 0

    # -- life -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect, and keep at it. Returns at once; see :meth:`wait_up`."""
        if self._task is None:
            self._closing = False
            self._task = asyncio.create_task(self._run(), name="ami-link")

    async def wait_up(self, timeout_s: float) -> None:
        """Wait until the link is up. Raises AmiRefused (says what to change) or Unavailable after ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.up:
                    if self.refused is not None:
                        raise self.refused
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            why = f": {self.problem}" if self.problem else ""
            raise Unavailable(f"no link to Asterisk within {timeout_s:g} s{why}") from None

    def drop(self) -> None:
        """Let go of this connection; the next one is made as after any loss."""
        if self._link is not None:
            self._link.abort()

    async def stop(self) -> None:
        """Close and wait until nothing of it runs."""
        self.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def close(self) -> None:
        """Stop for good, at once, also while waiting to reconnect."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        if self._link is not None:
            self._link.abort()

    async def _run(self) -> None:
        delay_s = self._settings.backoff_first_s
        while not self._closing:
            try:
                await self._session()
            except AmiRefused as error:
                self._refuse(error)
                if not (self._was_good and isinstance(error, AmiLoginRefused)):
                    return
                delay_s = self._settings.refused_every_s
            except (KakehashiError, OSError) as error:
                self._note_problem(error)
            except Exception as error:
                self.handler_failures += 1
                self.problem = f"a mistake of ours: {type(error).__name__}"
                log.exception("the link to Asterisk failed for a reason of ours, trying again")
            finally:
                was_up, self.up = self.up, False
                if self._link is not None:
                    self._link.abort()
                    self._link = None
                    self.protocol = None
                if was_up:
                    self._tell_down()
                    delay_s = self._settings.backoff_first_s
            # Between half and all of the delay: many nodes must not knock in step.
            await asyncio.sleep(delay_s * (0.5 + 0.5 * self._jitter()))
            delay_s = min(delay_s * 2, self._settings.backoff_max_s)
            self.reconnects += 1

    def _refuse(self, error: AmiRefused) -> None:
        sentence = str(error)
        if sentence != self.problem:
            log.error("Asterisk refuses us until somebody changes something", extra={"action": sentence})
        self.refused, self.problem = error, sentence
        self._changed.set()

    def _note_problem(self, error: Exception) -> None:
        sentence = str(error) or type(error).__name__
        if sentence != self.problem:  # once per reason, not once per try
            log.warning("no link to Asterisk, trying again", extra={"action": sentence})
        self.problem = sentence

    def _tell_down(self) -> None:
        if self._on_down is not None:
            try:
                self._on_down()
            except Exception:
                self.handler_failures += 1
                log.exception("handling a lost link failed")

    async def _session(self) -> None:
        """One connection from beginning to end. Always raises."""
        link = await self._connect()
        self._link = self.protocol = link
        await self._log_in(link)
        await self._check_version(link)
        if self._on_up is not None:
            await self._on_up()
        self.up, self._was_good, self.refused, self.problem = True, True, None, None
        self._changed.set()
        log.info("the link to Asterisk is up", extra={"version": self.asterisk_version})
        await self._watch(link)

    async def _connect(self) -> GuardedProtocol:
        s = self._settings
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(s.connect_s):
                _, link = await loop.create_connection(
                    lambda: GuardedProtocol(self, self._wanted), s.host, s.port, ssl=s.tls
                )
        except TimeoutError:
            raise Unavailable(f"Asterisk at {s.host}:{s.port} did not accept the connection") from None
        except OSError as error:
            raise Unavailable(f"Asterisk at {s.host}:{s.port} cannot be reached: {error}") from error
        try:
            async with asyncio.timeout(s.connect_s):
                await asyncio.shield(link.greeted)
        except TimeoutError:
            link.abort()
            raise PeerError(f"{s.host}:{s.port} did not greet like Asterisk within {s.connect_s:g} s") from None
        except BaseException:
            link.abort()
            raise
        return link

    async def _log_in(self, link: GuardedProtocol) -> None:
        s = self._settings
        login = {"Action": "Login", "Username": s.username, "Secret": s.secret, "Events": "on"}
        try:
            await link.submit(login, deadline_s=s.connect_s)
        except Unavailable as error:
            if "authentication failed" in str(error).lower():
                raise AmiLoginRefused(
                    f"Asterisk refused the AMI log-in of {s.username!r}: check user, secret and permit "
                    "in manager.conf against the server's configuration"
                ) from error
            raise
        self.authenticated = True

    async def _check_version(self, link: GuardedProtocol) -> None:
        try:
            reply = await link.submit({"Action": "CoreSettings"}, deadline_s=self._settings.action_s)
        except NotAllowed as error:
            raise AmiRefused(
                "the AMI user may not ask for CoreSettings, so Asterisk's version cannot be checked: "
                "add 'reporting' to its write classes in manager.conf"
            ) from error
        self.asterisk_version = reply.headers.get("AsteriskVersion", "")
        version.check(self.asterisk_version)

    async def _watch(self, link: GuardedProtocol) -> None:
        """Ping until the link is lost. Always raises."""
        s = self._settings
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.wait({link.lost}, timeout=s.ping_every_s)
            if link.lost.done():
                raise Unavailable("the link to Asterisk broke")
            asked_at_s = loop.time()
            try:
                await link.submit({"Action": "Ping"}, deadline_s=s.ping_s)
            except OutcomeUnknown:
                # A flood of events may stand before the answer: bytes are a sign of life too.
                if link.received_at_s <= asked_at_s:
                    raise Unavailable("Asterisk does not answer pings: the link is dead") from None

    # -- what the connection tells ---------------------------------------------------------------------

    def frame_received(self, frame: Headers) -> None:
        """One event, in order."""
        try:
            self._on_frame(frame)
        except Exception:
            self.handler_failures += 1
            log.exception("handling an AMI event failed", extra={"action": frame.get("Event")})
        if self.patterns:
            self.dispatch(Message(frame))

    def protocol_lost(self, protocol: GuardedProtocol, error: BaseException | None) -> None:
        """The connection is gone; ``_watch`` or whoever waits notices by ``lost``."""
        if error is not None and protocol is self._link:
            log.warning("the link to Asterisk broke", extra={"action": str(error)})

    def register_event(self, pattern: str, callback: Callable[[Any, Any], None] | None = None) -> Any:
        """As panoramisk's, for plain functions only: coroutines would run out of order."""
        if callback is not None and inspect.iscoroutinefunction(callback):
            raise TypeError("register a plain function and let it put the event into a queue: order would be lost")
        return super().register_event(pattern, callback)

    def dispatch(self, event: Message) -> list[str]:
        """As panoramisk's; a callback that raises loses that event only."""
        matches = []
        for pattern, regexp in self.patterns:
            if regexp.match(event.event):
                matches.append(pattern)
                for callback in self.callbacks[pattern]:
                    try:
                        callback(self, event)
                    except Exception:
                        self.handler_failures += 1
                        log.exception("an AMI callback failed", extra={"action": event.event})
        return matches

    # -- actions ---------------------------------------------------------------------------------------

    def submit_all(
        self, actions: Sequence[ActionHeaders], *, deadline_s: float | None = None
    ) -> list[asyncio.Future[Reply]]:
        """Send actions in one piece without waiting. Raises as :meth:`GuardedProtocol.submit_all`."""
        if self._link is None or not self.up:  # not before the first snapshot: it must not race with effects
            raise Unavailable("the link to Asterisk is down")
        return self._link.submit_all(actions, deadline_s=deadline_s or self._settings.action_s)

    async def request(
        self,
        action: ActionHeaders,
        *,
        deadline_s: float | None = None,
        is_list: bool = False,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """Send one action and wait for its answer; ``on_reply`` runs at the answer's place in the stream.

        Raises NotFound (no such channel), NotAllowed, Unavailable (nothing was done), OutcomeUnknown (it may have
        been done), CallerError (a value that must not be sent).
        """
        if self._link is None:
            raise Unavailable("the link to Asterisk is down")
        return await self._link.submit(
            action, deadline_s=deadline_s or self._settings.action_s, is_list=is_list, on_reply=on_reply
        )

    def send_action(
        self, action: Mapping[str, Any], as_list: bool | None = None, **kwargs: Any
    ) -> asyncio.Future[Reply]:
        """As panoramisk's, with a deadline and with what is refused refused."""
        if self._link is None:
            raise Unavailable("the link to Asterisk is down")
        return self._link.submit({**action, **kwargs}, deadline_s=self._settings.action_s, is_list=bool(as_list))

    def send_awaiting_actions(self, *_: Any) -> None:
        """Nothing is ever sent again by itself."""

    def connect(self, *_: Any, **__: Any) -> Any:
        """Replaced by :meth:`start`."""
        raise TypeError("use 'await client.start()'")
