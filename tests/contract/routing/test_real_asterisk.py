"""A real Asterisk behind AMI keeps the contract that routing's tests were written against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cti.demo.phones import PhoneAccount, start_phone
from cti.domain.model import ChannelName
from tests.contract.routing.telephony_contract import TelephonyContract
from tests.e2e.ami.conftest import Server, a_server
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import PHONE_SECRET, Rig, a_rig

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOOK_S = 0.01  # a treatment lasts half a second
PATIENCE_S = 8.0


class AsteriskWorld:
    """The contract's World on a real Asterisk; looks at it with an AMI client that is not the one under test."""

    endpoint = "demo-suzuki"
    other_endpoint = "demo-silent"
    dead_endpoint = "demo-missing"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ami = server.rig.ami
        self.telephony = server.feed.telephony

    async def caller(self) -> ChannelName:
        return ChannelName((await self._server.rig.waiting())["Channel"])

    async def until(self, channel: ChannelName, place: str) -> None:
        seen = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while seen != place:
                    await asyncio.sleep(LOOK_S)
                    seen = await self._place(channel)
        except TimeoutError:
            raise AssertionError(f"the caller is at {seen!r} and not at {place!r}") from None

    async def silent(self, endpoint: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while any(other["Channel"].startswith(f"PJSIP/{endpoint}-") for other in await self._channels()):
                await asyncio.sleep(LOOK_S)

    async def variable(self, channel: ChannelName, name: str) -> str:
        return (await self._ami.action("Getvar", Channel=channel, Variable=name)).get("Value", "")

    async def cut(self) -> None:
        self._server.proxy.cut()
        await self._server.lost()

    async def _channels(self) -> list[Message]:
        return await self._ami.listing("CoreShowChannels", "CoreShowChannelsComplete")

    async def _place(self, channel: ChannelName) -> str:
        channels = {other["Channel"]: other for other in await self._channels()}
        if channel not in channels:
            return "gone"
        match channels[channel]["Context"]:
            case "cti-wait":
                return "waiting"
            case "cti-connect":
                return next(
                    (
                        f"ringing:{name.removeprefix('PJSIP/').rpartition('-')[0]}"
                        for name, other in channels.items()
                        if other["ChannelStateDesc"] == "Ringing"
                    ),
                    "connecting",
                )
            case "cti-treat":
                said = await self.variable(channel, "CTI_TEXT")
                return f"treated:{said.removeprefix('treat-').replace('-', '_')}"
            case other:
                return other


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_rig() -> AsyncIterator[Rig]:
    """One Asterisk for all of them, with a second phone that nobody picks up."""
    async with a_rig() as rig:
        account = PhoneAccount(user="demo-silent", server=rig.server, password=PHONE_SECRET, register=True)
        phone = await start_phone(rig.run, rig.pool, account, name="silent", answer="manual")
        yield rig
        await phone.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_rig: Rig) -> AsyncIterator[AsteriskWorld]:
    """A server of its own; afterwards nobody is on the line."""
    async with a_server(shared_rig) as server:
        yield AsteriskWorld(server)
    for channel in await shared_rig.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
        await shared_rig.ami.action("Hangup", Channel=channel["Channel"])
    await shared_rig.idle()


class TestRealAsterisk(TelephonyContract):
    """The whole suite."""
