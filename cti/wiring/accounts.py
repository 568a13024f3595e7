"""Calls that nobody of ours heard of: from Asterisk's own account to the call desk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from cti.ami.accounts import AccountReader
from cti.ami.feed import AmiFeed
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.model import Call, CallId, TenantId
from cti.domain.phone import parse_called
from cti.store.calls import CallStore
from cti.store.recorder import CallRecorder
from cti.wiring.directory import DeskDirectory
from recording.keys import RATES


def reader(
    config: Config,
    desk: CallDesk,
    feed: AmiFeed,
    calls: CallStore,
    recorder: CallRecorder,
    directory: DeskDirectory,
    now: Callable[[], datetime],
) -> AccountReader:
    """Calls that are gone are looked up from the first snapshot on; those that nobody knows, once it is started."""

    async def find(tenant: TenantId, call_id: CallId) -> Call | None:
        return recorder.waits(tenant, call_id) or await calls.get(tenant, call_id)

    def last_sound(call_id: CallId) -> datetime | None:
        for extension in RATES:  # the caller's own side, as docs/dialplan.md names it
            with contextlib.suppress(OSError):
                changed = (config.asterisk.spool_dir / f"{call_id}-c-rx.{extension}").stat().st_mtime
                return datetime.fromtimestamp(changed, UTC)
        return None

    made = AccountReader(
        path=config.asterisk.folders.log / "cel.csv",
        mark=config.data_dir / "cel-heard-until",
        sink=desk,
        live=desk.all_live,
        find=find,
        agent_of=directory.agent_of_endpoint,
        e164=parse_called,
        last_sound=last_sound,
        clock=now,
    )
    feed.auditor.accounts = made
    return made
