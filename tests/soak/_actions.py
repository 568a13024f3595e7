"""What an agent does with the phone in their page, and the sound that must follow: who hears whom, and who not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.soak._centre import AUTO, NUMBER, PERSON, QUEUE, Agent, Caller, Centre
from tests.soak._ears import CALLERS_HZ, PERSON_HZ, CallerEar, Ear, hears

# Sound follows a click within a second; on two cores that do other things as well in some.
SOON_S = 10.0


async def together(*pairs: tuple[Ear, set[int]], since: float, within_s: float = SOON_S) -> float:
    """Seconds until each hears exactly these. Raises TimeoutError."""
    took = await asyncio.gather(*(hears(ear, tones, since=since, within_s=within_s) for ear, tones in pairs))
    return max(took)


async def talk(agent: Agent, caller: Caller, since: float, within_s: float = SOON_S) -> float:
    """Seconds until these two, and nobody else, hear each other."""
    return await together((caller.ear, {agent.hz}), (agent.ear, {caller.hz}), since=since, within_s=within_s)


async def answered(agent: Agent, caller: Caller) -> None:
    """It rings, is answered, and both hear each other."""
    await agent.answer()
    await talk(agent, caller, time.time())
    await agent.shows("Talking with the caller")


async def asked(first: Agent, second: Agent, caller: Caller) -> None:
    """The first asks the second, while the caller waits; those two hear each other."""
    await first.does("Ask a colleague", second.name)
    await first.shows("phone rings")
    await second.answer()
    await first.shows(f"you talk with {second.name}")
    await together((first.ear, {second.hz}), (second.ear, {first.hz}), since=time.time())
    assert caller.hz not in (await first.ear.look())[-1].tones


@asynccontextmanager
async def talking(centre: Centre) -> AsyncIterator[tuple[Agent, Caller]]:
    """The first agent, alone available, talks with a caller."""
    agent = centre.agents[0]
    await centre.available(agent)
    async with centre.caller() as caller:
        await answered(agent, caller)
        yield agent, caller


@asynccontextmanager
async def asking(centre: Centre) -> AsyncIterator[tuple[Agent, Agent, Caller]]:
    """The first agent has asked the second, who answered, while the caller waits."""
    second = centre.agents[1]
    async with talking(centre) as (first, caller):
        await asked(first, second, caller)
        yield first, second, caller


async def ring_answer_hang_up(centre: Centre) -> None:
    """Rings, answered by a person, both heard, the agent hangs up."""
    async with talking(centre) as (agent, caller):
        await agent.phone.press("Hang up")
        await caller.phone.wait_for("CALL_CLOSED")
    await agent.phone.says("Ready for calls")


async def caller_hangs_up(centre: Centre) -> None:
    """The caller ends it; the page is ready again."""
    async with talking(centre) as (agent, caller):
        await caller.hang_up()
        await agent.phone.says("Ready for calls")


async def answers_by_itself(centre: Centre) -> None:
    """A call of a queue that is answered without hands."""
    agent = centre.agents[0]
    await centre.available(agent)
    async with centre.caller(AUTO) as caller:
        await agent.phone.says("On the line", 20.0)
        await talk(agent, caller, time.time())


async def mute(centre: Centre) -> None:
    """The caller hears nobody, and then the agent again; the agent hears the caller all the while."""
    async with talking(centre) as (agent, caller):
        await agent.phone.press("Mute")
        await together((caller.ear, set()), (agent.ear, {caller.hz}), since=time.time() + 0.3)
        await agent.phone.press("Mute")
        await talk(agent, caller, time.time())


async def hold(centre: Centre) -> None:
    """Neither hears the other; fetched back, both do."""
    async with talking(centre) as (agent, caller):
        await agent.does("Hold")
        await agent.shows("on hold")
        await hears(agent.ear, set(), since=time.time(), within_s=SOON_S)
        await apart(caller, agent)
        await agent.does("Resume")
        await talk(agent, caller, time.time())


async def apart(caller: Caller, *agents: Agent) -> None:
    """The caller hears none of them for a second; music is none of them."""
    await asyncio.sleep(1.0)  # sound takes the time it takes
    last = [one for one in await caller.ear.look() if one.at > time.time() - 0.8]
    assert last, "the caller hears nothing at all, not even music"
    wrong = [one for one in last if one.tones & {agent.hz for agent in agents}]
    assert len(wrong) <= 1, f"the caller hears an agent in {len(wrong)} of {len(last)} tenths of a second"


async def keypad(centre: Centre) -> None:
    """The keys arrive at who was called."""
    agent, person = centre.agents[0], centre.person
    assert person is not None
    async with dialled(centre, agent) as since:
        await agent.phone.press("Keypad")
        for key in "5#":
            await agent.phone.seen.page.locator(".keypad").get_by_role("button", name=key, exact=True).click()
        digits = ""
        async with asyncio.timeout(SOON_S):
            while "5" not in digits or "#" not in digits:
                await asyncio.sleep(0.05)
                digits = "".join(event.param for event in person.events[since:] if "DTMF" in event.kind)


@asynccontextmanager
async def dialled(centre: Centre, agent: Agent) -> AsyncIterator[int]:
    """A number is dialled from the page and heard; how many events the person's phone had seen before."""
    person, page = centre.person, agent.phone.seen.page
    assert person is not None
    await centre.available()
    since = len(person.events)
    await page.locator("#dial-number").fill(PERSON)
    await page.get_by_role("button", name="Dial", exact=True).click()
    await agent.phone.says("On the line", 20.0)  # by itself: a click was the agent's answer
    await person.wait_for("CALL_ESTABLISHED", 20.0, since=since)
    await hears(agent.ear, {PERSON_HZ}, since=time.time(), within_s=SOON_S)
    yield since
    await agent.phone.press("Hang up")
    await agent.phone.says("Ready for calls")


async def click_to_dial(centre: Centre) -> None:
    """A number is dialled from the page: own phone first, then the person; both hear each other."""
    agent, person = centre.agents[1], centre.person
    assert person is not None
    async with dialled(centre, agent):
        ear = CallerEar(person)
        ear.start()
        try:
            await together((ear, {agent.hz}), (agent.ear, {PERSON_HZ}), since=time.time())
        finally:
            await ear.stop()


async def blind_transfer(centre: Centre) -> None:
    """To an agent without asking: the colleague rings, and the caller is theirs."""
    second = centre.agents[1]
    async with talking(centre) as (first, caller):
        await first.does("Transfer", second.name)
        await first.phone.says("Ready for calls")
        await answered(second, caller)


async def to_a_queue(centre: Centre) -> None:
    """To a queue: who is free there has the caller."""
    second = centre.agents[1]
    async with talking(centre) as (first, caller):
        await second.person.set_state("available")
        await first.does("Transfer", QUEUE)
        await first.phone.says("Ready for calls")
        await answered(second, caller)


async def consulted_transfer(centre: Centre) -> None:
    """Asked, then handed over."""
    async with asking(centre) as (first, second, caller):
        await apart(caller, first, second)
        await first.does("Hand over")
        await talk(second, caller, time.time())
        await first.phone.says("Ready for calls")


async def back_to_the_caller(centre: Centre) -> None:
    """Asked, then back without the colleague."""
    async with asking(centre) as (first, second, caller):
        await first.does("Back to the caller")
        await talk(first, caller, time.time())
        await second.phone.says("Ready for calls")


async def swap(centre: Centre) -> None:
    """To the caller while the colleague holds, and to and fro."""
    async with asking(centre) as (first, second, caller):
        await first.does("Swap")
        await first.shows(f"{second.name} is on hold")
        await talk(first, caller, time.time())
        await first.does("Swap")
        await first.shows(f"you talk with {second.name}")
        await together((first.ear, {second.hz}), (second.ear, {first.hz}), since=time.time())
        await apart(caller, first, second)
        await first.does("Back to the caller")
        await talk(first, caller, time.time())


async def conference(centre: Centre) -> None:
    """All three hear the two others; the first leaves, the others talk on."""
    async with asking(centre) as (first, second, caller):
        await first.does("Join all three")
        await first.shows(f"You talk with the caller and {second.name}")
        await together(
            (first.ear, {caller.hz, second.hz}),
            (second.ear, {caller.hz, first.hz}),
            (caller.ear, {first.hz, second.hz}),
            since=time.time(),
        )
        await first.phone.press("Hang up")
        await talk(second, caller, time.time())


async def declined(centre: Centre) -> None:
    """Declined by one, answered by the next."""
    first, second = centre.agents[:2]
    await centre.available(first)
    async with centre.caller() as caller:
        await first.phone.says("Ringing", 20.0)
        await second.person.set_state("available")
        await first.phone.press("Decline")
        await answered(second, caller)


async def four_at_once(centre: Centre) -> None:
    """Four callers, four agents: each hears their own and nobody else."""
    await centre.available(*centre.agents)
    async with AsyncExitStack() as lines:
        callers = await asyncio.gather(
            *(lines.enter_async_context(centre.caller(NUMBER, hz)) for hz in CALLERS_HZ[: len(centre.agents)])
        )
        await asyncio.gather(*(agent.answer(30.0) for agent in centre.agents))
        since = time.time()
        found: dict[int, int] = {}
        async with asyncio.timeout(20.0):
            while len(found) < len(callers):
                await asyncio.sleep(0.2)
                for agent in centre.agents:
                    recent = [one.tones for one in await agent.ear.look() if one.at >= since][-4:]
                    if len(recent) == 4 and len(set(recent)) == 1 and len(recent[0]) == 1:
                        found[agent.hz] = next(iter(recent[0]))
        assert sorted(found.values()) == sorted(caller.hz for caller in callers)
        theirs = {heard: speaks for speaks, heard in found.items()}
        for caller in callers:
            await hears(caller.ear, {theirs[caller.hz]}, since=since, within_s=SOON_S)


Action = Callable[[Centre], Awaitable[None]]
ACTIONS: dict[str, Action] = {
    "ring, answer, agent hangs up": ring_answer_hang_up,
    "caller hangs up": caller_hangs_up,
    "answers by itself": answers_by_itself,
    "declined, the next has it": declined,
    "mute, unmute": mute,
    "hold, resume": hold,
    "click to dial": click_to_dial,
    "keypad": keypad,
    "blind transfer to an agent": blind_transfer,
    "transfer to a queue": to_a_queue,
    "consulted transfer": consulted_transfer,
    "asked, back to the caller": back_to_the_caller,
    "swap": swap,
    "conference": conference,
    "four agents at once": four_at_once,
}
