"""A phone whose every RTP packet the test decides: it can fall silent without a packet, as real ones do.

SIP over UDP on loopback, PCMU or G.722, one call. As a caller it dials a trunk that asks for no password; as an agent
it registers (digest) and answers at once.
"""

from __future__ import annotations

import asyncio
import re
import struct
import subprocess
import time
import uuid
from array import array

from cti.demo.folders import LOOPBACK
from cti.demo.tones import RATE_HZ, tone
from recording.pcm import audioop  # type: ignore[attr-defined]
from tests.e2e.dialplan.sipstub import CRLF, StubPhone, header

FRAME = 160  # bytes of 20 ms, of both codecs; and ticks, for G.722's clock says 8000 too (RFC 3551, 4.5.2)
PCMU, G722 = 0, 9  # static payload types
WIDE_HZ = 16_000


def in_g722(samples: array[int]) -> bytes:
    """Samples of WIDE_HZ as the codec carries them: 8,000 bytes a second."""
    return _ffmpeg(samples.tobytes(), ("-f", "s16le", "-ar", str(WIDE_HZ), "-ac", "1"), ("-c:a", "g722", "-f", "g722"))


def of_g722(payload: bytes) -> array[int]:
    """The other way round."""
    return array("h", _ffmpeg(payload, ("-f", "g722"), ("-f", "s16le")))


def _ffmpeg(data: bytes, before: tuple[str, ...], after: tuple[str, ...]) -> bytes:
    command = ("ffmpeg", "-v", "error", *before, "-i", "pipe:0", *after, "pipe:1")
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def _kinds(sdp: str) -> list[int]:
    """The payload types of an offer or an answer, in its order."""
    line = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", sdp)
    return [int(kind) for kind in line.group(1).split()] if line is not None else []


class _Ear(asyncio.DatagramProtocol):
    """What is sent to the phone."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int, bytes]] = []  # time.time(), payload type, sound

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        self.heard.append((time.time(), data[1] & 0x7F, data[12:]))


class RtpPhone(StubPhone):
    """Says a tone while ``talking`` is set, and sends nothing at all otherwise."""

    def __init__(
        self,
        user: str,
        password: str,
        server: tuple[str, int],
        code: int | None = None,
        *,
        hz: int = 440,
        wide: bytes = b"",
    ) -> None:
        """``wide``: what it says in G.722 (in_g722), as often as it takes; without it the phone has no such codec."""
        super().__init__(user, password, server, code)
        self._wide, self.speaks = wide, PCMU
        self._ear = _Ear()
        self.talking = asyncio.Event()
        self.talking.set()
        self.answered = asyncio.Event()
        self.sent: list[float] = []  # time.time() of each packet
        self.legs: list[tuple[float, float]] = []  # as an agent: from answer to BYE, those that are over
        self._answered_at: float | None = None  # of the one that goes on
        self._where: tuple[str, int] | None = None  # Asterisk's port for this leg's sound
        self._frames = audioop.lin2ulaw(tone(hz, 1.0).tobytes(), 2)
        self._call = uuid.uuid4().hex
        self._remote_tag = ""
        self._number, self._requests = "", 1  # as a caller: who was dialled, and the last CSeq
        self._leg = ""  # as an agent: the INVITE of this leg
        self._renewed: asyncio.Future[str] | None = None  # the answer to a re-INVITE
        self._packet, self._ssrc = 0, 0x4B414B45  # the next packet's sequence number
        self._media: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None

    @classmethod
    async def caller(cls, user: str, server: tuple[str, int], *, hz: int = 440, wide: bytes = b"") -> RtpPhone:
        """A phone on the trunk's side."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(user, "", server, hz=hz, wide=wide), (LOOPBACK, 0))
        await phone._open_media()
        return phone

    @classmethod
    async def agent(
        cls, user: str, password: str, server: tuple[str, int], *, hz: int = 440, wide: bytes = b""
    ) -> RtpPhone:
        """A registered phone that answers."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(
            lambda: cls(user, password, server, hz=hz, wide=wide), (LOOPBACK, 0)
        )
        await phone._open_media()
        phone.register()
        assert await asyncio.wait_for(phone.registered, 5) == 200
        return phone

    async def _open_media(self) -> None:
        loop = asyncio.get_running_loop()
        self._media, _ = await loop.create_datagram_endpoint(lambda: self._ear, (LOOPBACK, 0))

    def stop(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._media is not None:
            self._media.close()
        super().stop()

    # --- As a caller ----------------------------------------------------------------------------------------

    async def dial(self, number: str) -> None:
        """INVITE, and wait for the answer."""
        self._number = number
        self._request("INVITE", 1, self._sdp())
        await asyncio.wait_for(self.answered.wait(), 10)

    def hang_up(self) -> None:
        """BYE."""
        self._requests += 1
        self._request("BYE", self._requests)

    async def renew(self, direction: str) -> None:
        """A re-INVITE, as a phone's own hold button sends it: "sendonly", and "sendrecv" again. As caller or agent."""
        self._requests += 1
        self._renewed = asyncio.get_running_loop().create_future()
        self._request("INVITE", self._requests, self._sdp(direction))
        answer = await asyncio.wait_for(self._renewed, 10)
        self._request("ACK", self._requests)
        self._talk_to(answer)

    def _request(self, method: str, sequence: int, body: str = "") -> None:
        server = f"{self.server[0]}:{self.server[1]}"
        to = f"<sip:{self._number}@{server}>" + (f";tag={self._remote_tag}" if self._remote_tag else "")
        target, sender, call = f"sip:{self._number}@{server}", f"<sip:{self.user}@{server}>;tag=rtp", self._call
        if self._leg:  # who was called asks the other way round
            target = header(self._leg, "Contact").strip("<>")
            sender, to = f"{header(self._leg, 'To')};tag=stub", header(self._leg, "From")
            call = header(self._leg, "Call-ID")
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK-{uuid.uuid4().hex};rport",
            f"From: {sender}",
            f"To: {to}",
            f"Call-ID: {call}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self.user}@{self.host}:{self.port}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._send(CRLF.join(lines) + CRLF * 2 + body, self.server)

    def _response(self, status: int, text: str) -> None:
        if "INVITE" not in header(text, "CSeq"):
            super()._response(status, text)
        elif self._renewed is not None and not self._renewed.done():
            if status >= 200:
                self._renewed.set_result(text)
        elif status == 200 and not self.answered.is_set():
            tag = re.search(r"tag=([^;\s]+)", header(text, "To"))
            self._remote_tag = tag.group(1) if tag else ""
            self._request("ACK", 1)
            self._talk_to(text)

    # --- As an agent ----------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        if text.startswith("BYE ") and self._answered_at is not None:
            self.legs.append((self._answered_at, time.time()))
            self._answered_at, self._where, self._leg = None, None, ""
        if not text.startswith("INVITE "):
            super().datagram_received(data, address)
            return
        self._reply(text, 180, address)
        copied = [line for line in text.split(CRLF) if re.match(r"(?i)(via|from|call-id|cseq|record-route)\s*:", line)]
        body = self._sdp(offer=text)
        lines = [
            "SIP/2.0 200 OK",
            *copied,
            f"To: {header(text, 'To')};tag=stub",
            f"Contact: <sip:{self.user}@{self.host}:{self.port}>",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        self._send(CRLF.join(lines) + CRLF * 2 + body, address)
        if "tag=" not in header(text, "To"):  # no re-INVITE of Asterisk's
            self._answered_at, self._leg = time.time(), text
        self._talk_to(text)

    def heard(self, since: float, until: float) -> array[int]:
        """What was sent to it in G.722 between two times (time.time())."""
        return of_g722(b"".join(sound for at, kind, sound in self._ear.heard if since <= at < until and kind == G722))

    def register_again(self) -> None:
        """A registration lasts for two minutes."""
        self._sequence = 0
        self.register()

    def jump(self, back: int) -> None:
        """As phones do at a transfer, a hold or a re-INVITE: another source, its numbers behind those of before."""
        self._packet -= back
        self._ssrc += 1

    # --- Sound ----------------------------------------------------------------------------------------------

    def _sdp(self, direction: str = "sendrecv", offer: str = "") -> str:
        """What it has; as an answer the codec that the offer names first."""
        assert self._media is not None
        port = self._media.get_extra_info("sockname")[1]
        # In G.722 Asterisk hears no keys in the sound (and logs that), so a wide phone has events for them.
        wide = ((G722, "G722"), (PCMU, "PCMU"), (101, "telephone-event"))
        codecs: tuple[tuple[int, str], ...] = wide if self._wide else ((PCMU, "PCMU"),)
        if asked := _kinds(offer):
            first = next((kind for kind in asked if kind in dict(codecs)), PCMU)
            codecs = tuple(one for one in codecs if one[0] == first or (one[0] in asked and one[0] > G722))
        lines = [
            "v=0",
            f"o=- 1 {self._requests} IN IP4 {LOOPBACK}",
            "s=-",
            f"c=IN IP4 {LOOPBACK}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {' '.join(str(kind) for kind, _ in codecs)}",
            *(f"a=rtpmap:{kind} {name}/8000" for kind, name in codecs),
        ]
        return CRLF.join([*lines, "a=ptime:20", f"a={direction}"]) + CRLF

    def _talk_to(self, sdp: str) -> None:
        port = re.search(r"m=audio (\d+) ", sdp)
        assert port is not None
        self.speaks = next((kind for kind in _kinds(sdp) if kind == PCMU or (kind == G722 and self._wide)), PCMU)
        self.answered.set()
        self._where = (LOOPBACK, int(port.group(1)))
        if self._sender is None:
            self._sender = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        """Twenty milliseconds each; the timestamp goes on through silence, the sequence number does not (RFC 3550)."""
        assert self._media is not None
        began, first = time.monotonic(), True
        for number in range(1 << 30):
            await asyncio.sleep(max(0.0, began + number * FRAME / RATE_HZ - time.monotonic()))
            if not self.talking.is_set() or self._where is None:
                first = True
                continue
            says = self._wide if self.speaks == G722 else self._frames
            at = number * FRAME % len(says)
            kind = self.speaks | (0x80 if first else 0x00)  # the marker: a new spurt of talk
            packet = struct.pack(
                "!BBHII", 0x80, kind, self._packet & 0xFFFF, number * FRAME & 0xFFFFFFFF, self._ssrc & 0xFFFFFFFF
            )
            self._media.sendto(packet + says[at : at + FRAME], self._where)
            self.sent.append(time.time())
            self._packet, first = self._packet + 1, False
