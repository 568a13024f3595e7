"""The FastAGI server: drives a menu's dialogue over one connection per caller.

Whatever goes wrong here ends with a closed connection, and the dialplan carries the caller on. Before each step the
channel's TIMEOUT(absolute) is set to that step's length plus a margin, so that a server that freezes costs the caller
no more than that; the dialplan resets it (docs/dialplan.md).
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cti.domain.errors import KakehashiError, PeerError
from cti.domain.model import CallId, MenuId, TenantId
from cti.domain.ports import SignalSink
from cti.domain.signals import MenuBegan, MenuEnded
from ivr import resume
from ivr.agi import AgiConnection, AgiEvent, Environment, HangUp, Reply
from ivr.flow import converse
from ivr.keep import Asking, PlaceKeeper, ask_number
from ivr.menus import Menu
from ivr.steps import CallerLeft, Dialogue, Outcome, Say, SetLanguage, Step
from ivr.texts import LANGUAGES
from ivr.wire import (
    SOUNDS_VARIABLE,
    Ask,
    Performing,
    PromptLengths,
    Voice,
    go_to,
    longest_s,
    perform,
    read_variable,
    set_variables,
)

log = logging.getLogger(__name__)

READ_BYTES = 4096
SCRIPT, KEEP_SCRIPT = "menu", "keep"
# What the dialplan looks at when the dialogue of cti-keep is over.
KEPT_VARIABLE = "CTI_KEPT"
_CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class MenuSource(Protocol):
    """Where menus are."""

    async def menu(self, tenant: TenantId, menu: MenuId) -> Menu:
        """The tenant's menu. Raises NotFound, or Unavailable when it cannot be read now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IvrConfig:
    """Where to listen, and every limit."""

    host: str = "127.0.0.1"
    port: int = 4573  # FastAGI's usual one; 0: any free port
    max_connections: int = 500  # callers in a menu at once; one costs about 60 KB here and a channel there
    environment_deadline_s: float = 3.0  # Asterisk sends it in one go; who says nothing is no Asterisk
    menu_deadline_s: float = 2.0  # reading the menu: the caller hears nothing meanwhile
    reply_margin_s: float = 4.0  # on top of what a command may take, for a busy Asterisk
    watchdog_margin_s: float = 6.0  # on top of what a step may take, before Asterisk takes the caller away from us
    drain_s: float = 20.0  # how long a stop waits for dialogues that are under way


@dataclass(kw_only=True)
class IvrCounts:
    """What happened since the start, for metrics."""

    live: int = 0
    completed: int = 0
    hung_up: int = 0  # the caller left half way
    failed: int = 0  # garbage, silence, an unknown menu, an Asterisk that stopped answering
    refused: int = 0  # above max_connections, or while stopping


@dataclass(kw_only=True)
class _Link:
    """One connection: the codec and its two streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    agi: AgiConnection = field(default_factory=AgiConnection)
    events: list[AgiEvent] = field(default_factory=list)

    async def next_event(self, deadline_s: float) -> AgiEvent:
        """The next event. Raises CallerLeft when the socket ends, PeerError when nothing or nonsense comes."""
        try:
            async with asyncio.timeout(deadline_s):
                while not self.events:
                    data = await self.reader.read(READ_BYTES)
                    if not data:
                        raise CallerLeft
                    self.events += self.agi.receive(data)
        except TimeoutError as error:
            raise PeerError(f"FastAGI: no answer within {deadline_s:.0f} s (phase {self.agi.phase})") from error
        except ConnectionError as error:
            raise CallerLeft from error
        return self.events.pop(0)

    async def ask(self, ask: Ask, margin_s: float) -> Reply:
        """Send a command and wait for its reply. Raises CallerLeft on HANGUP: nothing more can be done then."""
        self.writer.write(self.agi.send(ask.line))
        event = await self.next_event(ask.longest_s + margin_s)
        if isinstance(event, HangUp):
            raise CallerLeft
        if not isinstance(event, Reply):
            raise PeerError("FastAGI: an environment came twice")
        return event

    async def do(self, performing: Performing, margin_s: float) -> str:
        """Run the commands of one step; the keys that were pressed."""
        try:
            ask = next(performing)
            while True:
                ask = performing.send(await self.ask(ask, margin_s))
        except StopIteration as done:
            return str(done.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """Who asks for which menu."""

    call_id: CallId
    tenant: TenantId
    menu: MenuId


class IvrServer:
    """Listens for Asterisk. ``start`` and ``stop`` once each."""

    def __init__(
        self,
        *,
        config: IvrConfig,
        menus: MenuSource,
        signals: SignalSink,
        lengths: PromptLengths,
        now: Callable[[], datetime],
        keeper: PlaceKeeper | None = None,
    ) -> None:
        self.counts = IvrCounts()
        self._config = config
        self._menus = menus
        self._signals = signals
        self._lengths = lengths
        self._now = now
        self._keeper = keeper
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[CallId, _Link] = {}  # the connection that speaks for a call

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError before ``start``."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the FastAGI server is not listening")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def ready(self) -> bool:
        """Whether new callers are taken."""
        return self._server is not None and self._server.is_serving()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        self._server = await asyncio.start_server(
            self._accept, self._config.host, self._config.port, limit=READ_BYTES * 4
        )
        log.info("FastAGI server listens", extra={"action": "ivr_start", "port": self.port})

    async def stop(self) -> None:
        """Take nobody new, let dialogues end for ``drain_s``, then close the rest: the dialplan carries them on."""
        if self._server is None:
            return
        self._server.close()
        waiting = set(self._tasks)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self._config.drain_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            log.info("FastAGI server drained", extra={"action": "ivr_stop", "cut_off": len(late)})

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._config.max_connections:
            self.counts.refused += 1
            log.warning("FastAGI connection refused: too many callers", extra={"action": "ivr_refuse"})
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(_Link(reader=reader, writer=writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, link: _Link) -> None:
        self.counts.live += 1
        try:
            event = await link.next_event(self._config.environment_deadline_s)
            if not isinstance(event, Environment):
                raise PeerError("FastAGI: no environment came")
            if event.script == KEEP_SCRIPT and self._keeper is not None:
                await self._keep(link, event, self._keeper)
            else:
                await self._talk(link, self._request(event))
        except CallerLeft:
            self.counts.failed += 1
            log.info("FastAGI connection closed before it asked for anything", extra={"action": "ivr_gone"})
        except PeerError as error:
            self.counts.failed += 1
            log.warning("FastAGI connection dropped", extra={"action": "ivr_drop", "reason": str(error)})
        except Exception:
            self.counts.failed += 1
            log.exception("dialogue failed", extra={"action": "ivr_drop"})
        finally:
            self.counts.live -= 1
            await _close(link.writer)

    def _request(self, event: Environment) -> _Request:
        call_id, tenant, menu = (event.argument(number) for number in (1, 2, 3))
        if event.script != SCRIPT:
            raise PeerError("FastAGI: the request is not agi://HOST:PORT/menu,CALL_ID,TENANT,MENU")
        if not (_CALL_ID.fullmatch(call_id) and _SLUG.fullmatch(tenant) and _SLUG.fullmatch(menu)):
            raise PeerError("FastAGI: call, tenant or menu of the request is not well formed")
        return _Request(call_id=CallId(call_id), tenant=TenantId(tenant), menu=MenuId(menu))

    async def _keep(self, link: _Link, event: Environment, keeper: PlaceKeeper) -> None:
        """Ask a waiting caller for the number to call back; the last act tells the dialplan that the place is kept."""
        call_id, language = CallId(event.argument(1)), event.argument(3)
        if not _CALL_ID.fullmatch(call_id) or language not in LANGUAGES:
            raise PeerError("FastAGI: call or language of the request is not well formed")
        voice = Voice(language=language, lengths=self._lengths)
        dialogue, margin_s = ask_number(keeper.number_of(call_id)), self._config.reply_margin_s
        try:
            voice.sounds = await link.do(read_variable(SOUNDS_VARIABLE), margin_s) or voice.sounds
            number = await self._answer_of(link, dialogue, voice)
            if number is None:
                return
            if not await keeper.keep(call_id, number, language):
                await self._do(link, Say(prompts=("callback-not-now",)), voice)
                return
        except CallerLeft:
            self.counts.hung_up += 1
            return
        try:
            await link.do(set_variables({KEPT_VARIABLE: "1"}), margin_s)
        except CallerLeft:
            log.info("the caller left when the place was kept", extra={"call_id": call_id, "action": "ivr_keep"})
        except PeerError:
            keeper.stayed(call_id)
            raise

    async def _answer_of(self, link: _Link, dialogue: Asking, voice: Voice) -> str | None:
        try:
            step = next(dialogue)
            while True:
                step = dialogue.send(await self._do(link, step, voice))
        except StopIteration as done:
            answer: str | None = done.value
            return answer

    async def _talk(self, link: _Link, request: _Request) -> None:
        fields = {"call_id": request.call_id, "action": "ivr_menu"}
        try:
            async with asyncio.timeout(self._config.menu_deadline_s):
                menu = await self._menus.menu(request.tenant, request.menu)
        except (KakehashiError, TimeoutError) as error:
            # No menu is no reason to keep a caller: done, without facts, and the number's own queue takes over.
            log.error("menu cannot be used", extra={**fields, "menu": request.menu, "reason": str(error)})
            self.counts.failed += 1
            await self._give_back(link, {}, None)
            return
        self._latest[request.call_id] = link
        try:
            await self._lead(link, request, menu)
        finally:
            if self._latest.get(request.call_id) is link:
                del self._latest[request.call_id]

    async def _lead(self, link: _Link, request: _Request, menu: Menu) -> None:
        """Lead a caller through a menu, and tell the desk what came of it."""
        fields = {"call_id": request.call_id, "action": "ivr_menu"}
        self._signals.post(MenuBegan(at=self._now(), call_id=request.call_id, menu=request.menu))
        dialogue = converse(menu)
        voice = Voice(language=menu.language, lengths=self._lengths)
        try:
            outcome = await self._converse(link, dialogue, menu, voice)
        except (PeerError, asyncio.CancelledError) as error:
            self._ended(link, request, _cut_short(dialogue))
            log.warning("dialogue cut short", extra={**fields, "reason": str(error)})
            raise
        self._ended(link, request, outcome)
        if voice.unplayable:
            names = sorted(voice.unplayable)
            log.error("prompts cannot be played; render them", extra={**fields, "prompts": names})
        if not outcome.completed:
            self.counts.hung_up += 1
            return
        # The facts are posted before the caller can move on: whoever queues the call knows them.
        self.counts.completed += 1
        await self._give_back(link, _variables(outcome), outcome.treatment)

    async def _converse(self, link: _Link, dialogue: Dialogue, menu: Menu, voice: Voice) -> Outcome:
        """Run the dialogue to its end, or until the caller leaves. Answers given to a server that died count."""
        margin_s = self._config.reply_margin_s
        step, answers = next(dialogue), resume.Answers(menu=menu)
        try:
            voice.sounds = await link.do(read_variable(SOUNDS_VARIABLE), margin_s) or voice.sounds
            answers.given = resume.read(menu, await link.do(read_variable(resume.VARIABLE), margin_s))
            while True:
                if unsaved := answers.take_unsaved():
                    await link.do(set_variables({resume.VARIABLE: unsaved}), margin_s)
                keys = answers.replay(step)
                if keys is None:
                    keys = await self._do(link, step, voice)
                    answers.note(step, keys)
                step = dialogue.send(keys)
        except CallerLeft:
            return _cut_short(dialogue)
        except StopIteration as done:
            return _outcome(done)

    async def _do(self, link: _Link, step: Step, voice: Voice) -> str:
        if not isinstance(step, SetLanguage):
            # The first prompt only: the others may be the digits of a number that is read back.
            asked = {"step": type(step).__name__, "prompt": step.prompts[0] if step.prompts else ""}
            log.debug("dialogue step", extra={"action": "ivr_step", **asked})
            await self._watchdog(link, longest_s(step, voice))
        return await link.do(perform(step, voice), self._config.reply_margin_s)

    async def _watchdog(self, link: _Link, step_s: float) -> None:
        seconds = math.ceil(step_s + self._config.watchdog_margin_s)
        await link.do(set_variables({"TIMEOUT(absolute)": str(seconds)}), self._config.reply_margin_s)

    async def _give_back(self, link: _Link, variables: dict[str, str], treatment: str | None) -> None:
        """The last act. The watchdog stays armed: if we froze just here, Asterisk would still go on."""
        try:
            if treatment is not None:
                await link.do(go_to("cti-treat", treatment), self._config.reply_margin_s)
            await link.do(set_variables({**variables, "CTI_DONE": "1"}), self._config.reply_margin_s)
        except CallerLeft:
            log.info("the caller left at the end of the menu", extra={"action": "ivr_menu"})

    def _ended(self, link: _Link, request: _Request, outcome: Outcome) -> None:
        # We froze, Asterisk came with a second connection, we thawed: what the first one ends with is no news.
        if self._latest.get(request.call_id) is not link:
            return
        signal = MenuEnded(at=self._now(), call_id=request.call_id, facts=outcome.facts, completed=outcome.completed)
        self._signals.post(signal)


def _variables(outcome: Outcome) -> dict[str, str]:
    facts = outcome.facts
    variables = {"CTI_LANG": facts.language, resume.VARIABLE: ""}
    if facts.queue is not None:
        variables["CTI_QUEUE"] = facts.queue
    return variables


def _cut_short(dialogue: Dialogue) -> Outcome:
    """Tell the dialogue that the caller left; what it had learned."""
    try:
        dialogue.throw(CallerLeft())
    except StopIteration as done:
        return _outcome(done)
    raise RuntimeError("a dialogue must end when the caller leaves")


def _outcome(done: StopIteration) -> Outcome:
    outcome: Outcome = done.value
    return outcome


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        # A peer that does not read what is left gets no more time.
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
    except (TimeoutError, ConnectionError):
        writer.transport.abort()
