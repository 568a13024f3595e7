"""Hold, consultation and conference in the dialplan alone: who hears whom, and where all end without a server."""

from __future__ import annotations

import asyncio
import contextlib
import time
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cti.demo.phones import Baresip
from cti.demo.tones import RATE_HZ, read_wav, tone_seconds
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, EPOCH, Rig, samples

pytestmark = pytest.mark.asyncio(loop_scope="package")

SECOND_HZ = 700
# A step of talk: long enough to find a tone in, with half of it left when its edges are taken off.
SPELL_S = 0.6
EDGE_S = 0.2
# For phones and files on a busy machine: a phone begins to send, and loses what it could not play, as it gets to it.
PATIENCE_S = 10.0
TONES = {"C": CALLER_HZ, "A": AGENT_HZ, "B": SECOND_HZ}
HEADER_BYTES = 44


@dataclass
class Talk:
    """A caller (C), the agent who has them (A), and the colleague (B) once asked."""

    rig: Rig
    call_id: str
    caller: str
    agent: str
    colleague: str = ""
    spells: list[tuple[str, float, float]] = field(default_factory=list)  # who hears whom, from, to

    async def spell(self, picture: str) -> None:
        """Let it go on like this until it was heard and recorded for a while; compared with ``picture`` at the end."""
        began = await self.clock()
        marks = {who: self._mark(who) for group in picture.split("|") for who in group}
        await asyncio.sleep(SPELL_S + EDGE_S)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while missing := self._missing(picture, marks, began):
            assert loop.time() < deadline, (picture, missing)
            await asyncio.sleep(0.1)
        self.spells.append((picture, began, await self.clock()))

    def _mark(self, who: str) -> tuple[Path, int]:
        """A phone's newest file of what it hears, and how much is in it."""
        path = self.phones[who].heard()[-1]
        return path, path.stat().st_size

    def _missing(self, picture: str, marks: Mapping[str, tuple[Path, int]], began: float) -> str:
        """What was not yet heard, or recorded, for long enough since then; "" when all was."""
        for who, (marked, size) in marks.items():
            path, _ = self._mark(who)
            sound = growing(path, size if path == marked else 0)
            for other in set(group_of(who, picture)) - {who}:
                if (heard_s := tone_seconds(sound, TONES[other], share=0.15)) < SPELL_S + EDGE_S:
                    return f"{who} hears {other} for {heard_s:.1f} s"
        for who, path, zero in self._files():
            if group_of(who, picture):
                said = window(growing(path), began - zero, float("inf"))
                if (said_s := tone_seconds(said, TONES[who])) < SPELL_S + EDGE_S:
                    return f"{who} is recorded for {said_s:.1f} s"
        return ""

    @property
    def phones(self) -> dict[str, Baresip]:
        return {"C": self.rig.caller, "A": self.rig.sato, "B": self.rig.suzuki}

    def _files(self) -> Iterator[tuple[str, Path, float]]:
        """Who said what is in which file, and when it begins, by Asterisk's clock."""
        for event in self.rig.ami.of_call(self.call_id):
            if event.get("UserEvent") == "CtiRecording":
                who = {self.caller: "C", self.agent: "A", self.colleague: "B"}[event["Channel"]]
                yield who, self.rig.recordings / f"{event['File']}-rx.wav", float(event["Timestamp"])

    async def clock(self) -> float:
        """Asterisk's own time."""
        answer = await self.rig.ami.action("Ping")
        return float(answer["Timestamp"])

    async def both(self, first: str, to: str, second: str, also: str) -> int:
        """Redirect two channels of one bridge; the position in the events before it."""
        since = self.rig.ami.now
        context, _, exten = to.partition(",")
        other, _, other_exten = also.partition(",")
        answer = await self.rig.ami.action(
            "Redirect", Channel=first, Context=context, Exten=exten or "s", Priority="1",
            ExtraChannel=second, ExtraContext=other, ExtraExten=other_exten or "s", ExtraPriority="1",
        )  # fmt: skip
        assert answer["Response"] == "Success", answer
        return since

    async def hold(self) -> None:
        since = await self.both(self.caller, "cti-hold", self.agent, "cti-parked")
        await self.rig.ami.user_event("CtiHeld", since=since, CallID=self.call_id)
        await self.rig.ami.user_event("CtiParked", since=since, CallID=self.call_id)

    async def resume(self) -> None:
        since = self.rig.ami.now
        await self.rig.ami.redirect(self.agent, "cti-return")
        await self.together(since, self.caller, self.agent)

    async def consult(self, *, answer: bool = True) -> None:
        seen = len(self.rig.suzuki.events)
        since = await self.both(self.caller, "cti-hold", self.agent, "cti-consult,demo-suzuki")
        began = await self.rig.ami.kind("DialBegin", since=since)
        assert began["Channel"] == self.agent
        assert began["Dest.CTI_CALL_ID"] in ("", self.call_id)
        self.colleague = began["DestChannel"]
        await self.rig.suzuki.wait_for("CALL_INCOMING", since=seen)
        if answer:
            await self.rig.suzuki.accept()
            recording = await self.rig.ami.user_event("CtiRecording", since=since, Side="agent")
            assert recording["File"] == f"{self.call_id}-a-{began['DestUniqueid']}"
            await self.together(since, self.agent, self.colleague)
            await self.speaks(recording["File"])

    async def speaks(self, name: str) -> None:
        """A phone that has just answered on a busy machine begins to send sound when it gets to it."""
        path = self.rig.recordings / f"{name}-rx.wav"
        async with asyncio.timeout(6):
            while not path.exists() or path.stat().st_size < 2 * RATE_HZ * EDGE_S:
                await asyncio.sleep(0.02)

    async def swap(self, *, to_caller: bool) -> None:
        if to_caller:
            since = await self.both(self.agent, "cti-return", self.colleague, "cti-target")
            await self.together(since, self.caller, self.agent)
        else:
            since = await self.both(self.caller, "cti-hold", self.agent, "cti-again")
            await self.together(since, self.agent, self.colleague)

    async def hand_over(self) -> None:
        await self.rig.ami.setvar("CTI_PEER", self.colleague, self.caller)
        since = self.rig.ami.now
        await self.rig.ami.redirect(self.caller, "cti-talk")
        await self.together(since, self.caller, self.colleague)

    async def join(self) -> None:
        since = self.rig.ami.now
        await self.rig.ami.redirect(self.caller, "cti-join")
        await self.rig.ami.kind("BridgeEnter", since=since, Channel=self.caller)

    async def hang_up(self, channel: str, *, cause: str = "16") -> int:
        since = self.rig.ami.now
        await self.rig.ami.action("Hangup", Channel=channel, Cause=cause)
        await self.rig.ami.kind("Hangup", since=since, Channel=channel)
        return since

    async def together(self, since: int, *channels: str) -> None:
        """Wait until these are in one bridge."""
        deadline = asyncio.get_running_loop().time() + 6
        while True:
            where = {}
            for event in self.rig.ami.events:
                if event["Event"] == "BridgeEnter":
                    where[event["Channel"]] = event["BridgeUniqueid"]
                elif event["Event"] == "BridgeLeave" and where.get(event["Channel"]) == event["BridgeUniqueid"]:
                    del where[event["Channel"]]
            if len({where.get(channel) for channel in channels}) == 1 and channels[0] in where:
                return
            assert asyncio.get_running_loop().time() < deadline, (channels, where)
            await asyncio.sleep(0.02)

    async def check(self) -> None:
        """What each phone heard, and that what each party said is in its own recording, against the pictures.

        Judged by the phones: Asterisk's own file of what a leg *hears* loses sound when the other side changes.
        """
        for who, phone in self.phones.items():
            if who == "B" and not self.colleague:
                continue
            heard = await self.complete(phone.heard()[-1])
            for other in TONES.keys() - {who}:
                together = [1 for picture, _, _ in self.spells if {who, other} <= set(group_of(who, picture))]
                heard_s = tone_seconds(heard, TONES[other], share=0.15)
                if together:
                    assert heard_s >= len(together) * SPELL_S, (f"{who} hears {other}", heard_s, self.spells)
                elif {who, other} != {"C", "A"}:  # those two talk before anything else happens
                    assert heard_s < 0.15, (f"{who} hears {other}", heard_s, self.spells)
        for who, path, zero in self._files():
            said = samples(path)
            for picture, began, ended in self.spells:
                if group_of(who, picture):
                    said_s = tone_seconds(window(said, began - zero, ended - zero), TONES[who])
                    assert said_s >= SPELL_S, (picture, f"{who} is recorded", said_s)

    async def complete(self, path: Path) -> Sequence[int]:
        """A phone closes its file a moment after the call."""
        async with asyncio.timeout(3):
            while True:
                with contextlib.suppress(wave.Error, EOFError):
                    return read_wav(path)[0][0]
                await asyncio.sleep(0.05)


def group_of(who: str, picture: str) -> str:
    """With whom; "" for who is not on the line."""
    return next((group for group in picture.split("|") if who in group), "")


def window(sound: Sequence[int], began_s: float, ended_s: float) -> Sequence[int]:
    return sound[round(max(0.0, began_s) * RATE_HZ) : round(min(ended_s * RATE_HZ, len(sound)))]


def growing(path: Path, begin: int = HEADER_BYTES) -> Sequence[int]:
    """The samples of a file that is still being written, from this byte on: its header tells no length yet."""
    if not path.exists():
        return ()
    data = path.read_bytes()[max(begin, HEADER_BYTES) :]
    return memoryview(data[: len(data) // 2 * 2]).cast("h").tolist()


async def talking(rig: Rig) -> Talk:
    queued: Message = await rig.waiting()
    since = rig.ami.now
    await rig.offer(queued, "sato")
    began = await rig.ami.kind("DialBegin", since=since)
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    return Talk(rig, queued["CallID"], queued["Channel"], began["DestChannel"])


async def test_hold_and_resume(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.spell("CA")
    await talk.hold()
    await talk.spell("C|A")
    await talk.resume()
    await talk.spell("CA")
    await talk.hold()
    await talk.resume()
    await talk.spell("CA")
    await rig.end()
    await talk.check()


async def test_a_consultation_that_is_completed(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.spell("C|AB")
    await talk.hand_over()
    ended = await rig.ami.kind("Hangup", since=0, Channel=talk.agent)
    assert ended["Cause"] == "16"
    await talk.spell("CB")
    since, seen = rig.ami.now, len(rig.caller.events)
    await rig.suzuki.hangup()
    await rig.ami.kind("Hangup", since=since, Channel=talk.caller)
    await rig.caller.wait_for("CALL_CLOSED", since=seen)
    await rig.idle()
    await talk.check()


async def test_the_caller_is_taken_back(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.spell("C|AB")
    since = await talk.hang_up(talk.colleague)
    await rig.ami.user_event("CtiConsultEnded", since=since, Status="ANSWER")
    await talk.together(since, talk.caller, talk.agent)
    await talk.spell("CA")
    await rig.end()
    await talk.check()


async def test_the_colleague_is_not_waited_for(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult(answer=False)
    seen = len(rig.suzuki.events)
    await talk.resume()
    await rig.suzuki.wait_for("CALL_CLOSED", since=seen)
    await talk.spell("CA")
    await rig.end()
    talk.colleague = ""
    await talk.check()


async def test_the_colleague_declines(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult(answer=False)
    since = rig.ami.now
    await rig.suzuki.hangup()
    ended = await rig.ami.user_event("CtiConsultEnded", since=since)
    assert ended["Status"] in ("BUSY", "CHANUNAVAIL", "NOANSWER")
    await talk.together(since, talk.caller, talk.agent)
    await talk.spell("CA")
    await rig.end()
    talk.colleague = ""  # heard nothing
    await talk.check()


async def test_swapping_to_and_fro(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.swap(to_caller=True)
    await talk.spell("CA|B")
    await talk.swap(to_caller=False)
    await talk.spell("C|AB")
    await talk.swap(to_caller=True)
    await talk.spell("CA|B")
    await talk.hand_over()
    await talk.spell("CB")
    await rig.end()
    await talk.check()


@pytest.mark.parametrize("leaves", ["C", "A", "B"])
async def test_whoever_leaves_a_conference_first_leaves_two_talking(rig: Rig, leaves: str) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.join()
    await talk.spell("CAB")
    await talk.phones[leaves].hangup()
    await talk.spell("CAB".replace(leaves, ""))
    rest = next(phone for who, phone in talk.phones.items() if who != leaves)
    await rest.hangup()
    await rig.idle()
    await talk.check()


async def test_who_was_lost_early_in_a_conference_does_not_keep_its_caller(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.join()
    await talk.hang_up(talk.agent, cause="44")
    await asyncio.sleep(1.1)  # a leg's last word carries a whole second
    since, seen = rig.ami.now, len(rig.caller.events)
    await rig.suzuki.hangup()
    await rig.caller.wait_for("CALL_CLOSED", since=seen)
    await rig.idle()
    assert not [event for event in rig.ami.events[since:] if event.get("UserEvent") == "CtiQueued"]


async def test_a_caller_whose_conference_ends_with_a_lost_agent_waits_again(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.join()
    await talk.hang_up(talk.agent)
    await asyncio.sleep(1.1)
    since = await talk.hang_up(talk.colleague, cause="44")
    await rig.ami.user_event("CtiQueued", since=since, CallID=talk.call_id)
    await rig.end()


async def test_a_swapped_colleague_joins(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.swap(to_caller=True)
    since = rig.ami.now
    await rig.ami.redirect(talk.colleague, "cti-third")
    await rig.ami.kind("BridgeEnter", since=since, Channel=talk.colleague)
    await talk.spell("CAB")
    await rig.caller.hangup()
    await talk.spell("AB")
    await rig.suzuki.hangup()
    await rig.idle()
    await talk.check()


async def test_an_agent_who_hangs_up_in_the_consultation_hands_the_caller_over(rig: Rig) -> None:
    """Nobody tells the dialplan to: no server is asked."""
    talk = await talking(rig)
    await talk.consult()
    await talk.spell("C|AB")
    since = rig.ami.now
    await rig.sato.hangup()
    await talk.together(since, talk.caller, talk.colleague)
    await talk.spell("CB")
    await rig.end()
    await talk.check()


async def test_an_agent_who_hangs_up_while_the_colleague_holds_hands_the_caller_over(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    await talk.spell("C|AB")
    await talk.swap(to_caller=True)
    since = rig.ami.now
    await rig.sato.hangup()
    await talk.together(since, talk.caller, talk.colleague)
    await talk.spell("CB")
    await rig.end()
    await talk.check()


@pytest.mark.parametrize("colleague_rings", [False, True])
async def test_an_agent_who_hangs_up_on_a_held_caller_sends_them_back_to_the_wait(
    rig: Rig, colleague_rings: bool
) -> None:
    talk = await talking(rig)
    await (talk.consult(answer=False) if colleague_rings else talk.hold())
    since = rig.ami.now
    await rig.sato.hangup()
    await rig.ami.user_event("CtiQueued", since=since, CallID=talk.call_id)
    # The leg that ended told them: nobody on hold had to look twice, 2 s apart, while music played on.
    assert (await rig.ami.action("Getvar", Channel=talk.caller, Variable="CTI_ALONE"))["Value"] == "0"


async def test_a_caller_who_hangs_up_on_hold_leaves_the_agents_talking(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.consult()
    seen = len(rig.sato.events)
    since = rig.ami.now
    await rig.caller.hangup()
    await rig.ami.kind("Hangup", since=since, Channel=talk.caller)
    await talk.spell("AB")
    await rig.suzuki.hangup()
    await rig.sato.wait_for("CALL_CLOSED", since=seen)
    await rig.idle()
    await talk.check()


async def test_without_a_server_a_held_caller_is_given_back(rig: Rig) -> None:
    talk = await talking(rig)
    await talk.hold()
    since = rig.ami.now
    rig.beating.clear()
    await rig.beat_once(age_s=60)
    await talk.together(since, talk.caller, talk.agent)
    await talk.spell("CA")
    await rig.end()
    await talk.check()


async def test_a_caller_passed_on_to_a_queue_keeps_their_age(rig: Rig) -> None:
    talk = await talking(rig)
    t0 = (await rig.ami.action("Getvar", Channel=talk.caller, Variable="CTI_T0"))["Value"]
    since, seen = rig.ami.now, len(rig.sato.events)
    for name, value in (("CTI_PEER", ""), ("CTI_SECOND", ""), ("CTI_QUEUE", "slow")):
        await rig.ami.setvar(name, value, talk.caller)
    await rig.ami.redirect(talk.caller, "cti-wait")
    queued = await rig.ami.user_event("CtiQueued", since=since, CallID=talk.call_id)
    assert queued["Queue"] == "slow"
    await rig.sato.wait_for("CALL_CLOSED", since=seen)
    assert (await rig.ami.action("Getvar", Channel=talk.caller, Variable="CTI_T0"))["Value"] == t0


PERSON, ANOTHER, PREMIUM = "09011112222", "09033334444", "0990123456"


def a_permit(number: str = PERSON, *, epoch: str = EPOCH, age_s: int = 0) -> str:
    """As the server writes it (cti.ami.actions)."""
    return f"{number}|+81501234500|5|ja|{epoch}|{int(time.time()) - age_s}"


async def test_somebody_outside_is_dialled_once_and_by_nothing_but_a_permit_of_now(rig: Rig) -> None:
    """Toll fraud, and the deaths of a server between its permit and its Redirect: nobody is rung."""
    talk = await talking(rig)

    async def asked(permit: str | None, exten: str = "s", on: str = "") -> str:
        """How it ended for the agent, who has the caller again."""
        if permit is not None:
            await rig.ami.setvar("CTI_OUT", permit, on or talk.agent)
        since = await talk.both(talk.caller, "cti-hold", talk.agent, f"cti-ask-out,{exten}")
        ended = await rig.ami.user_event("CtiConsultEnded", since=since)
        await talk.together(since, talk.caller, talk.agent)
        return ended["Status"]

    def dialled() -> int:
        return rig.outside.seen.count("INVITE")

    before = dialled()
    assert await asked(a_permit()) == "BUSY"
    assert (dialled(), rig.outside.invite.split()[1].partition("@")[0]) == (before + 1, f"sip:{PERSON}")
    before = dialled()
    refused = {
        "used twice": await asked(None),
        "used, by the way round the permit": await asked(None, "dial"),
        "used, for another number": await asked(None, ANOTHER),
        "not read, for another number": await asked(a_permit(), ANOTHER),
        "for a number that nobody dials": await asked(a_permit(PREMIUM)),
        "some time later: the server froze": await asked(a_permit(age_s=60)),
        "from the future": await asked(a_permit(age_s=-60)),
        "of the server that died and was started again": await asked(a_permit(epoch="6")),
        "as an older server writes it": await asked(a_permit().rpartition("|")[0]),
    }
    assert refused == dict.fromkeys(refused, "REFUSED")
    await rig.ami.setvar("CTI_OUT", "", talk.agent)  # "not read": that one is good still
    assert await asked(a_permit(), on=talk.caller) == "REFUSED", "another channel's"
    since = await talk.both(talk.caller, "cti-ask-out", talk.agent, "cti-parked")
    await rig.ami.user_event("CtiConsultEnded", since=since, Status="REFUSED")
    await rig.end()
    assert dialled() == before


async def test_a_caller_is_passed_outside_once_and_by_their_own_permit(rig: Rig) -> None:
    talk = await talking(rig)

    async def passed(permit: str | None, exten: str = "s", on: str = "") -> None:
        """Given back to the agent."""
        if permit is not None:
            await rig.ami.setvar("CTI_OUT", permit, on or talk.caller)
        since = await talk.both(talk.caller, f"cti-pass-out,{exten}", talk.agent, "cti-passing")
        for channel in (talk.caller, talk.agent):
            await rig.ami.kind("BridgeEnter", since=since, Channel=channel)

    before = rig.outside.seen.count("INVITE")
    await passed(a_permit())
    assert rig.outside.seen.count("INVITE") == before + 1
    for permit, exten, on in (
        (None, "s", ""), (None, "dial", ""), (None, ANOTHER, ""), (a_permit(), "s", talk.agent),
        (a_permit(age_s=60), "s", ""), (a_permit(epoch="6"), "s", ""),
    ):  # fmt: skip
        await passed(permit, exten, on)
    await rig.end()
    assert rig.outside.seen.count("INVITE") == before + 1
