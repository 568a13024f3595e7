"""One AMI connection: panoramisk's protocol with our own framing, limits and deadlines.

Everything here is synchronous and runs inside ``data_received``, so frames are handled in the order of the wire.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from cti.ami.errors import OutcomeUnknown
from cti.ami.frames import ActionHeaders, EventHeaders, FrameSplitter, Headers, encode_action
from cti.domain.errors import KakehashiError, NotAllowed, NotFound, PeerError, Unavailable

log = logging.getLogger(__name__)

# A listing of every channel and device of a large node (10,000 of each), and an end to a listing without one.
MAX_LIST_ITEMS = 50_000
# A desk in full swing has a handful of actions under way; hundreds mean that Asterisk stopped answering.
MAX_PENDING = 1_000
# Asterisk reads actions one by one; a megabyte unread is some 5,000 of them.
MAX_UNSENT_BYTES = 1024 * 1024

# Asterisk's own words (main/manager.c, 22) for refusals that are the asker's business, by lower-case beginning.
_REFUSALS: tuple[tuple[str, type[KakehashiError]], ...] = (
    ("channel does not exist", NotFound),
    ("no such channel", NotFound),
    ("channel not specified", NotFound),
    ("channel specified not found", NotFound),
    ("extrachannel does not exist", NotFound),
    ("channel is not up", NotFound),
    ("interface not found", NotFound),
    ("could not stop monitoring", NotFound),  # no recording runs there
    ("database entry not found", NotFound),
    ("permission denied", NotAllowed),
    ("originate access forbidden", NotAllowed),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """Asterisk's answer to one action."""

    headers: Headers  # the response itself
    items: tuple[Headers, ...] = ()  # the events of a listing, without the closing one


class Owner(Protocol):
    """Who gets what a connection receives."""

    def frame_received(self, frame: Headers) -> None:
        """An event that somebody wanted. Must not raise."""

    def protocol_lost(self, protocol: GuardedProtocol, error: BaseException | None) -> None:
        """The connection is gone; called once."""


class GuardedAction(Action):  # type: ignore[misc]  # panoramisk has no types
    """A pending action: its future ends in a Reply or in an error, at its deadline at the latest."""

    def __init__(self, headers: ActionHeaders, *, is_list: bool, on_reply: Callable[[Reply], None] | None) -> None:
        super().__init__({k: v if isinstance(v, str) else list(v) for k, v in headers.items()}, as_list=is_list)
        self.name = str(headers["Action"])
        self.is_list = is_list
        self.on_reply = on_reply
        self.first: Headers | None = None
        self.items_seen: list[Headers] = []
        self.timer: asyncio.TimerHandle | None = None
        # Whoever sent without waiting for the answer must not be told off for not reading it.
        self.future.add_done_callback(lambda f: f.cancelled() or f.exception())

    def take(self, frame: Headers) -> bool:
        """Add one frame of the answer; True when the answer is complete."""
        if "Response" in frame:
            self.first = frame
            if frame["Response"] not in ("Success", "Follows", "Goodbye", "Pong"):
                return self.fail(_refusal(self.name, frame.get("Message", "")))
            return not self.is_list and self._succeed()
        if not self.is_list:
            return False
        if frame.get("EventList", "").startswith("Complete"):
            return self._succeed()
        if frame.get("EventList", "").startswith("Cancel") or len(self.items_seen) >= MAX_LIST_ITEMS:
            return self.fail(PeerError(f"Asterisk did not finish the listing of {self.name}"))
        self.items_seen.append(frame)
        return False

    def fail(self, error: Exception) -> bool:
        """End with an error."""
        self._end_timer()
        if not self.future.done():
            self.future.set_exception(error)
        return True

    def _succeed(self) -> bool:
        self._end_timer()
        if not self.future.done():
            reply = Reply(headers=self.first or {}, items=tuple(self.items_seen))
            # Before the next frame is looked at: a snapshot is only true at its place in the stream.
            if self.on_reply is not None:
                try:
                    self.on_reply(reply)
                except Exception:
                    log.exception("handling an answer failed", extra={"action": self.name})
            self.future.set_result(reply)
        return True

    def _end_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def _refusal(action: str, message: str) -> KakehashiError:
    for beginning, kind in _REFUSALS:
        if message.lower().startswith(beginning):
            return kind(f"Asterisk refused {action}: {message}")
    return Unavailable(f"Asterisk refused {action}: {message}")


class GuardedProtocol(AMIProtocol):  # type: ignore[misc]
    """One connection. ``greeted`` ends when Asterisk has said its name, ``lost`` when the connection is gone."""

    def __init__(self, owner: Owner, wanted: Collection[str]) -> None:
        self._owner = owner
        self._wanted = frozenset(wanted)
        self._loop = asyncio.get_running_loop()
        self.splitter = FrameSplitter(wanted)
        self.pending: dict[str, GuardedAction] = {}
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self.received_at_s = self._loop.time()  # loop's clock, when bytes last came

    def connection_made(self, transport: Any) -> None:
        """The socket is open."""
        super().connection_made(transport)
        self.factory = self._owner

    def data_received(self, data: bytes) -> None:
        """Bytes from Asterisk. Garbage closes the connection."""
        self.received_at_s = self._loop.time()
        try:
            frames = self.splitter.feed(data, answers=bool(self.pending))
        except PeerError as error:
            self.abort(error)
            return
        if self.splitter.version is not None and not self.greeted.done():
            self.version = self.splitter.version
            self.greeted.set_result(None)
        for frame in frames:
            if self.pending:
                self._answer(frame)
            # An event goes to those who want it even when it also answers an action (OriginateResponse does).
            event = frame.event if isinstance(frame, EventHeaders) else frame.get("Event")
            if event in self._wanted:
                self._owner.frame_received(frame)

    def _answer(self, frame: Headers) -> None:
        action_id = frame.get("ActionID", "")
        action = self.pending.get(action_id)
        if action is not None and action.take(frame):
            del self.pending[action_id]

    def submit(
        self,
        headers: ActionHeaders,
        *,
        deadline_s: float,
        is_list: bool = False,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> asyncio.Future[Reply]:
        """Write one action now; the future ends with its Reply or its error. See :meth:`submit_all`."""
        return self.submit_all([headers], deadline_s=deadline_s, is_list=is_list, on_reply=on_reply)[0]

    def submit_all(
        self,
        actions: Sequence[ActionHeaders],
        *,
        deadline_s: float,
        is_list: bool = False,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> list[asyncio.Future[Reply]]:
        """Write actions in one piece; Asterisk does them in this order. Nothing is ever sent twice.

        Raises CallerError for headers that must not be sent, Unavailable when the link is down or Asterisk does not
        read; then nothing was written. The futures raise Unavailable, NotFound, NotAllowed or OutcomeUnknown.
        """
        if self.lost.done() or self.transport.is_closing():
            raise Unavailable("the link to Asterisk is down")
        if len(self.pending) + len(actions) > MAX_PENDING:
            raise Unavailable("too many actions wait for Asterisk's answer")
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise Unavailable("Asterisk does not read what it is sent")
        guarded = [GuardedAction(headers, is_list=is_list, on_reply=on_reply) for headers in actions]
        data = b"".join(encode_action(h, a.id) for h, a in zip(actions, guarded, strict=True))
        for action in guarded:
            self.pending[action.id] = action
            action.timer = self._loop.call_later(deadline_s, self._expire, action.id, deadline_s)
        self.transport.write(data)
        return [action.future for action in guarded]

    def _expire(self, action_id: str, deadline_s: float) -> None:
        action = self.pending.pop(action_id, None)
        if action is not None:
            action.fail(OutcomeUnknown(f"Asterisk did not answer {action.name} within {deadline_s:g} s"))

    def abort(self, error: BaseException | None = None) -> None:
        """Drop the connection at once, with nothing more written."""
        if not self.lost.done():
            self._end(error)
        transport = getattr(self, "transport", None)
        if transport is not None:
            transport.abort()

    def close(self) -> None:
        """As panoramisk calls it; unanswered actions end in OutcomeUnknown instead of being kept for later."""
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The socket is gone."""
        if not self.lost.done():
            self._end(exc)

    def _end(self, error: BaseException | None) -> None:
        self.closed = True
        self.lost.set_result(None)
        if not self.greeted.done():
            self.greeted.set_exception(error or Unavailable("Asterisk closed the connection before greeting"))
            self.greeted.exception()
        pending, self.pending = self.pending, {}
        for action in pending.values():
            action.fail(OutcomeUnknown(f"the link to Asterisk broke before it answered {action.name}"))
        self._owner.protocol_lost(self, error)
