"""The secret of a phone in a browser, in Asterisk's own database: it opens for one, and for nobody when it is gone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from cti.ami import actions
from cti.ami.phonesecrets import mark_of
from cti.demo.phones import PhoneAccount, start_phone
from tests.e2e.dialplan.rig import EPOCH, PHONE_SECRET, Rig
from tests.e2e.dialplan.sipstub import StubPhone

pytestmark = pytest.mark.asyncio(loop_scope="package")

ENDPOINT = "demo-page"
FIRST, SECOND = "0f" * 20, "1e" * 20


async def put(rig: Rig, secret: str, *, epoch: str = EPOCH) -> None:
    """As the server does it; returns when the dialplan's channel is gone."""
    action = dict(actions.phone_secret(ENDPOINT, secret, mark_of(secret), epoch))
    since = rig.ami.now
    await rig.ami.action(str(action.pop("Action")), **{name: str(value) for name, value in action.items()})
    await rig.ami.kind("Hangup", since=since, Context="cti-secret", ChannelState="4")


async def mark(rig: Rig) -> str:
    answer = await rig.ami.action("Getvar", Variable=f"CTI_SECRET_OF_{ENDPOINT}")
    return answer["Value"]


async def opens(rig: Rig, *secrets: str) -> list[bool]:
    server = ("127.0.0.1", rig.settings.sip_port)
    return [await StubPhone.opens(ENDPOINT, secret, server) for secret in secrets]


@contextlib.asynccontextmanager
async def left_without(rig: Rig) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await put(rig, "")


async def test_a_secret_opens_while_it_is_there_and_the_files_own_does_not(rig: Rig) -> None:
    async with left_without(rig):
        assert await opens(rig, PHONE_SECRET, FIRST) == [True, False]
        await put(rig, FIRST)
        assert await mark(rig) == mark_of(FIRST)
        assert await opens(rig, PHONE_SECRET, FIRST, SECOND) == [False, True, False]
        await put(rig, SECOND)  # the same agent, logged in elsewhere
        assert await opens(rig, FIRST, SECOND) == [False, True]
        await rig.asterisk.cli("module reload res_pjsip.so")
        assert await opens(rig, FIRST, SECOND) == [False, True]
        await put(rig, "")
        assert await mark(rig) == mark_of("")
        assert await opens(rig, FIRST, SECOND) == [False, False]


async def test_a_server_that_is_not_in_charge_writes_none(rig: Rig) -> None:
    async with left_without(rig):
        await put(rig, FIRST)
        for secret in (SECOND, ""):
            await put(rig, secret, epoch="6")
            assert await mark(rig) == mark_of(FIRST)
        assert await opens(rig, FIRST, SECOND) == [True, False]


async def test_who_logs_out_in_mid_call_can_hang_up(rig: Rig) -> None:
    """Asterisk asks nobody for a secret inside a call, so nothing has to wait for its end."""
    async with left_without(rig):
        await put(rig, FIRST)
        account = PhoneAccount(user=ENDPOINT, server=rig.server, password=FIRST, register=True)
        phone = await start_phone(rig.run, rig.pool, account, name="page", answer="auto")
        try:
            queued = await rig.waiting()
            since = rig.ami.now
            await rig.offer(queued, "page", offer="0e" * 16)
            await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
            await put(rig, "")
            since = rig.ami.now
            await phone.hangup()
            ended = await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])
            assert ended["Cause"] == "16"
        finally:
            await phone.stop()
