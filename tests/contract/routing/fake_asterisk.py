"""A fake Asterisk: callers, phones and the dialplan's moves, enough for Telephony and for the signals it causes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import CallId, ChannelName, Offer, OfferId, PhoneState, QueueId, TenantId, UniqueId
from cti.domain.signals import (
    BridgeEntered,
    CallerArrived,
    CallerQueued,
    ChannelHungUp,
    DeviceChanged,
    DialBegan,
    DialEnded,
    OfferDialled,
    Signal,
)

# How Dial ends by what the phone did: (DialStatus of the event, HANGUPCAUSE, DIALSTATUS), from asterisk-patterns.md.
ENDS = {
    "timeout": ("NOANSWER", 0, "NOANSWER"),
    "busy": ("BUSY", 17, "BUSY"),
    "decline": ("NOANSWER", 21, "CHANUNAVAIL"),
    "congestion": ("CONGESTION", 34, "CONGESTION"),
    "away": (None, 3, "CHANUNAVAIL"),
}


@dataclass
class Caller:
    """A caller's channel."""

    channel: ChannelName
    uniqueid: UniqueId
    call_id: CallId
    queue: QueueId
    place: str = "waiting"
    variables: dict[str, str] = field(default_factory=dict)
    offer_id: OfferId | None = None
    agent_channel: ChannelName | None = None
    agent_uniqueid: UniqueId | None = None
    endpoint: str | None = None
    ring: asyncio.TimerHandle | None = None


class FakeAsterisk:
    """Implements Telephony and the contract suite's World. ``post``: where signals go."""

    endpoint = "demo-sato"
    other_endpoint = "demo-smith"
    dead_endpoint = "demo-suzuki"

    def __init__(
        self,
        post: Callable[[Signal], None] = lambda signal: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.telephony = self
        self.post = post
        self.clock = clock
        self.phones = {
            self.endpoint: PhoneState.IDLE,
            self.other_endpoint: PhoneState.IDLE,
            self.dead_endpoint: PhoneState.UNREACHABLE,
        }
        self.callers: dict[ChannelName, Caller] = {}
        self.up = True
        self.said: list[tuple[ChannelName, str]] = []  # values of CTI_SAY, in order
        self.moved = asyncio.Condition()
        self._numbers = count(1)

    # --- World ---

    async def caller(self, queue: str = "members") -> ChannelName:
        """A new caller, in the waiting loop."""
        number = next(self._numbers)
        caller = Caller(
            channel=ChannelName(f"PJSIP/trunk-{number:08x}"),
            uniqueid=UniqueId(f"1795300000.{number}"),
            call_id=CallId(str(uuid4())),
            queue=QueueId(queue),
        )
        self.callers[caller.channel] = caller
        self.post(
            CallerArrived(
                at=self.clock(),
                channel=caller.channel,
                uniqueid=caller.uniqueid,
                call_id=caller.call_id,
                tenant=TenantId("demo"),
                number_called="+81501234500",
                caller_number="09012345678",
                caller_name="",
            )
        )
        await self._wait(caller)
        return caller.channel

    async def until(self, channel: ChannelName, place: str) -> None:
        """Return when the caller is there."""
        async with asyncio.timeout(5), self.moved:
            await self.moved.wait_for(lambda: self._place(channel) == place)

    async def silent(self, endpoint: str) -> None:
        """Return when the phone does not ring."""
        async with asyncio.timeout(5), self.moved:
            await self.moved.wait_for(lambda: self.phones[endpoint] is not PhoneState.RINGING)

    async def variable(self, channel: ChannelName, name: str) -> str:
        """A channel variable."""
        return self.callers[channel].variables.get(name, "")

    async def cut(self) -> None:
        """Break the link."""
        self.up = False

    # --- Telephony ---

    async def offer(self, offer: Offer, *, channel: ChannelName, endpoint: str, also: Sequence[str] = ()) -> None:
        """As the port says. One phone a caller: several at once are tested with a real Asterisk."""
        assert not also
        caller = self._find(channel)
        await self._stop_ring(caller, "CANCEL")
        caller.variables["CTI_OFFER"] = f"{offer.offer_id}|1|{endpoint}|{offer.ring_s}"
        caller.offer_id, caller.endpoint = offer.offer_id, endpoint
        if self.phones.get(endpoint) is not PhoneState.IDLE:
            away = self.phones.get(endpoint, PhoneState.UNREACHABLE) is PhoneState.UNREACHABLE
            await self._dial_over(caller, "away" if away else "busy")
            return
        number = next(self._numbers)
        caller.agent_channel = ChannelName(f"PJSIP/{endpoint}-{number:08x}")
        caller.agent_uniqueid = UniqueId(f"1795300000.{number}")
        self.post(DialBegan(**self._about(caller), **self._agent(caller)))  # type: ignore[arg-type]
        self._phone(endpoint, PhoneState.RINGING)
        loop = asyncio.get_running_loop()
        caller.ring = loop.call_later(offer.ring_s, lambda: loop.create_task(self.phone_ends(endpoint, "timeout")))
        await self._move(caller, f"ringing:{endpoint}")

    async def take_back(self, *, channel: ChannelName) -> None:
        """As the port says."""
        caller = self._find(channel)
        await self._stop_ring(caller, "CANCEL")
        await self._wait(caller)

    async def stop_ring(self, *, leg: ChannelName) -> None:
        """As the port says."""
        raise AssertionError(f"{leg} rings alone")

    async def treat(self, *, channel: ChannelName, treatment: str) -> None:
        """As the port says."""
        caller = self._find(channel)
        await self._stop_ring(caller, "CANCEL")
        await self._move(caller, f"treated:{treatment}")

    async def set_variables(self, *, channel: ChannelName, variables: Mapping[str, str]) -> None:
        """As the port says."""
        for value in variables.values():
            if any(bad in value for bad in "\r\n\0"):
                raise CallerError("a value with CR, LF or NUL")
        self._find(channel).variables.update(variables)
        if "CTI_SAY" in variables:
            self.said.append((channel, variables["CTI_SAY"]))

    async def hang_up(self, *, channel: ChannelName) -> None:
        """As the port says."""
        await self._gone(self._find(channel))

    # --- People ---

    async def phone_ends(self, endpoint: str, how: str) -> None:
        """The ringing phone declines, is busy, or has rung its full time (a key of ENDS)."""
        await self._dial_over(self._ringing(endpoint), how)

    async def answer(self, endpoint: str) -> ChannelName:
        """The agent picks up."""
        caller = self._ringing(endpoint)
        self._cancel_timer(caller)
        self.post(DialEnded(**self._about(caller), **self._agent(caller), status="ANSWER"))  # type: ignore[arg-type]
        self.post(BridgeEntered(**self._about(caller), bridge="b1"))  # type: ignore[arg-type]
        self._phone(endpoint, PhoneState.BUSY)
        await self._move(caller, f"talking:{endpoint}")
        return caller.channel

    async def caller_hangs_up(self, channel: ChannelName) -> None:
        """The caller hangs up, wherever they are."""
        await self._gone(self.callers[channel])

    # --- Inside ---

    def _place(self, channel: ChannelName) -> str:
        caller = self.callers.get(channel)
        return "gone" if caller is None else caller.place

    def _find(self, channel: ChannelName) -> Caller:
        if not self.up:
            raise Unavailable("no link to Asterisk")
        if channel not in self.callers:
            raise NotFound(f"no channel {channel}")
        return self.callers[channel]

    def _ringing(self, endpoint: str) -> Caller:
        return next(caller for caller in self.callers.values() if caller.place == f"ringing:{endpoint}")

    def _about(self, caller: Caller) -> dict[str, object]:
        return {
            "at": self.clock(),
            "channel": caller.channel,
            "uniqueid": caller.uniqueid,
            "call_id": caller.call_id,
        }

    def _agent(self, caller: Caller) -> dict[str, object]:
        return {"agent_channel": caller.agent_channel, "agent_uniqueid": caller.agent_uniqueid}

    def _phone(self, endpoint: str, state: PhoneState) -> None:
        self.phones[endpoint] = state
        self.post(DeviceChanged(at=self.clock(), endpoint=endpoint, state=state))

    def _cancel_timer(self, caller: Caller) -> None:
        if caller.ring is not None:
            caller.ring.cancel()
            caller.ring = None

    async def _dial_over(self, caller: Caller, how: str) -> None:
        status, cause, dial_status = ENDS[how]
        if status is not None:
            await self._stop_ring(caller, status, cause)
        assert caller.offer_id is not None
        self.post(
            OfferDialled(**self._about(caller), offer_id=caller.offer_id, status=dial_status, cause=cause)  # type: ignore[arg-type]
        )
        await self._wait(caller)

    async def _stop_ring(self, caller: Caller, status: str, cause: int = 16) -> None:
        self._cancel_timer(caller)
        if caller.place.startswith("ringing:") and caller.endpoint is not None:
            self.post(DialEnded(**self._about(caller), **self._agent(caller), status=status))  # type: ignore[arg-type]
            self._hang_up_agent(caller, cause)

    def _hang_up_agent(self, caller: Caller, cause: int) -> None:
        assert caller.agent_channel is not None
        assert caller.agent_uniqueid is not None
        assert caller.endpoint is not None
        self.post(
            ChannelHungUp(
                at=self.clock(),
                channel=caller.agent_channel,
                uniqueid=caller.agent_uniqueid,
                call_id=caller.call_id,
                cause=cause,
                cause_text="",
            )
        )
        self._phone(caller.endpoint, PhoneState.IDLE)

    async def _wait(self, caller: Caller) -> None:
        # As the dialplan: what the variable says now.
        caller.queue = QueueId(caller.variables.get("CTI_QUEUE", caller.queue))
        self.post(CallerQueued(**self._about(caller), queue=caller.queue))  # type: ignore[arg-type]
        await self._move(caller, "waiting")

    async def _gone(self, caller: Caller) -> None:
        talking = caller.place.startswith("talking:")
        await self._stop_ring(caller, "CANCEL")
        del self.callers[caller.channel]
        self.post(ChannelHungUp(**self._about(caller), cause=16, cause_text=""))  # type: ignore[arg-type]
        if talking:
            self._hang_up_agent(caller, 16)
        await self._move(caller, "gone")

    async def _move(self, caller: Caller, place: str) -> None:
        async with self.moved:
            caller.place = place
            self.moved.notify_all()
