"""Asterisk's WebSocket, played: it lets a page register, rings it and hears it hang up. No sound goes anywhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from cti.domain.model import AgentId, CallId, QueueId, TenantId
from cti.domain.quality import LineQuality
from cti.web.phoneports import AgentPhone, PhoneLogIn

# A browser takes this for an offer; the fingerprint is of no certificate, and nobody listens at the port.
OFFER = "\r\n".join(
    (
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 0 101",
        "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=sendrecv", "a=rtcp-mux", "a=mid:0",
        "a=ice-ufrag:abcdefgh", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host", "",
    )
)  # fmt: skip


def header(message: str, name: str) -> str:
    """One header's value."""
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    assert found is not None, f"no {name} in {message}"
    return found.group(1)


@dataclass
class PhoneLine:
    """One page's line. ``refuse``: its log-in is not taken."""

    refuse: bool = False
    port: int = 0
    contact: str = ""
    heard: list[str] = field(default_factory=list)  # first lines of what the page sent
    _socket: web.WebSocketResponse | None = None
    _deaf: web.WebSocketResponse | None = None  # nothing that comes on it is read
    _runner: web.AppRunner | None = None
    _calls: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def open(self) -> None:
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """The line breaks, and cannot be had again."""
        if self._runner is not None:
            if self._socket is not None:
                await self._socket.close()
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """The network is cut, and tells nobody: what the page sends on this connection is not answered any more."""
        self._deaf = self._socket

    async def registered(self) -> None:
        """Until the page could ring."""
        async with asyncio.timeout(20):
            while not self.contact:
                await asyncio.sleep(0.02)

    async def ring(self) -> None:
        """An INVITE, once the page has registered."""
        await self.registered()
        self._calls += 1
        target = self.contact.strip("<>")
        await self._send(
            f"INVITE {target} SIP/2.0",
            {
                "Via": f"SIP/2.0/WS 127.0.0.1:{self.port};branch=z9hG4bKring{self._calls}",
                "From": f'"090-1234-5678" <sip:caller@127.0.0.1>;tag=asterisk{self._calls}',
                "To": f"<{target}>",
                "Call-ID": f"ring-{self._calls}",
                "CSeq": "1 INVITE",
                "Contact": f"<sip:asterisk@127.0.0.1:{self.port};transport=ws>",
                "Max-Forwards": "70",
                "Content-Type": "application/sdp",
            },
            OFFER,
        )

    async def _send(self, first: str, headers: Mapping[str, str], body: str = "") -> None:
        assert self._socket is not None
        lines = [first, *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(body)}"]
        await self._socket.send_str("\r\n".join(lines) + "\r\n\r\n" + body)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = self._socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        async for message in socket:
            if socket is self._deaf:
                continue
            if isinstance(message.data, str) and message.data.strip():
                self.heard.append(message.data.split("\r\n", 1)[0])
                await self._answer(message.data)
        return socket

    async def _answer(self, message: str) -> None:
        first = message.split("\r\n", 1)[0]
        same = {name: header(message, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")}
        if first.startswith("REGISTER"):
            self.contact = header(message, "Contact").split(";reg-id")[0].split(">")[0] + ">"
            to = {"To": same["To"] + ";tag=line"}
            if self.refuse:
                await self._send("SIP/2.0 403 Forbidden", same | to)
            else:
                await self._send("SIP/2.0 200 OK", same | to | {"Contact": f"{self.contact};expires=120"})
        elif first.startswith("INVITE"):  # the page's own hold, and its end: taken
            there = "recvonly" if "a=sendonly" in message else "sendrecv"
            held = OFFER.replace("actpass", "passive").replace("sendrecv", there)
            contact = f"<sip:asterisk@127.0.0.1:{self.port};transport=ws>"
            await self._send("SIP/2.0 200 OK", same | {"Contact": contact, "Content-Type": "application/sdp"}, held)
        elif first.startswith("SIP/2.0 200") and same["CSeq"].endswith("INVITE"):
            target = header(message, "Contact").strip("<>").split(">")[0]
            await self._send(f"ACK {target} SIP/2.0", same | {"CSeq": "1 ACK", "Max-Forwards": "70"})
        elif first.startswith(("SIP/2.0 6", "SIP/2.0 4")):
            await self._send(f"ACK {self.contact.strip('<>')} SIP/2.0", same | {"CSeq": "1 ACK", "Max-Forwards": "70"})
        elif not first.startswith(("SIP/2.0", "ACK")):
            await self._send("SIP/2.0 200 OK", same)


@dataclass
class PlayedPhones:
    """Every agent's page is a phone of this line. Implements cti.web.phoneports.Phones."""

    line: PhoneLine
    phone: AgentPhone = field(default_factory=lambda: AgentPhone(in_browser=True))

    async def phone_of(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> AgentPhone:
        return self.phone

    async def log_in(self, tenant: TenantId, agent: AgentId, log_in: bytes) -> PhoneLogIn:
        return PhoneLogIn(url=self.line.url, endpoint=f"demo-{agent}", domain="127.0.0.1", secret="s" * 24)


@dataclass
class PlayedQualities:
    """In memory. Implements cti.web.phoneports.Qualities."""

    rows: dict[CallId, list[LineQuality]] = field(default_factory=dict)

    async def keep(self, tenant: TenantId, call_id: CallId, measured: LineQuality) -> None:
        self.rows.setdefault(call_id, []).append(measured)

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[LineQuality]:
        return self.rows.get(call_id, [])


def answered_after(**seconds: int) -> AgentPhone:
    """A phone in the browser that answers calls of these queues by itself."""
    return AgentPhone(in_browser=True, queues={QueueId(queue): wait_s for queue, wait_s in seconds.items()})
