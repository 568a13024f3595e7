"""What a page registers with is of its log-in: it outlives server and Asterisk, and nothing of it outlives that."""

from __future__ import annotations

import asyncio

import pytest

from cti.demo.asterisk import start_asterisk
from cti.demo.folders import LOOPBACK
from cti.demo.stack import Stack
from tests.e2e.dialplan.sipstub import StubPhone
from tests.e2e.pages.browser import window
from tests.e2e.softphone.page import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

# What a page says in its console while the server and Asterisk are away.
AWAY = ("ERR_CONNECTION_REFUSED", "WebSocket connection to", "503", "401")


async def test_a_secret_outlives_server_and_asterisk_and_ends_with_its_log_in(desk: Stack, phone: Phone) -> None:
    async def opens(secret: str) -> bool:
        return await StubPhone.opens("demo-sato", secret, (LOOPBACK, desk.ports.sip))

    phone.seen.expected += AWAY
    async with window(phone.browser, language="en") as seen:
        seen.expected += AWAY
        elsewhere = Phone(seen, desk, phone.browser)
        async with seen.page.expect_response(
            lambda answer: answer.url.endswith("/api/my/phone") and answer.request.method == "POST"
        ) as asked:
            await elsewhere.log_in()  # the same agent, another machine: the phone is there now
        secret = (await (await asked.value).json())["secret"]
        assert await opens(secret)
        assert not await opens(desk.agent_secrets["sato"]), "what pjsip.conf has opens for nobody"
        await phone.says("logged in elsewhere")  # it asks Asterisk every 4 s

        assert desk.server is not None
        assert desk.asterisk is not None
        await desk.server.stop()
        await desk.asterisk.stop()
        await elsewhere.says("no connection", 20.0)
        desk.asterisk = await start_asterisk(desk.run)
        await elsewhere.says("Ready for calls", 30.0)  # registered again, with nobody there to ask
        await desk.start_server()
        assert await opens(secret)

        await seen.page.get_by_role("button", name="Log out").click()
        async with asyncio.timeout(20):
            while await opens(secret):
                await asyncio.sleep(0.2)
    # The page of the other tests takes the phone back, which brings nobody else's secret back.
    await phone.seen.page.reload()
    await phone.says("Ready for calls", 20.0)
    assert not await opens(secret)
