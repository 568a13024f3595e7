"""`demo --check`: one whole call, judged from outside. What our own parts say of themselves is not believed:
the sound is decoded from the bytes that replay returned, the hash is taken of them, the times are our own clock's.
"""

from __future__ import annotations

import array
import asyncio
import hashlib
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from cti.demo.call import DemoCaller, demo_callers, place_call
from cti.demo.client import AgentScreen, DemoFailed, Person, logged_in, watching
from cti.demo.phones import Baresip, PhoneError
from cti.demo.stack import Stack
from cti.demo.tones import tone_seconds

AGENT = "sato"
QA = "watanabe"
CALLER_HZ, AGENT_HZ = 440, 1000
TALK_S = 4.0
# Of the seconds talked, this share must carry the right tone on each side; the rest is answer and hang-up.
TONE_SHARE = 0.8
STORED_DEADLINE_S = 20.0
OFFER_DEADLINE_S = 25.0
# The look-up's own deadline is 1.5 s; by then the pop has the answer or says that there is none.
LOOKUP_DEADLINE_S = 5.0
DECODE_RATE_HZ = 8000
BREAKS = ("lookup", "pop", "agent-audio", "upload", "replay")
Sabotage = str | None


@dataclass(kw_only=True)
class Result:
    """What is printed. Filled step by step, so that a failure shows how far the call came."""

    ok: bool = False
    asterisk: str = ""
    setup_s: float = 0.0
    call_id: str | None = None
    caller: str | None = None
    ivr: dict[str, Any] | None = None
    link: dict[str, Any] | None = None
    agent: str | None = None
    pop_ms: float | None = None
    ring_ms: float | None = None
    recording: dict[str, Any] | None = None
    replay: dict[str, Any] | None = None
    failed: str | None = None
    why: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """As printed; ``failed`` and ``why`` only when something did."""
        hidden = {"facts"} | (set() if self.failed else {"failed", "why"})
        return {key: value for key, value in self.__dict__.items() if key not in hidden}


async def check(stack: Stack, result: Result, sabotage: Sabotage, say: Callable[[str], None]) -> None:
    """Run the call. Raises DemoFailed naming the step; ``result`` holds what was seen until then."""
    caller = next(one for one in demo_callers() if one.case == "known_number")
    await stack.start_agent_phone(AGENT, sound=0 if sabotage == "agent-audio" else AGENT_HZ)
    if sabotage == "lookup" and stack.lookup is not None:
        await stack.lookup.stop()
    async with logged_in(stack.web, AGENT, stack.password(AGENT)) as agent, watching(agent) as screen:
        if sabotage == "pop":
            # Another tab of the same person logs out: this socket is told to go, and no pop comes.
            async with agent.session.post(f"{agent.base}/api/logout"):
                pass
        await agent_available(stack)
        phone = await _call(stack, caller, say)
        try:
            await _ring(stack, screen, caller, result, say)
            await _talk(stack, screen, phone, result, say)
        finally:
            await phone.stop()
    if sabotage == "upload":
        await stack.store.stop()
    async with logged_in(stack.web, QA, stack.password(QA)) as qa:
        await _stored(stack, qa, result, say)
        if sabotage == "replay":
            await asyncio.to_thread(_overwrite, stack, result)
        await _replay(qa, result, say)


async def agent_available(stack: Stack, agent: str = AGENT) -> None:
    """The agent chooses to be available, in a session of their own."""
    async with logged_in(stack.web, agent, stack.password(agent)) as person:
        await person.set_state("available")


async def _call(stack: Stack, caller: DemoCaller, say: Callable[[str], None]) -> Baresip:
    """Japanese, member, own reservation, yes it is right, cannot unlock."""
    keys = f"w1w1w{caller.own_reservation}www1ww1"
    say(f"{caller.name} calls from {caller.number}")
    try:
        return await place_call(
            stack.run, stack.pool, trunk=stack.trunk, number=stack.number, caller=caller.number, keys=keys
        )
    except PhoneError as error:
        raise DemoFailed("ivr", f"the call was not answered: {error}") from error


async def _ring(
    stack: Stack, screen: AgentScreen, caller: DemoCaller, result: Result, say: Callable[[str], None]
) -> None:
    """The pop arrives, says what it must, and the look-up fills it in."""
    arrived, offer = await screen.wait_for("pop", _is("pop.offer"), "pop", OFFER_DEADLINE_S)
    pop = offer["pop"]
    rang_at, queued_at = _instant(pop["rang_at"]), _instant(pop["queued_at"])
    result.call_id, result.caller, result.agent = pop["call_id"], pop["caller"]["e164"], AGENT
    result.pop_ms = round((arrived - rang_at).total_seconds() * 1000, 1)
    result.ring_ms = round((rang_at - queued_at).total_seconds() * 1000, 1)
    say(f"it rings at {AGENT}, the pop came {result.pop_ms} ms after")
    if pop["caller"]["e164"] != caller.e164 or not pop["queue"] or not pop["reason_ja"]:
        raise DemoFailed("pop", f"the first message lacks caller, queue or reason: {pop['caller']}")
    menu = pop["menu"] or {}
    path = [step["label"] for step in menu.get("path", [])]
    result.ivr = {"language": menu.get("language"), "path": path}
    if menu.get("reservation_number") != caller.own_reservation or not path:
        raise DemoFailed("ivr", f"the menu understood {menu.get('reservation_number')}, keyed {caller.own_reservation}")
    await _linked(screen, pop, caller, result)


async def _linked(screen: AgentScreen, pop: dict[str, Any], caller: DemoCaller, result: Result) -> None:
    """Wait for the link that must be found; what is known of the number alone may be shown before it."""
    confidence = caller.expect.get("confidence_when_keyed", caller.expect["confidence"])
    wanted = (confidence, caller.expect["reservation_id"], caller.expect["ticket_id"])

    def part(message: dict[str, Any]) -> dict[str, Any]:
        if message["type"] == "pop.offer" and message["pop"]["call_id"] == pop["call_id"]:
            return dict(message["pop"]["card"]["link"])
        if message["type"] == "pop.update" and message["call_id"] == pop["call_id"]:
            return dict(message["card"]["link"] or {})
        return {}

    def found(message: dict[str, Any]) -> bool:
        link = part(message).get("link") or {}
        return (link.get("confidence"), link.get("reservation_id"), link.get("ticket_id")) == wanted

    try:
        await screen.wait_for("lookup", found, f"link {wanted}", LOOKUP_DEADLINE_S)
    finally:
        last = next((part(message) for _, message in reversed(screen.messages) if part(message)), {})
        link = last.get("link") or {}
        result.link = {
            "reservation": link.get("reservation_id"),
            "ticket": link.get("ticket_id"),
            "confidence": link.get("confidence"),
        }
    if last["status"] != "live":
        raise DemoFailed("lookup", f"the pop says that the look-up is {last['status']}")


async def _talk(stack: Stack, screen: AgentScreen, phone: Baresip, result: Result, say: Callable[[str], None]) -> None:
    await stack.phones[AGENT].accept()
    await screen.wait_for("answer", _is("pop.answered"), "answer on the screen")
    say(f"answered; they talk for {TALK_S:g} s")
    await asyncio.sleep(TALK_S)
    await phone.hangup()
    await screen.wait_for("hang-up", _is("call.ended"), "end of the call on the screen")
    say("the caller hung up")


async def _stored(stack: Stack, qa: Person, result: Result, say: Callable[[str], None]) -> None:
    """Wait until QA's list says that the recording is stored."""
    end = time.monotonic() + STORED_DEADLINE_S
    item: dict[str, Any] | None = None
    while time.monotonic() < end:
        rows = (await qa.get("/api/recordings"))["recordings"]
        item = next((row for row in rows if row["call_id"] == result.call_id), None)
        if item is not None and item["status"] in ("stored", "not_recorded", "failed"):
            break
        await asyncio.sleep(0.2)
    status = item["status"] if item else "missing"
    if item is None or status != "stored":
        raise DemoFailed("upload", f"the recording is {status} {STORED_DEADLINE_S:g} s after hang-up")
    result.recording = {
        "uri": await asyncio.to_thread(_uri, stack, result.call_id),
        "sha256": item["sha256"],
        "duration_s": item["duration_s"],
        "channels": None,
    }
    say(f"the recording is stored ({item['duration_s']:.1f} s, {item['size']} bytes)")


async def _replay(qa: Person, result: Result, say: Callable[[str], None]) -> None:
    """Replay as a browser does, in two ranges, and judge the sound of what came."""
    assert result.recording is not None  # _stored filled it or raised
    url = f"{qa.base}/api/recordings/{result.call_id}/audio"
    first, status = await _range(qa.session, url, "bytes=0-9999")
    result.replay = {"status": status, "bytes": len(first)}
    if status != 206 or len(first) != 10_000:
        raise DemoFailed("replay", f"the first 10,000 bytes answered {status} with {len(first)} bytes")
    rest, status = await _range(qa.session, url, "bytes=10000-")
    body = first + rest
    result.replay = {"status": status, "bytes": len(body)}
    if hashlib.sha256(body).hexdigest() != result.recording["sha256"]:
        raise DemoFailed("replay", "the bytes that replay returned are not the ones that were stored (SHA-256)")
    channels = await decoded(body)
    result.recording["channels"] = len(channels)
    if len(channels) != 2:
        raise DemoFailed("recording", f"{len(channels)} channel(s) instead of 2")
    _judge(channels, result)
    say("replayed: the caller's tone is left, the agent's right, the hash is the stored one")


def _judge(channels: list[array.array[int]], result: Result) -> None:
    heard = {
        ("left", CALLER_HZ): tone_seconds(channels[0], CALLER_HZ, DECODE_RATE_HZ),
        ("left", AGENT_HZ): tone_seconds(channels[0], AGENT_HZ, DECODE_RATE_HZ),
        ("right", AGENT_HZ): tone_seconds(channels[1], AGENT_HZ, DECODE_RATE_HZ),
        ("right", CALLER_HZ): tone_seconds(channels[1], CALLER_HZ, DECODE_RATE_HZ),
    }
    result.facts["tones"] = {f"{side} {hz} Hz": seconds for (side, hz), seconds in heard.items()}
    least = TALK_S * TONE_SHARE
    if heard["left", CALLER_HZ] < least:
        raise DemoFailed("caller-audio", f"the caller's tone is {heard['left', CALLER_HZ]:.1f} s long on the left")
    if heard["right", AGENT_HZ] < least:
        raise DemoFailed("agent-audio", f"the agent's tone is {heard['right', AGENT_HZ]:.1f} s long on the right")
    if heard["left", AGENT_HZ] > 0.2 or heard["right", CALLER_HZ] > 0.2:
        raise DemoFailed("recording", f"the sides are mixed up: {result.facts['tones']}")


async def _range(session: aiohttp.ClientSession, url: str, wanted: str) -> tuple[bytes, int]:
    try:
        async with session.get(url, headers={"Range": wanted}) as response:
            return await response.read(), response.status
    except aiohttp.ClientError as error:
        raise DemoFailed("replay", f"the replay broke off: {error}") from error


async def decoded(body: bytes) -> list[array.array[int]]:
    """The sound as 16-bit samples, one array a channel, as many as the recording has."""
    ffmpeg = await asyncio.create_subprocess_exec(
        shutil.which("ffmpeg") or "ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "wav", "-ar", str(DECODE_RATE_HZ),
        "pipe:1", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    wav, errors = await ffmpeg.communicate(body)
    if ffmpeg.returncode != 0:
        raise DemoFailed("replay", f"what replay returned cannot be decoded: {errors.decode(errors='replace')[:200]}")
    # ffmpeg cannot know the length of what it writes to a pipe: read the header by hand.
    (count,) = struct.unpack_from("<H", wav, 22)
    data = wav[wav.index(b"data") + 8 :]
    samples = array.array("h", data[: len(data) // (2 * count) * 2 * count])
    return [samples[channel::count] for channel in range(count)]


def _objects(stack: Stack, call_id: str | None) -> list[tuple[str, int]]:
    """Key and size of the call's sound in the bucket, looked up in the store itself."""
    access = stack.store.access
    found = access.client().list_objects_v2(Bucket=access.bucket).get("Contents", [])
    return [(o["Key"], o["Size"]) for o in found if str(call_id) in o["Key"] and not o["Key"].endswith(".json")]


def _uri(stack: Stack, call_id: str | None) -> str:
    objects = _objects(stack, call_id)
    if len(objects) != 1:
        raise DemoFailed("upload", f"the bucket holds {len(objects)} recordings of this call instead of one")
    return f"s3://{stack.store.access.bucket}/{objects[0][0]}"


def _overwrite(stack: Stack, result: Result) -> None:
    """Put something else where the recording is, behind the server's back."""
    access = stack.store.access
    for key, size in _objects(stack, result.call_id):
        access.client().put_object(Bucket=access.bucket, Key=key, Body=b"\0" * size)


def _is(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message["type"] == kind


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
