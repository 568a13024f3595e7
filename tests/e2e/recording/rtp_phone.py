"""A phone whose every RTP packet the test decides: it can fall silent without a packet, as real ones do.

SIP over UDP on loopback, PCMU, one call. As a caller it dials a trunk that asks for no password; as an agent it
registers (digest) and answers at once.
"""

from __future__ import annotations

import asyncio
import re
import struct
import time
import uuid

from cti.demo.folders import LOOPBACK
from cti.demo.tones import RATE_HZ, tone
from recording.pcm import audioop  # type: ignore[attr-defined]
from tests.e2e.dialplan.sipstub import CRLF, StubPhone, header

FRAME = 160  # samples of 20 ms


class RtpPhone(StubPhone):
    """Says a tone while ``talking`` is set, and sends nothing at all otherwise."""

    def __init__(
        self, user: str, password: str, server: tuple[str, int], code: int | None = None, *, hz: int = 440
    ) -> None:
        super().__init__(user, password, server, code)
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
    async def caller(cls, user: str, server: tuple[str, int], *, hz: int) -> RtpPhone:
        """A phone on the trunk's side."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(user, "", server, hz=hz), (LOOPBACK, 0))
        await phone._open_media()
        return phone

    @classmethod
    async def agent(cls, user: str, password: str, server: tuple[str, int], *, hz: int) -> RtpPhone:
        """A registered phone that answers."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(user, password, server, hz=hz), (LOOPBACK, 0))
        await phone._open_media()
        phone.register()
        assert await asyncio.wait_for(phone.registered, 5) == 200
        return phone

    async def _open_media(self) -> None:
        loop = asyncio.get_running_loop()
        self._media, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (LOOPBACK, 0))

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
        body = self._sdp()
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

    def register_again(self) -> None:
        """A registration lasts for two minutes."""
        self._sequence = 0
        self.register()

    def jump(self, back: int) -> None:
        """As phones do at a transfer, a hold or a re-INVITE: another source, its numbers behind those of before."""
        self._packet -= back
        self._ssrc += 1

    # --- Sound ----------------------------------------------------------------------------------------------

    def _sdp(self, direction: str = "sendrecv") -> str:
        assert self._media is not None
        port = self._media.get_extra_info("sockname")[1]
        lines = [
            "v=0",
            f"o=- 1 {self._requests} IN IP4 {LOOPBACK}",
            "s=-",
            f"c=IN IP4 {LOOPBACK}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 0",
        ]
        return CRLF.join([*lines, "a=rtpmap:0 PCMU/8000", "a=ptime:20", f"a={direction}"]) + CRLF

    def _talk_to(self, sdp: str) -> None:
        port = re.search(r"m=audio (\d+) ", sdp)
        assert port is not None
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
            at = number * FRAME % RATE_HZ
            kind = 0x80 if first else 0x00  # the marker: a new spurt of talk
            packet = struct.pack(
                "!BBHII", 0x80, kind, self._packet & 0xFFFF, number * FRAME & 0xFFFFFFFF, self._ssrc & 0xFFFFFFFF
            )
            self._media.sendto(packet + self._frames[at : at + FRAME], self._where)
            self.sent.append(time.time())
            self._packet, first = self._packet + 1, False
