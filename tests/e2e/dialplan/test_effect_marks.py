"""What the dialplan wrote beside an order, as the server reads it: with the least rights, and Asterisk's own word."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cti.ami import actions
from cti.ami.client import AmiClient, AmiSettings
from cti.ami.telephony import AmiTelephony
from tests.e2e.dialplan.rig import EPOCH, PLAIN_NUMBER, SECRET, Rig

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def telephony(rig: Rig) -> AsyncIterator[AmiTelephony]:
    """The server's own door, beside the rig's."""
    settings = AmiSettings(host="127.0.0.1", port=rig.settings.ami_port, username=rig.settings.ami_user, secret=SECRET)
    client = AmiClient(settings, wanted=(), on_frame=lambda _: None)
    await client.start()
    try:
        await client.wait_up(10)
        yield AmiTelephony(client, epoch=EPOCH)
    finally:
        await client.stop()


def order() -> dict[str, str]:
    """What comes with a callback's call; nobody of its queue is there."""
    return {
        "id": uuid.uuid4().hex,
        "call": str(uuid.uuid4()),
        "tenant": "demo",
        "queue": "roadside",
        "number": PLAIN_NUMBER,
        "from": "05012345010",
        "lang": "ja",
        "t0": str(int(time.time())),
        "ring": "5",
    }


async def test_an_order_that_was_begun_is_seen_after_the_servers_death(rig: Rig, telephony: AmiTelephony) -> None:
    effect, said = uuid.uuid4().hex, order()
    assert await telephony.effect_mark(effect, bar=False) == ""
    since = rig.ami.now
    await telephony.call_back(effect, "09012345678", said)
    await rig.ami.user_event("CtiArrived", since=since, CallID=said["call"])
    # A server that comes later was told nothing of it: it bars the id and reads.
    assert await telephony.effect_mark(effect, bar=True) == "begun"
    assert f"/cti-effect/{effect}" in await rig.asterisk.cli(f"database showkey {effect}")


async def test_an_order_that_was_barred_before_it_came_is_void(rig: Rig, telephony: AmiTelephony) -> None:
    effect = uuid.uuid4().hex
    assert await telephony.effect_mark(effect, bar=True) == ""
    since = rig.ami.now
    await telephony.call_back(effect, "09012345678", order())
    await rig.ami.kind("Hangup", since=since, Context="cti-callback")
    assert await telephony.effect_mark(effect, bar=False) == "void"
    assert [event for event in rig.ami.events[since:] if event.get("UserEvent") == "CtiArrived"] == []


async def test_the_way_that_looked_right_says_nothing(rig: Rig) -> None:
    """Why DBGet: Getvar answers "Success" and an empty value, whatever is written."""
    effect = uuid.uuid4().hex
    await rig.asterisk.cli(f"database put cti-effect {effect} talking")
    answer = await rig.ami.action("Getvar", Variable=f"DB(cti-effect/{effect})")
    assert (answer["Response"], answer["Value"]) == ("Success", "")
    asked = {name: str(value) for name, value in actions.effect_mark(effect).items()}
    (read,) = await rig.ami.listing(asked.pop("Action"), "DBGetComplete", **asked)
    assert read["Val"] == "talking"
    rig.expected_complaints = "Dangerous function DB read blocked"
