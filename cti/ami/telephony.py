"""What routing and the desk may ask of Asterisk: cti.domain.ports.Telephony over the AMI client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cti.ami import actions
from cti.ami.client import AmiClient
from cti.ami.fallen import Fallen
from cti.ami.frames import ActionHeaders
from cti.ami.protocol import Reply
from cti.domain.errors import KakehashiError, NotFound, PeerError, Unavailable
from cti.domain.model import ChannelName, Offer

log = logging.getLogger(__name__)

# A Redirect took 10 ms at the worst under load. A second later the caller should go to the next agent instead.
OFFER_S = 1.0
# These can wait a little longer; nobody's phone depends on them.
ORDINARY_S = 3.0
# Asterisk lets a key last for 80 ms (mindtmfduration).
KEY_S = 0.1


class Permitted(Protocol):
    """One dial of somebody outside."""

    @property
    def digits(self) -> str: ...  # as the trunk dials it
    @property
    def shows(self) -> str: ...  # E.164, who the person sees calling
    @property
    def ring_s(self) -> int: ...
    @property
    def language(self) -> str: ...
    @property
    def at(self) -> datetime: ...  # when it was allowed


class AmiTelephony:
    """Raises NotFound (the channel is gone), Unavailable (nothing done), OutcomeUnknown (maybe done), CallerError."""

    def __init__(
        self,
        client: AmiClient,
        *,
        epoch: str,
        fresh: Callable[[], bool] = lambda: True,
        fallen: Fallen | None = None,
    ) -> None:
        """``fresh``: whether what we know of Asterisk is new enough to move a caller by it (Heartbeat.fresh).

        ``fallen``: callers who are left to Asterisk's own queue until they are back.
        """
        self._client = client
        self._epoch = epoch
        self._fresh = fresh
        self._fallen = fallen if fallen is not None else Fallen()

    def offer(self, offer: Offer, *, channel: ChannelName, endpoint: str, also: Sequence[str] = ()) -> Awaitable[None]:
        """Ring the agent's endpoint: variable and Redirect leave at once and in one piece. See :class:`Telephony`."""
        try:
            self._require_ours(channel)
            wanted = actions.offer(offer, channel=channel, endpoint=endpoint, epoch=self._epoch, also=also)
            return _answered(self._client.submit_all(wanted, deadline_s=OFFER_S))
        except KakehashiError as error:
            return _refused(error)

    async def take_back(self, *, channel: ChannelName) -> None:
        """Redirect the caller back to the waiting loop."""
        self._require_ours(channel)
        await self._all(actions.take_back(channel), OFFER_S)

    async def stop_ring(self, *, leg: ChannelName) -> None:
        """Hang up a phone that rings while others ring on. It may have been answered since, so not by old knowledge."""
        self._require_fresh()
        await self._all((actions.stop_ring(leg),), OFFER_S)

    async def fetch_back(self, *, channel: ChannelName) -> None:
        """Redirect a caller from Asterisk's own queue to the waiting loop. Unavailable once a phone rings for them."""
        self._require_fresh()
        if not self._fallen.alone(channel):
            raise Unavailable("Asterisk's own queue rings somebody for this caller")
        await self._all(actions.take_back(channel), OFFER_S)

    async def treat(self, *, channel: ChannelName, treatment: str) -> None:
        """Redirect the caller to a treatment."""
        self._require_ours(channel)
        await self._all((actions.treat(channel, treatment),), ORDINARY_S)

    async def set_variables(self, *, channel: ChannelName, variables: Mapping[str, str]) -> None:
        """Set channel variables."""
        if variables:
            await self._all(actions.set_variables(channel, variables), ORDINARY_S)

    async def hang_up(self, *, channel: ChannelName) -> None:
        """Hang a channel up."""
        await self._all((actions.hang_up(channel),), ORDINARY_S)

    async def mute_recording(self, *, channel: ChannelName, on: bool) -> None:
        """Have recordings on this channel write silence (``on``), or sound again; the proof is its event."""
        await self._all((actions.mute_recording(channel, on=on),), OFFER_S)

    async def packets_received(self, *, channel: ChannelName) -> int:
        """How many packets of sound came in on a channel. Raises NotFound: it is gone, or is none with sound of RTP."""
        reply = await self._client.request(actions.packets_received(channel), deadline_s=OFFER_S)
        counted = reply.headers.get("Value", "")
        if not counted.isdecimal():
            raise NotFound(f"Asterisk counts no packets of {channel}")
        return int(counted)

    async def stop_recording(self, *, channel: ChannelName) -> None:
        """End the recordings on this channel. Raises PeerError when none runs there."""
        await self._all((actions.stop_recording(channel),), OFFER_S)

    async def record_anew(self, *, channel: ChannelName) -> None:
        """Have an agent's leg go on in a further file; its announcement is the proof. The caller hears 0.13 s less."""
        await self._all(actions.record_anew(channel), OFFER_S)
        await asyncio.sleep(KEY_S)
        await self._all((actions.wake(channel),), OFFER_S)

    def _require_ours(self, channel: ChannelName) -> None:
        """Who is in Asterisk's own queue stays there: it may be ringing, or they may talk (cti.ami.fallen)."""
        self._require_fresh()
        if channel in self._fallen:
            raise Unavailable("Asterisk's own queue has this caller")

    async def hold(self, *, caller: ChannelName, agent: ChannelName) -> None:
        """The caller hears music, the agent nothing."""
        await self._move(actions.hold(caller, agent))

    async def fetch(self, *, agent: ChannelName) -> None:
        """The agent takes the held caller back; whoever they talked with meanwhile is cut off, or holds."""
        await self._move(actions.fetch(agent))

    async def consult(self, *, caller: ChannelName, agent: ChannelName, endpoint: str, held: bool) -> None:
        """The agent's leg rings a colleague's endpoint while the caller hears music."""
        await self._move(actions.consult(caller, agent, endpoint, held=held))

    async def ask_outside(self, permit: Permitted, *, caller: ChannelName, agent: ChannelName, held: bool) -> None:
        """The agent's leg rings somebody outside while the caller hears music."""
        await self._move(*actions.ask_outside(caller, agent, self._outside(permit), held=held))

    async def pass_outside(self, permit: Permitted, *, caller: ChannelName, agent: ChannelName) -> None:
        """The caller's own channel rings somebody outside while the agent waits."""
        await self._move(*actions.pass_outside(caller, agent, self._outside(permit)))

    def _outside(self, permit: Permitted) -> actions.Outside:
        return actions.Outside(
            digits=permit.digits,
            shows=permit.shows,
            ring_s=permit.ring_s,
            language=permit.language,
            epoch=self._epoch,
            at=permit.at,
        )

    async def swap(self, *, caller: ChannelName, agent: ChannelName, colleague: ChannelName, to_caller: bool) -> None:
        """The agent changes from the colleague to the caller (``to_caller``), or back."""
        await self._move(actions.swap(caller, agent, colleague, to_caller=to_caller))

    async def join(self, *, caller: ChannelName, colleague: ChannelName, holds: ChannelName) -> None:
        """All three together: ``holds`` is the one of the two who hears music now."""
        await self._move(actions.join(caller, colleague, holds=holds))

    async def hand_over(self, *, caller: ChannelName, colleague: ChannelName) -> None:
        """The caller is the colleague's."""
        await self._move(*actions.hand_over(caller, colleague))

    async def to_queue(self, *, caller: ChannelName, queue: str) -> None:
        """Back to the wait, in that queue."""
        await self._move(*actions.to_queue(caller, queue))

    async def leave(self, *, caller: ChannelName, agent: ChannelName, colleague: ChannelName) -> None:
        """The agent leaves a conference; the two others talk on."""
        await self._move(*actions.leave(caller, agent, colleague))

    async def pass_on(self, offer: Offer, *, channel: ChannelName, endpoint: str) -> None:
        """Ring another agent for a caller who talks; the agent they talk with is out."""
        await self._move(*actions.pass_on(offer, channel=channel, endpoint=endpoint, epoch=self._epoch))

    async def _move(self, *wanted: ActionHeaders) -> None:
        self._require_fresh()
        await self._all(wanted, OFFER_S)

    async def call_back(self, effect_id: str, dialled: str, variables: Mapping[str, str]) -> None:
        """Place a callback's call, once. Raises OutcomeUnknown when it may have been placed."""
        action = actions.call_back(effect_id, dialled, self._epoch, variables)
        await self._all((action,), ORDINARY_S)

    async def effect_mark(self, effect_id: str, *, bar: bool) -> str:
        """What the dialplan wrote beside an effect, "" when it never began; ``bar``: and now never will.

        Only Asterisk's own word that there is nothing counts as nothing: everything else raises.
        """
        if bar:
            await self._all((actions.bar_effect(effect_id),), ORDINARY_S)
        try:
            reply = await self._client.request(actions.effect_mark(effect_id), deadline_s=ORDINARY_S, is_list=True)
        except NotFound:
            return ""
        if not reply.items or not reply.items[0].get("Val"):
            raise PeerError("Asterisk did not say what is written beside an effect")
        return str(reply.items[0]["Val"])

    def _require_fresh(self) -> None:
        """A Redirect takes a caller out of whatever is going on: not by what we knew before we were frozen."""
        if not self._fresh():
            raise Unavailable("no heartbeat was confirmed lately, so callers may not be where we think")

    async def _all(self, wanted: Sequence[ActionHeaders], deadline_s: float) -> None:
        """Send all, then wait for all; the first refusal is raised."""
        await _answered(self._client.submit_all(_signposted(wanted), deadline_s=deadline_s))


def _signposted(wanted: Sequence[ActionHeaders]) -> list[ActionHeaders]:
    """The same, and before each Redirect where it leads, on the channel: who strays on the way looks there (cti-stray).

    An offer that is made in haste has none: its own variable says it.
    """
    found: list[ActionHeaders] = []
    for action in wanted:
        for who in ("", "Extra"):
            if action["Action"] == "Redirect" and f"{who}Channel" in action:
                way = f"{action[f'{who}Context']},{action[f'{who}Exten']},1"
                channel = ChannelName(str(action[f"{who}Channel"]))
                found.append(actions.set_variable("CTI_GO", way, channel=channel))
        found.append(action)
    return found


async def _answered(futures: Sequence[asyncio.Future[Reply]]) -> None:
    """Wait for all answers; the first refusal is raised."""
    await asyncio.gather(*futures)


async def _refused(error: KakehashiError) -> None:
    raise error
