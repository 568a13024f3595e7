"""Who stands at a step that does not exist is where they were sent a moment later, and is never hung up on.

How a Redirect leaves a channel there is a matter of microseconds (``scripts/soak strays`` meets it once in some 1,000
tries); here they are put there: an extension's priority 77.
"""

from __future__ import annotations

import pytest

from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import EPOCH, Rig

pytestmark = pytest.mark.asyncio(loop_scope="package")

OFFER = "0b" * 16


async def _astray(rig: Rig, queued: Message, context: str, exten: str) -> int:
    """The place in the events before it."""
    since = rig.ami.now
    where = {"Context": context, "Exten": exten, "Priority": "77"}
    answer = await rig.ami.action("Redirect", Channel=queued["Channel"], **where)
    assert answer["Response"] == "Success", answer
    await rig.ami.user_event("CtiStrayed", since=since, CallID=queued["CallID"])
    return since


async def test_a_caller_whose_offer_went_astray_is_connected_all_the_same(rig: Rig) -> None:
    queued = await rig.waiting()
    await rig.ami.setvar("CTI_OFFER", f"{OFFER}|{EPOCH}|demo-sato|5", queued["Channel"])
    since = await _astray(rig, queued, "cti-connect", OFFER)
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await rig.end()


async def test_a_caller_is_where_the_last_redirect_led_or_waits_again(rig: Rig) -> None:
    queued = await rig.waiting()
    since = await _astray(rig, queued, "cti-hold", "no-such-extension")
    await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    await rig.ami.setvar("CTI_GO", "cti-hold,s,1", queued["Channel"])
    since = await _astray(rig, queued, "cti-wait", "s")
    await rig.ami.user_event("CtiHeld", since=since, CallID=queued["CallID"])
    await rig.end()
