"""A SIP phone that answers every INVITE with one final code, or rings and never answers. UDP, digest, loopback."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import cast

CRLF = "\r\n"


def header(text: str, name: str) -> str:
    """The first value of a header."""
    match = re.search(rf"(?im)^{name}\s*:\s*(.*?)\r?$", text)
    return match.group(1) if match else ""


class StubPhone(asyncio.DatagramProtocol):
    """``code``: final answer to an INVITE; None rings for ever. ``codes`` counts the methods seen."""

    def __init__(self, user: str, password: str, server: tuple[str, int], code: int | None) -> None:
        self.user, self.password, self.server, self.code = user, password, server, code
        self.asks_only = False  # REGISTER says where nobody is: what is registered stays
        self.seen: list[str] = []
        self.registered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.cancelled = asyncio.Event()
        self.rang = asyncio.Event()
        self._sequence = 0  # of this round: the first is challenged
        self._round = 0
        self.invite = ""  # the last one

    @classmethod
    async def opens(cls, user: str, password: str, server: tuple[str, int]) -> bool:
        """Whether a REGISTER with that password is let in. Changes nothing."""
        transport, phone = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(user, password, server, None), ("127.0.0.1", 0)
        )
        try:
            phone.asks_only = True
            phone.register()
            status = await asyncio.wait_for(phone.registered, 5)
        finally:
            transport.close()
        assert status in (200, 401), status
        return status == 200

    @classmethod
    async def start(cls, user: str, password: str, server: tuple[str, int], code: int | None) -> StubPhone:
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(user, password, server, code), ("127.0.0.1", 0))
        phone.register()
        status = await asyncio.wait_for(phone.registered, 5)
        assert status == 200, f"REGISTER got {status}"
        return phone

    @classmethod
    async def listen(cls, code: int | None) -> StubPhone:
        """Nobody's registered phone: calls are sent to its address, as to a carrier's."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls("carrier", "", ("", 0), code), ("127.0.0.1", 0))
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")

    def stop(self) -> None:
        self.transport.close()

    def register(self, extra: str = "") -> None:
        self._sequence += 1
        self._round += 1
        server = f"{self.server[0]}:{self.server[1]}"
        lines = [
            f"REGISTER sip:{server} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK-{self.port}-{self._round};rport",
            f"From: <sip:{self.user}@{server}>;tag=reg",
            f"To: <sip:{self.user}@{server}>",
            f"Call-ID: reg-{self.user}-{self.port}",
            f"CSeq: {self._round} REGISTER",
            *([] if self.asks_only else [f"Contact: <sip:{self.user}@{self.host}:{self.port}>", "Expires: 120"]),
            "Max-Forwards: 70",
            *([extra] if extra else []),
            "Content-Length: 0",
        ]
        self._send(CRLF.join(lines) + CRLF * 2, self.server)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        first = text.split(CRLF, 1)[0]
        if first.startswith("SIP/2.0"):
            self._response(int(first.split()[1]), text)
            return
        method = first.split(" ", 1)[0]
        self.seen.append(method)
        if method == "INVITE":
            self.invite = text
            self._reply(text, 180, address)
            self.rang.set()
            if self.code is not None:
                self._reply(text, self.code, address)
        elif method == "CANCEL":
            self._reply(text, 200, address)
            self._reply(self.invite, 487, address)
            self.cancelled.set()
        elif method != "ACK":
            self._reply(text, 200, address)

    def _response(self, status: int, text: str) -> None:
        if "REGISTER" not in header(text, "CSeq"):
            return
        challenge = header(text, "WWW-Authenticate")
        if status == 401 and self._sequence == 1:
            realm = re.search(r'realm="([^"]*)"', challenge)
            nonce = re.search(r'nonce="([^"]*)"', challenge)
            assert realm and nonce
            self.register(self._digest(realm.group(1), nonce.group(1)))
        elif not self.registered.done():
            self.registered.set_result(status)

    def _digest(self, realm: str, nonce: str) -> str:
        def md5(value: str) -> str:
            return hashlib.md5(value.encode()).hexdigest()

        uri = f"sip:{self.server[0]}:{self.server[1]}"
        secret = md5(f"{self.user}:{realm}:{self.password}")
        answer = md5(f"{secret}:{nonce}:00000001:abcd:auth:{md5(f'REGISTER:{uri}')}")
        return (
            f'Authorization: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="abcd"'
        )

    def _reply(self, request: str, status: int, address: tuple[str, int]) -> None:
        copied = [
            line for line in request.split(CRLF) if re.match(r"(?i)(via|from|call-id|cseq|record-route)\s*:", line)
        ]
        to = header(request, "To")
        tagged = to if "tag=" in to else f"{to};tag=stub"
        lines = [
            f"SIP/2.0 {status} Test",
            *copied,
            f"To: {tagged}",
            f"Contact: <sip:{self.user}@{self.host}:{self.port}>",
        ]
        self._send(CRLF.join([*lines, "Content-Length: 0"]) + CRLF * 2, address)

    def _send(self, text: str, address: tuple[str, int]) -> None:
        self.transport.sendto(text.encode(), address)
