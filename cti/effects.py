"""Does what cannot be undone, once: stored, then sent, then done, not done, or unknown and looked for.

The outbox's moving part. Nothing ever happens twice: what is unknown is settled by looking at the other side, after
its id has been barred there, so that a request that is still on its way comes too late (docs/decisions/0140 and 0141),
or by asking once more where the other side does the same id only once (0222).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Protocol

from cti.domain.effects import Declined, Doer, Effect, EffectId, EffectMove, MaybeDone, NeverKnown, advance, give_up
from cti.domain.errors import KakehashiError, Unavailable

log = logging.getLogger(__name__)

# Asterisk shows a call that it placed within 10 ms; under load within a second.
CONFIRM_S = 4.0
LOOK_FIRST_S = 0.2
LOOK_MOST_S = 5.0
# What became of an effect and cannot be stored: a disk that is full or a database that is away takes minutes.
SAVE_AGAIN_S = 1.0
SAVE_AGAIN_MOST_S = 30.0

# What an effect came to, and the mark that the other side keeps ("" when it was not looked at or has none).
Settled = Callable[[Effect, str], None]


class Store(Protocol):
    """Where effects are kept (cti.store.effects)."""

    async def save(self, *records: Any) -> None:
        """Returns when all are on disk. Raises Unavailable: then nothing may be done."""


class EffectSender:
    """One event loop. ``on_settled`` hears of each effect exactly once in this process, when it is settled."""

    def __init__(
        self,
        store: Store,
        doers: Mapping[str, Doer],
        *,
        clock: Callable[[], datetime],
        on_settled: Settled,
        on_doubt: Callable[[Effect], None] = lambda _: None,
        confirm_s: float = CONFIRM_S,
        look_most_s: float = LOOK_MOST_S,
    ) -> None:
        """``look_most_s``: the longest pause between two looks at an other side that is away."""
        self._store = store
        self._doers = doers
        self._clock = clock
        self._on_settled = on_settled
        self._on_doubt = on_doubt
        self._confirm_s = confirm_s
        self._look_most_s = look_most_s
        self._live: dict[EffectId, Effect] = {}
        self._unsaved: dict[EffectId, Effect] = {}  # over, and could not be stored
        self._timers: dict[EffectId, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()  # the other side came back: look at once
        self._stopped = False
        self.counts: Counter[str] = Counter()  # stored, sent, done, not_done, unknown, never_known

    @property
    def live(self) -> tuple[Effect, ...]:
        """Effects that are not settled."""
        return tuple(self._live.values())

    @property
    def unsaved(self) -> tuple[Effect, ...]:
        """Effects that are over and could not be stored yet."""
        return tuple(self._unsaved.values())

    async def do(self, effect: Effect, *also: Any) -> None:
        """Store ``effect`` together with ``also``, then ask for it. What becomes of it is told to ``on_settled``.

        Raises Unavailable when it could not be stored: then nothing was asked, and nothing is told.
        """
        await self._keep(effect, *also)
        await self._send(effect)

    async def begin(self, effect: Effect) -> None:
        """Like ``do``, for an asker who does not wait: returns when it is stored, and it is asked for meanwhile.

        Raises Unavailable when it could not be stored: then nothing is asked, and nothing is told.
        """
        await self._keep(effect)
        self._spawn(self._send(effect))

    async def _keep(self, effect: Effect, *also: Any) -> None:
        await self._store.save(effect, *also)
        self.counts["stored"] += 1
        self._live[effect.effect_id] = effect

    async def _send(self, effect: Effect) -> None:
        self._move(effect, EffectMove.SEND)
        self.counts["sent"] += 1
        try:
            mark = await self._doers[effect.kind].send(effect)
        except MaybeDone:
            self._doubt(effect.effect_id)
        except KakehashiError as error:
            log.info("an effect was refused", extra={"action": effect.kind, "error": type(error).__name__})
            await self._settle(effect.effect_id, EffectMove.REFUSE, why=_why(error))
        except BaseException:
            self._doubt(effect.effect_id)
            raise
        else:
            if mark:
                await self._settle(effect.effect_id, EffectMove.CONFIRM, mark)
            elif effect.effect_id in self._live:  # the event may have been quicker than the answer
                loop = asyncio.get_running_loop()
                self._timers[effect.effect_id] = loop.call_later(self._confirm_s, self._doubt, effect.effect_id)

    def seen(self, effect_id: EffectId) -> None:
        """The other side shows that it happened."""
        if effect_id in self._live:
            self._spawn(self._settle(effect_id, EffectMove.CONFIRM))

    def take_over(self, effects: list[Effect]) -> None:
        """Effects that a process before us stored and did not settle: whether it sent them, nobody knows."""
        for effect in effects:
            self._live[effect.effect_id] = effect
            self._doubt(effect.effect_id)

    def look_now(self) -> None:
        """The other side is back."""
        self._wake.set()

    async def stop(self) -> None:
        """End. What is not settled is looked for by the next start."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- What becomes of them ---

    def _doubt(self, effect_id: EffectId) -> None:
        effect = self._live.get(effect_id)
        if effect is None:
            return
        self._disarm(effect_id)
        self.counts["unknown"] += 1
        log.warning("an effect is unknown: looking for it", extra={"action": effect.kind, "effect": effect_id})
        self._move(effect, EffectMove.SILENCE)
        self._on_doubt(effect)
        self._spawn(self._look_for(effect_id))

    async def _look_for(self, effect_id: EffectId) -> None:
        """Until the other side answers."""
        pause_s = LOOK_FIRST_S
        while (effect := self._live.get(effect_id)) is not None:
            try:
                mark = await self._doers[effect.kind].look(effect)
            except Declined as error:
                await self._settle(effect_id, EffectMove.ABSENT, why=error.why)
                return
            except NeverKnown as error:
                await self._give_up(effect_id, error.why)
                return
            except KakehashiError:
                self._wake.clear()
                try:
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                except TimeoutError:
                    pause_s = min(self._look_most_s, 2 * pause_s)
                continue
            await self._settle(effect_id, EffectMove.CONFIRM if mark else EffectMove.ABSENT, mark)
            return

    async def _settle(self, effect_id: EffectId, move: EffectMove, mark: str = "", *, why: str = "") -> None:
        effect = self._live.pop(effect_id, None)
        if effect is None:
            return
        self._disarm(effect_id)
        effect = advance(effect, move, self._clock(), mark=mark, why=why)
        self.counts[effect.state.value] += 1
        self._on_settled(effect, mark)
        await self._save_end(effect)

    async def _give_up(self, effect_id: EffectId, why: str) -> None:
        """It stays unknown, for a person to look; no start looks for it again."""
        effect = self._live.pop(effect_id, None)
        if effect is None:
            return
        log.warning("what became of an effect nobody can tell", extra={"action": effect.kind, "effect": effect_id})
        self.counts["never_known"] += 1
        await self._save_end(give_up(effect, self._clock(), why))

    async def _save_end(self, effect: Effect) -> None:
        if await self._saved(effect):
            return
        self._unsaved[effect.effect_id] = effect
        log.warning("what became of an effect could not be stored: again later", extra={"action": effect.kind})
        self._spawn(self._save_again(effect))

    async def _save_again(self, effect: Effect) -> None:
        """Until it is stored. Whoever stops before: the next start looks once more, and finds the same mark."""
        pause_s = SAVE_AGAIN_S
        while True:
            await asyncio.sleep(pause_s)
            if await self._saved(effect):
                return
            pause_s = min(SAVE_AGAIN_MOST_S, 2 * pause_s)

    async def _saved(self, effect: Effect) -> bool:
        try:
            await self._store.save(effect)
        except Unavailable:
            return False
        self._unsaved.pop(effect.effect_id, None)
        return True

    def _move(self, effect: Effect, move: EffectMove) -> None:
        self._live[effect.effect_id] = advance(effect, move, self._clock())

    def _disarm(self, effect_id: EffectId) -> None:
        timer = self._timers.pop(effect_id, None)
        if timer is not None:
            timer.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._stopped:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _why(error: KakehashiError) -> str:
    return error.why if isinstance(error, Declined) else ""
