"""The outbox: one store for all effects, and what the process before left in it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg

from cti.domain.callbacks import Callback
from cti.domain.effects import Effect
from cti.store.effects import EffectStore
from cti.wiring.journals import Journals


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """The store, open, and what nobody settled."""

    store: EffectStore
    callbacks: list[Callback]
    unsettled: list[Effect]

    def of_kind(self, *kinds: str) -> list[Effect]:
        """What a sender takes over."""
        return [effect for effect in self.unsettled if effect.kind in kinds]


async def start(pool: asyncpg.Pool[Any], journals: Journals, cleanup: AsyncExitStack) -> Outbox:
    """Open it and read what was left. Raises Unavailable."""
    store = EffectStore(pool, journals.effects)
    journals.writers.append(store)
    await store.recover()
    callbacks, unsettled = await store.load()
    await store.start()
    cleanup.push_async_callback(store.stop)
    return Outbox(store=store, callbacks=callbacks, unsettled=unsettled)
