"""A scripted desk phone (baresip): a real SIP stack and real sound, driven over its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti.demo.components import MissingComponent, find_program
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.processes import Child, ChildSpec, port_answers, start_child
from cti.demo.tones import tone, write_wav

READY_DEADLINE_S = 10.0
EVENT_DEADLINE_S = 10.0
# One phone talks on two ports a call (RTP, RTCP); enough for a second line and for ports still in use.
RTP_PORTS = 8
# baresip plays its file once and is silent afterwards: longer than any call of a test, 4.8 MB on disk.
TONE_S = 300.0
# Asterisk's own default for the length of a digit plus a gap that every receiver tells apart.
DIGIT_S, DIGIT_GAP_S = 0.12, 0.12


class PhoneError(RuntimeError):
    """The phone refused a command, or what was waited for did not come."""


@dataclass(frozen=True, kw_only=True)
class PhoneAccount:
    """Who the phone is. `server` is where it sends, whatever the domain of its address says."""

    user: str  # the number, as From shows it
    server: str  # host:port
    password: str | None = None  # digest; None for a trunk that is known by its address
    login: str | None = None  # the digest's user when it is not `user`
    register: bool = False
    display_name: str = ""
    domain: str | None = None  # for example anonymous.invalid; the server when not given

    def line(self, *, answer: str) -> str:
        """The account as baresip writes it."""
        name = f'"{self.display_name}" ' if self.display_name else ""
        outbound = f';outbound="sip:{self.server};transport=udp"' if self.domain else ""
        auth = f";auth_user={self.login or self.user};auth_pass={self.password}" if self.password else ""
        registration = ";regint=120" if self.register else ";regint=0"
        address = f"<sip:{self.user}@{self.domain or self.server};transport=udp>"
        return f"{name}{address}{auth}{outbound}{registration};answermode={answer};audio_codecs=PCMU"


@dataclass(frozen=True, kw_only=True)
class PhoneEvent:
    """What the phone says that happened: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED, REGISTER_OK …"""

    kind: str
    peer: str  # the other side's SIP address; empty when there is none
    param: str  # the reason of an end, the digit that came …


class Baresip:
    """One running phone. Events are kept from its start, so that a test can wait for one that has come already."""

    def __init__(self, child: Child, folder: Path, address: str, digits_port: int) -> None:
        self.child = child
        self.folder = folder
        self.address = address  # sip:user@host:port where it is reached directly
        self.events: list[PhoneEvent] = []
        self._digits_port = digits_port
        self._arrived = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self._sent = 0
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    async def connect(self, port: int) -> None:
        """Opens its control socket."""
        reader, self._writer = await asyncio.open_connection(LOOPBACK, port)
        self._listener = asyncio.create_task(self._listen(reader), name="phone events")

    async def command(self, name: str, argument: str = "") -> str:
        """Sends one of baresip's long commands and returns its answer. Raises PhoneError when it says no."""
        if self._writer is None:
            raise PhoneError("the phone is not connected")
        self._sent += 1
        token = str(self._sent)
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        self._writer.write(to_netstring({"command": name, "params": argument, "token": token}))
        await self._writer.drain()
        ok, text = await asyncio.wait_for(answer, EVENT_DEADLINE_S)
        if not ok:
            raise PhoneError(f"{name}: {text.strip()}")
        return text

    async def dial(self, target: str) -> None:
        """Calls a number (at the account's server) or a whole sip: address."""
        await self.command("dial", target)

    async def accept(self) -> None:
        """Answers the call that rings (answer mode `manual`)."""
        await self.command("accept")

    async def hangup(self) -> None:
        """Ends the call, rejects the one that rings, or gives up the one that is dialled."""
        await self.command("hangup")

    async def send_digits(self, digits: str) -> None:
        """Presses keys, each as an RFC 4733 event of DIGIT_S; returns when the last is released."""
        _, writer = await asyncio.open_connection(LOOPBACK, self._digits_port)
        try:
            for digit in digits:
                # The console takes keys as a keyboard would give them; the key code 4 means: released.
                for key, pause_s in ((digit.encode(), DIGIT_S), (b"\x04", DIGIT_GAP_S)):
                    writer.write(key)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
        finally:
            writer.close()

    async def wait_for(
        self,
        kind: str,
        deadline_s: float = EVENT_DEADLINE_S,
        *,
        count: int = 1,
        since: int = 0,
        or_else: str | None = None,
    ) -> PhoneEvent:
        """The `count`th event of that kind (or of `or_else`) after the first `since` events.

        Raises PhoneError at the deadline.
        """

        def matching() -> list[PhoneEvent]:
            return [event for event in self.events[since:] if event.kind in (kind, or_else)]

        try:
            async with asyncio.timeout(deadline_s), self._arrived:
                await self._arrived.wait_for(lambda: len(matching()) >= count)
        except TimeoutError as error:
            seen = ", ".join(event.kind for event in self.events[since:])
            raise PhoneError(f"no {kind} in {deadline_s:g} s; the phone saw: {seen or 'nothing'}") from error
        return matching()[count - 1]

    async def registered(self, deadline_s: float = EVENT_DEADLINE_S) -> None:
        """Returns when the server has let it in. Raises PhoneError when it says no, or at the deadline."""
        event = await self.wait_for("REGISTER_OK", deadline_s, or_else="REGISTER_FAIL")
        if event.kind != "REGISTER_OK":
            raise PhoneError(f"REGISTER_FAIL: {event.param}")

    def heard(self) -> list[Path]:
        """What the phone heard, one WAV a call, oldest first (complete once the call has ended)."""
        return sorted(self.folder.glob("dump-*-dec.wav"))

    async def stop(self) -> None:
        """Switches the phone off: no BYE, as a phone that loses power."""
        if self._listener is not None:
            self._listener.cancel()
        if self._writer is not None:
            self._writer.close()
        await self.child.stop(grace_s=0.5)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._take(await read_netstring(reader))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PhoneError("the phone is gone"))

    async def _take(self, message: dict[str, Any]) -> None:
        if message.get("response"):
            answer = self._answers.pop(str(message.get("token")), None)
            if answer is not None and not answer.done():
                answer.set_result((bool(message.get("ok")), str(message.get("data", ""))))
            return
        event = PhoneEvent(
            kind=str(message.get("type", "")),
            peer=str(message.get("peeruri", "")),
            param=str(message.get("param", "")),
        )
        async with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()


def to_netstring(message: dict[str, str]) -> bytes:
    """`5:hello,` framing around JSON."""
    data = json.dumps(message, ensure_ascii=False).encode()
    return b"%d:%s," % (len(data), data)


async def read_netstring(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next framed message. Raises IncompleteReadError when the phone is gone."""
    length = int((await reader.readuntil(b":"))[:-1])
    data = await reader.readexactly(length + 1)
    # baresip does not escape every control character in what a peer sends.
    message: dict[str, Any] = json.loads(data[:-1].decode("utf-8", "replace"), strict=False)
    return message


@dataclass(frozen=True, kw_only=True)
class _Ports:
    sip: int
    control: int
    digits: int
    rtp: range


def _configuration(folder: Path, modules: Path, sound: Path, ports: _Ports) -> str:
    plain = ("g711", "aufile", "aubridge", "sndfile", "cons")
    return "\n".join(
        [
            f"sip_listen {LOOPBACK}:{ports.sip}",
            f"net_interface {LOOPBACK}",
            f"rtp_ports {ports.rtp.start}-{ports.rtp.stop - 1}",
            "call_max_calls 4",
            "audio_buffer 20-160",
            f"audio_source aufile,{sound}",
            # A pair of bridges without a partner: takes the sound and throws it away.
            "audio_player aubridge,out",
            "audio_alert aubridge,ring",
            f"snd_path {folder}",
            f"ctrl_tcp_listen {LOOPBACK}:{ports.control}",
            f"cons_listen {LOOPBACK}:{ports.digits}",
            f"module_path {modules}",
            *(f"module {name}.so" for name in plain),
            "module_tmp account.so",
            "module_app ctrl_tcp.so",
            "module_app menu.so",
            "",
        ]
    )


def _modules() -> Path:
    for pattern in ("usr/lib/baresip/modules", "usr/lib/*/baresip/modules"):
        for path in Path("/").glob(pattern):
            return path
    raise MissingComponent("baresip's modules: sudo apt-get install baresip-core")


def _own_folder(run: RunFolder, name: str) -> Path:
    """A phone of the same name may have been there before: what that one heard is not what this one hears."""
    before = len(list(run.sub("phones").glob(f"{name}.*")))
    return run.sub("phones", f"{name}.{before + 1}")


async def start_phone(
    run: RunFolder,
    pool: PortPool,
    account: PhoneAccount,
    *,
    name: str,
    sound: int | Path = 440,
    answer: str = "auto",
    sip_port: int | None = None,
) -> Baresip:
    """Switches a phone on, and waits until it is registered when its account says so.

    `sound`: a tone of so many Hz for TONE_S, or a WAV (mono, 16 bits, 8 kHz) that is played once from the answer on.
    `answer`: `auto` or `manual`. `sip_port`: reserved by the caller, with the next one.
    Raises MissingComponent, ChildFailed, or PhoneError when it is not let in.
    """
    folder = _own_folder(run, name)
    if isinstance(sound, int):
        write_wav(folder / "say.wav", tone(sound, TONE_S))
        sound = folder / "say.wav"
    ports = _Ports(
        sip=sip_port or pool.tcp(2),  # it takes the next one for TLS
        control=pool.tcp(),
        digits=pool.tcp(),
        rtp=pool.udp_block(RTP_PORTS),
    )
    (folder / "config").write_text(_configuration(folder, _modules(), sound, ports))
    for name_of_empty in ("accounts", "contacts"):  # else it writes examples there
        (folder / name_of_empty).touch()
    child = await start_child(
        ChildSpec(
            name=f"phone {name}", argv=[str(find_program("baresip")), "-f", str(folder)], log=run.log(f"phone-{name}")
        )
    )
    phone = Baresip(child, folder, f"sip:{account.user}@{LOOPBACK}:{ports.sip}", ports.digits)
    try:
        await child.until_ready(port_answers(LOOPBACK, ports.control), READY_DEADLINE_S)
        await phone.connect(ports.control)
        # The account comes after the connection: an event of its registration would be gone by then.
        await phone.command("uanew", account.line(answer=answer))
        if account.register:
            await phone.registered(READY_DEADLINE_S)
    except BaseException:
        await phone.stop()
        raise
    return phone
