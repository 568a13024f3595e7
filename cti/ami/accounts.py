"""Calls that nobody of ours heard of, found in Asterisk's own account: the shell around ``cel``.

Whenever events were missed (start, reconnect, overflow) the account is read from the last instant up to which
everything was heard. Calls of the desk that are gone are looked up first, within a second, because they are about to be
declared vanished; calls that began and ended meanwhile are looked for beside the work, and posted when no record knows
them (docs/decisions/0130-calls-nobody-heard-come-from-cel.md).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from cti.ami.cel import Account, CelReader, read_row
from cti.ami.celfile import lines_since
from cti.ami.celrecord import AgentOf, record
from cti.domain.errors import KakehashiError
from cti.domain.model import Call, CallId, CallState, TalkSegment, TenantId, UniqueId
from cti.domain.ports import SignalSink
from cti.domain.signals import CallAccounted, ChannelHungUp

log = logging.getLogger(__name__)

# Asterisk writes the account on a thread of its own, some milliseconds after the fact, and the two clocks are one.
SLACK = timedelta(seconds=5)
# Without a remembered instant: a day that nobody accounted for is worth a look, more is history.
FIRST_LOOK = timedelta(days=1)
# Calls that are gone wait this long for their account before they are declared vanished: 100,000 lines are read in it.
MISSING_S = 1.0
# Calls looked up and posted at a time; between two batches everybody else has the turn.
BATCH = 50
PAUSE_S = 0.05
# Lines between two rests of the reading thread, which holds the interpreter while it reads: 5 ms of work, 5 of rest.
REST_LINES = 500
REST_S = 0.005
# Shorter accounts are read without a rest: an outage of minutes.
FREE_LINES = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gap:
    """Events were missed, and Asterisk has been looked at since."""

    looked_at: datetime  # when Asterisk was asked for its channels
    heard_at: datetime  # from then on everything is heard
    there: frozenset[UniqueId]  # its channels


@dataclass(kw_only=True, slots=True)
class _Reading:
    """How far the account of one gap was read. Kept while the database is away, so that nothing is read twice."""

    gap: _Gap
    since: datetime
    accounts: Iterator[Account]
    left: list[Account]  # read and not looked up yet, oldest last
    found: int = 0


class AccountReader:
    """Reads the account after each gap. ``path`` is cel.csv, ``mark`` a small file of ours that remembers how far.

    ``live`` gives the desk's calls; ``find`` a stored or waiting record (raises Unavailable); ``agent_of`` whose phone
    an endpoint is; ``e164`` writes a number called as records do; ``last_sound`` says when a call's recording last grew
    (on a thread).
    """

    def __init__(
        self,
        *,
        path: Path,
        mark: Path,
        sink: SignalSink,
        live: Callable[[], Iterable[Call]],
        find: Callable[[TenantId, CallId], Awaitable[Call | None]],
        agent_of: AgentOf,
        e164: Callable[[str], str],
        last_sound: Callable[[CallId], datetime | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._path = path
        self._mark = mark
        self._sink = sink
        self._live = live
        self._find = find
        self._agent_of = agent_of
        self._e164 = e164
        self._last_sound = last_sound
        self._clock = clock
        self._heard_until: datetime | None = None  # None: not read from the mark yet
        self._gap: _Gap | None = None
        self._reading: _Reading | None = None
        self._open_gap = True  # until the first account was read
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        self._complained = False
        self.found = 0  # calls posted that nobody knew

    async def start(self) -> None:
        """Begin to wait for gaps."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="ami-accounts")

    async def stop(self) -> None:
        """Stop reading; the next start goes on from the mark."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    # --- Told by the audit (cti.ami.audit.Accounts) --------------------------------------------------------------

    async def missing(self, there: frozenset[UniqueId]) -> None:
        """Before calls, and agents' legs, that are not in a snapshot are declared gone: what does the account say?

        Returns within a second, whatever the account's length. Never raises.
        """
        gone = {call.call_id: call for call in self._live() if call.uniqueid not in there}
        legs = {
            talk.agent_uniqueid: (call, talk)
            for call in self._live()
            for talk in call.talks
            if call.call_id not in gone and talk.ended_at is None and talk.agent_uniqueid not in there
        }
        if not gone and not legs:
            return
        enough = threading.Event()
        try:
            async with asyncio.timeout(MISSING_S):
                since = await self._since()
                for uniqueid, at in (
                    await asyncio.to_thread(_ends, self._path, since, frozenset(legs), enough)
                ).items():
                    self._sink.post(_hung_up(*legs[uniqueid], at))
                if not gone:
                    return
                for account in await asyncio.to_thread(_look_up, self._path, since, frozenset(gone), enough):
                    self._post(await self._ended(account, self._clock()), gone[account.call_id])
        except TimeoutError:
            log.warning("Asterisk's account is too long to wait for", extra={"action": "accounts", "calls": len(gone)})
        except OSError as error:
            self._complain(error)
        except Exception:
            log.exception("Asterisk's account could not be read for a reason of ours")
        finally:
            enough.set()

    def seen(self, looked_at: datetime, there: frozenset[UniqueId], *, after_gap: bool) -> None:
        """A snapshot is merged. Without a gap everything up to it was heard; else the account has to be read."""
        if after_gap or (self._open_gap and self._reading is None):
            self._open_gap, self._reading = True, None
            self._gap = _Gap(looked_at=looked_at, heard_at=self._clock(), there=there)
            self._idle.clear()
        elif not self._open_gap:
            self._heard_until = looked_at
        self._wake.set()

    async def settled(self) -> None:
        """Wait until the latest gap is accounted for."""
        await self._idle.wait()

    # --- Beside the work -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if self._gap is not None:
                    await self._close(self._gap)
                await asyncio.to_thread(self._remember)
                if self._gap is None:
                    self._idle.set()
            except OSError as error:
                self._complain(error)
            except KakehashiError as error:  # the database is away: again after the next audit
                log.warning("calls in Asterisk's account wait: %s", error, extra={"action": "accounts"})
            except Exception:
                log.exception("Asterisk's account could not be read for a reason of ours")

    async def _close(self, gap: _Gap) -> None:
        """Post what the account knows and nobody else does. Raises OSError, Unavailable."""
        reading = self._reading
        if reading is None:
            since = await self._since()
            accounts = _accounts(self._path, since, self._stop)
            reading = self._reading = _Reading(gap=gap, since=since, accounts=accounts, left=[])
        try:
            await self._read_on(reading)
        except KakehashiError:
            raise  # goes on here when the database is back
        except BaseException:
            self._end(reading)
            raise
        self._end(reading)
        if self._gap is gap:
            self._gap, self._open_gap = None, False
            self._heard_until = gap.looked_at
        self.found += reading.found
        if reading.found:
            log.info(
                "calls that ended while nobody listened were found in Asterisk's account",
                extra={"action": "accounts", "calls": reading.found},
            )

    async def _read_on(self, reading: _Reading) -> None:
        while reading.left or (batch := await asyncio.to_thread(_some, reading.accounts)):
            reading.left = reading.left or batch[::-1]
            while reading.left:
                if reading.left[-1].ended_at >= reading.since:
                    reading.found += await self._take(reading.left[-1], reading.gap)
                reading.left.pop()
            await asyncio.sleep(PAUSE_S)

    def _end(self, reading: _Reading) -> None:
        if self._reading is reading:
            self._reading = None

    async def _take(self, account: Account, gap: _Gap) -> bool:
        """Whether this call was news."""
        if account.uniqueid in gap.there or account.ended_at > gap.heard_at:
            return False  # lives, or ended when we listened again
        if not account.closed and account.ended_at > gap.looked_at - SLACK:
            return False  # so young that its channel may have come after the look
        known = await self._find(account.tenant, account.call_id)
        if known is not None and known.state is CallState.ENDED:
            return False
        if any(call.call_id == account.call_id for call in self._live()):
            return False
        self._post(await self._ended(account, account.ended_at), known)
        return True

    async def _ended(self, account: Account, otherwise: datetime) -> Account:
        """With the end of a call that died with its Asterisk: its sound knows it best, to within two seconds."""
        if account.closed:
            return account
        sound_at = await asyncio.to_thread(self._last_sound, account.call_id)
        return replace(account, ended_at=max(account.ended_at, sound_at or otherwise))

    def _post(self, account: Account, known: Call | None) -> None:
        called = self._e164(account.number_called) if account.number_called else ""
        call = record(account, self._agent_of, number_called=called, base=known)
        self._sink.post(CallAccounted(at=self._clock(), call=call))

    # --- How far -------------------------------------------------------------------------------------------------

    async def _since(self) -> datetime:
        """From when on the account is news."""
        if self._heard_until is None:
            self._heard_until = await asyncio.to_thread(_read_mark, self._mark) or self._clock() - FIRST_LOOK
        return self._heard_until - SLACK

    def _remember(self) -> None:
        if self._heard_until is None:
            return
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        part = self._mark.with_suffix(".part")
        # Not synced: a lost mark costs a longer reading, nothing else.
        part.write_text(self._heard_until.isoformat(), encoding="ascii")
        part.replace(self._mark)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error(
                "Asterisk's account cannot be read: calls served while this server is away get no record",
                extra={"action": "accounts", "why": f"{error.filename}: {error.strerror}"},
            )


def _read_mark(mark: Path) -> datetime | None:
    try:
        at = datetime.fromisoformat(mark.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _accounts(path: Path, since: datetime, stop: threading.Event) -> Iterator[Account]:
    """Calls as the account tells them; last those whose end it does not tell. For a thread."""
    reader = CelReader()
    for number, line in enumerate(lines_since(path, since.timestamp())):
        if number >= FREE_LINES and number % REST_LINES == 0:
            stop.wait(REST_S)
        if stop.is_set():
            return
        row = read_row(line)
        account = reader.take(row) if row is not None else None
        if account is not None:
            yield account
    yield from reader.rest()


def _some(accounts: Iterator[Account]) -> list[Account]:
    return list(islice(accounts, BATCH))


def _hung_up(call: Call, talk: TalkSegment, at: datetime) -> ChannelHungUp:
    """As for a leg that a snapshot misses, but for the instant: who hung up, and why, nobody heard all the same."""
    return ChannelHungUp(
        at=at,
        channel=talk.agent_channel,
        uniqueid=talk.agent_uniqueid,
        call_id=call.call_id,
        cause=0,
        cause_text="accounted",
    )


def _ends(path: Path, since: datetime, wanted: frozenset[UniqueId], stop: threading.Event) -> dict[UniqueId, datetime]:
    """When these channels ended, of those whose end the account has. For a thread."""
    found: dict[UniqueId, datetime] = {}
    for number, line in enumerate(lines_since(path, since.timestamp()) if wanted else ()):
        if number >= FREE_LINES and number % REST_LINES == 0:
            stop.wait(REST_S)
        if stop.is_set() or len(found) == len(wanted):
            break
        row = read_row(line)
        if row is not None and row.kind == "HANGUP" and row.uniqueid in wanted:
            found[UniqueId(row.uniqueid)] = datetime.fromtimestamp(row.at_s, UTC)
    return found


def _look_up(path: Path, since: datetime, wanted: frozenset[CallId], stop: threading.Event) -> list[Account]:
    """The accounts of these calls; those without an end too, whose Asterisk died."""
    found: list[Account] = []
    for account in _accounts(path, since, stop):
        if account.call_id in wanted:
            found.append(account)
            if len(found) == len(wanted):
                break
    return found
