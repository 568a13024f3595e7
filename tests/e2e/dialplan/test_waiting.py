"""Waiting, and what becomes of callers when the server dies, freezes, or comes back."""

from __future__ import annotations

import asyncio
import time

import pytest

from cti.demo.tones import RATE_HZ, read_wav, tone_seconds
from tests.e2e.dialplan.rig import AGENT_HZ, MENU_NUMBER, PROMPTS, Rig, samples

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_words_do_not_make_a_dead_server_cost_more(rig: Rig) -> None:
    """The server dies just as a caller begins to hear seven seconds of words: the next look comes right behind them."""
    queued = await rig.waiting()
    since = rig.ami.now
    prompt = f"{rig.settings.directories.sounds}/kakehashi/ja/position-1"
    await rig.ami.setvar("CTI_SAY", "&".join([prompt] * 17), queued["Channel"])
    async with asyncio.timeout(10):
        while (await rig.ami.action("Getvar", Channel=queued["Channel"], Variable="CTI_SAY"))["Value"]:
            await asyncio.sleep(0.05)
    died = time.monotonic()
    rig.beating.clear()
    await rig.ami.user_event("CtiFallback", since=since, CallID=queued["CallID"], deadline_s=15)
    assert time.monotonic() - died < 10


AGI_REFUSED = "Connection refused|FastAGI failed|Connecting to"


async def test_a_waiting_caller_hears_music_and_what_the_server_wants_said(rig: Rig) -> None:
    queued = await rig.waiting()
    started = time.monotonic()
    channel, since = queued["Channel"], rig.ami.now
    prompt = f"{rig.settings.directories.sounds}/kakehashi/ja/position-1"
    await rig.ami.setvar("CTI_SAY", f"{prompt}&{prompt}", channel)
    await rig.caller.send_digits("1#")
    await rig.ami.user_event("CtiKey", since=since, Key="1", CallID=queued["CallID"])
    await rig.ami.user_event("CtiKey", since=since, Key="#")
    await asyncio.sleep(rig.settings.look_s + 2.5)
    said = await rig.ami.action("Getvar", Channel=channel, Variable="CTI_SAY")
    assert said["Value"] == ""
    assert not [e for e in rig.ami.events[since:] if e.get("UserEvent") in ("CtiQueued", "CtiFallback")]
    waited_s = time.monotonic() - started
    await rig.end()
    await rig.caller.wait_for("CALL_CLOSED")
    sound = read_wav(rig.caller.heard()[-1])[0][0]
    assert 0.6 <= tone_seconds(sound, PROMPTS["position-1"]) <= 0.9  # said twice, 0.4 s each
    # Before and after the words there is music: never a whole second of silence.
    tenths = [max(sound[n : n + 800]) > 100 for n in range(0, len(sound) - 800, 800)]
    longest = max(len(run) for run in "".join("x" if loud else " " for loud in tenths).split("x"))
    assert longest < 10
    # Nothing at all was sent in a gap: it would be missing from what the phone wrote.
    assert len(sound) / RATE_HZ > waited_s - 0.5


async def test_a_dead_server_costs_a_caller_ten_seconds_at_most_wherever_the_caller_is(rig: Rig) -> None:
    """Waiting, in a menu that froze, in a menu that was killed, and arriving later: all find the fallback queue."""
    waiting = await rig.waiting()
    rig.menu.mood = "frozen"
    since = rig.ami.now
    frozen = await rig.arrive(number=MENU_NUMBER)
    await asyncio.wait_for(rig.menu.holds.wait(), 5)
    rig.menu.holds.clear()
    killed = await rig.arrive(number=MENU_NUMBER)
    await asyncio.wait_for(rig.menu.holds.wait(), 5)
    died = time.monotonic()
    rig.beating.clear()
    rig.refuse_menus()
    rig.menu.held.pop().transport.abort()
    rig.expected_complaints = AGI_REFUSED
    for event in (waiting, frozen, killed):
        await rig.ami.user_event("CtiFallback", since=since, CallID=event["CallID"], deadline_s=10)
        assert time.monotonic() - died < 10
    late = rig.ami.now
    arriving = await rig.arrive(number=MENU_NUMBER)
    await rig.ami.user_event("CtiFallback", since=late, CallID=arriving["CallID"], deadline_s=1)


async def test_the_fallback_connects_with_recording_and_without_the_server(rig: Rig) -> None:
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    since = rig.ami.now
    arrived = await rig.arrive(number=MENU_NUMBER)
    call_id = arrived["CallID"]
    await rig.ami.user_event("CtiFallback", since=since, CallID=call_id, Queue="members")
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent", CallID=call_id)
    await rig.ami.kind("BridgeEnter", since=since, Channel=arrived["Channel"])
    await asyncio.sleep(1.5)
    await rig.end()
    assert tone_seconds(samples(rig.recordings / f"{recording['File']}-rx.wav"), AGENT_HZ) >= 1
    assert tone_seconds(samples(rig.recordings / f"{call_id}-c.wav"), PROMPTS["fallback-sorry"], share=0.25) >= 0.15


async def test_a_fallback_queue_that_does_not_exist_is_replaced_by_the_numbers_own(rig: Rig) -> None:
    rig.menu.queue = "made-this-morning"
    queued = await rig.waiting(number=MENU_NUMBER)
    assert queued["Queue"] == "made-this-morning"
    since = rig.ami.now
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    rig.expected_complaints = "made-this-morning"
    await rig.ami.redirect(queued["Channel"], "cti-wait")
    await rig.ami.user_event("CtiFallback", since=since, Queue="made-this-morning")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await rig.sato.hangup()
    hangup = await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])
    assert hangup["Cause"] == "16"


async def test_a_fallback_without_anybody_says_so(rig: Rig) -> None:
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    since, seen = rig.ami.now, len(rig.caller.events)
    arrived = await rig.arrive(number="+81501234520")
    assert arrived["Queue"] == "roadside"
    rig.expected_complaints = "Unable to join queue"
    await rig.ami.kind("Hangup", since=since, Channel=arrived["Channel"])
    await rig.caller.wait_for("CALL_CLOSED", since=seen)
    sound = samples(rig.recordings / f"{arrived['CallID']}-c.wav")
    # The English desk: the English voice.
    assert tone_seconds(sound, PROMPTS["treat-nobody-logged-in"] + 25, share=0.25) >= 0.15


async def test_who_waits_in_the_fallback_returns_when_the_server_is_back(rig: Rig) -> None:
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    since, seen = rig.ami.now, len(rig.suzuki.events)
    arrived = await rig.arrive(number="+81501234530")
    call_id = arrived["CallID"]
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    # Nobody answers. A look without a server keeps the caller in the queue, and says nothing again.
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen, count=2)
    fallbacks = [event for event in rig.ami.of_call(call_id, since) if event.get("UserEvent") == "CtiFallback"]
    assert len(fallbacks) == 1
    rig.beating.set()
    await rig.ami.user_event("CtiQueued", since=since, CallID=call_id)
    await rig.end()


async def test_a_menu_that_alone_is_broken_does_not_keep_a_caller_from_routing(rig: Rig) -> None:
    await rig.close_menu()
    rig.expected_complaints = AGI_REFUSED
    started = time.monotonic()
    queued = await rig.waiting(number=MENU_NUMBER)
    assert queued["Queue"] == "members"
    assert time.monotonic() - started < 10
    await rig.end()


async def test_a_menu_that_freezes_after_its_last_act_is_not_heard_again(rig: Rig) -> None:
    """The caller goes on with what was said: to the queue of the menu, or to the end that it chose."""
    rig.menu.mood, rig.menu.queue = "lingers", "slow"
    since, asked = rig.ami.now, len(rig.menu.requests)
    lingering = await rig.arrive(number=MENU_NUMBER)
    await asyncio.wait_for(rig.menu.holds.wait(), 5)
    rig.menu.holds.clear()
    rig.menu.mood = "treats"
    treated = await rig.arrive(number=MENU_NUMBER)
    await asyncio.wait_for(rig.menu.holds.wait(), 5)
    queued = await rig.ami.user_event("CtiQueued", since=since, CallID=lingering["CallID"])
    assert queued["Queue"] == "slow"
    hangup = await rig.ami.kind("Hangup", since=since, Channel=treated["Channel"])
    assert hangup["Cause"] == "16"
    assert len(rig.menu.requests) == asked + 2
    await rig.ami.action("Hangup", Channel=lingering["Channel"])
    await rig.idle()
    heard = {event["CallID"]: samples(rig.recordings / f"{event['CallID']}-c.wav") for event in (treated, lingering)}
    assert tone_seconds(heard[treated["CallID"]], PROMPTS["treat-goodbye"], share=0.25) >= 0.15
    assert tone_seconds(heard[lingering["CallID"]], PROMPTS["please-hold"], share=0.25) < 0.05


async def test_a_frozen_server_is_not_even_asked(rig: Rig) -> None:
    rig.menu.mood = "frozen"
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    since, asked = rig.ami.now, len(rig.menu.requests)
    arrived = await rig.arrive(number=MENU_NUMBER)
    await rig.ami.user_event("CtiFallback", since=since, CallID=arrived["CallID"], deadline_s=1)
    assert len(rig.menu.requests) == asked


async def test_a_clock_set_back_does_not_make_a_dead_server_look_alive(rig: Rig) -> None:
    rig.beating.clear()
    await rig.beat_once(age_s=-3600)
    since = rig.ami.now
    arrived = await rig.arrive()
    await rig.ami.user_event("CtiFallback", since=since, CallID=arrived["CallID"])


async def test_a_reload_forgets_neither_heartbeat_nor_epoch(rig: Rig) -> None:
    since = rig.ami.now
    queued = await rig.waiting()
    await rig.asterisk.cli("dialplan reload")
    epoch = await rig.ami.action("Getvar", Variable="CTI_EPOCH")
    beat = await rig.ami.action("Getvar", Variable="CTI_BEAT")
    assert epoch["Value"] == "7"
    assert abs(int(beat["Value"]) - time.time()) < 4
    assert [e["UserEvent"] for e in rig.ami.of_call(queued["CallID"], since) if e.get("UserEvent")][-1] == "CtiQueued"
    await rig.end()


async def test_words_of_the_desk_without_a_sound_are_the_standard_ones(rig: Rig) -> None:
    """A file that is missing costs the caller the desk's own words, and not all words."""
    rig.expected_complaints = "t-missing"
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.ami.setvar("CTI_OWN_TEXT", "t-missing", queued["Channel"])
    await rig.ami.redirect(queued["Channel"], "cti-treat", "closed")
    await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])
    await rig.idle()
    sound = samples(rig.recordings / f"{queued['CallID']}-c.wav")
    assert tone_seconds(sound, PROMPTS["treat-closed"], share=0.25) >= 0.15
