"""The journal at work: nothing on disk in good times, in bad ones everything that waits, and each of it once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti.domain.errors import ConfigError, Unavailable
from cti.store import journal as journal_module
from cti.store.journal import DiskJournal, hold_folder
from cti.store.journalfile import JournalFiles, encode


class Writer:
    """Keeps what waits, as the recorders do."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.waiting: list[Any] = []
        self.journal = DiskJournal(folder, **limits)
        self.journal.attach(lambda: [partial(dict, n=n) for n in self.waiting])
        self.folder = folder

    def take(self, *numbers: Any) -> None:
        for n in numbers:
            self.waiting.append(n)
            self.journal.put(partial(dict, n=n))

    def take_back(self, body: Mapping[str, Any]) -> None:
        self.waiting.append(body["n"])

    async def write(self) -> None:
        """The database takes everything at once."""
        await self.journal.synced()
        with self.journal.writing():
            self.waiting.clear()
        await self.journal.settle()

    def active(self) -> bool:
        return self.journal.active

    def problem(self) -> str:
        return self.journal.problem or ""

    def on_disk(self) -> list[Any]:
        """As the next process would see it."""
        return [body["n"] for body in JournalFiles(self.folder, 0).read().bodies]


@pytest_asyncio.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    writer = Writer(tmp_path / "calls")
    yield writer
    await writer.journal.close()


async def test_nothing_is_written_while_the_database_is_well(writer: Writer) -> None:
    for n in range(100):
        writer.take(n)
        await writer.write()
    assert not writer.folder.exists()
    assert writer.journal.counts["begun"] == 0


async def test_what_waits_and_what_comes_is_on_disk_until_it_is_written(writer: Writer) -> None:
    writer.take(1, 2)
    writer.journal.begin()
    writer.take(3)
    await writer.journal.synced()
    writer.take(4)
    await writer.journal.synced()
    assert writer.on_disk() == [1, 2, 3, 4]
    assert writer.active()
    await writer.write()
    assert writer.on_disk() == []
    assert not writer.active()
    writer.take(5)
    assert list(writer.folder.iterdir()) == []


async def test_a_record_is_on_disk_within_50_ms(writer: Writer) -> None:
    writer.journal.begin()
    await writer.journal.synced()
    loop = asyncio.get_running_loop()
    seconds = []
    for n in range(20):
        began_s = loop.time()
        writer.take(n)
        await writer.journal.synced()
        seconds.append(loop.time() - began_s)
    assert sorted(seconds)[10] < 0.05  # the median: a loaded machine's disk may hiccup
    assert writer.on_disk() == list(range(20))


async def test_what_comes_while_others_are_written_is_not_on_disk_with_them(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.journal.begin()
    await writer.journal.synced()
    began, goes_on, append = threading.Event(), threading.Event(), JournalFiles.append

    def slowly(files: JournalFiles, bodies: Any) -> None:
        began.set()
        goes_on.wait(20)
        append(files, bodies)

    monkeypatch.setattr(JournalFiles, "append", slowly)
    writer.take(1)
    await asyncio.to_thread(began.wait, 20)
    writer.take(2)
    goes_on.set()
    await writer.journal.synced()
    assert writer.on_disk() == [1, 2]


async def test_one_write_serves_many_records(writer: Writer) -> None:
    writer.journal.begin()
    await writer.journal.synced()
    before = writer.journal.counts["written"]
    writer.take(*range(1000))
    await writer.journal.synced()
    assert writer.journal.counts["written"] == before + 1


async def test_a_slow_write_to_the_database_begins_the_journal(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "PATIENCE_S", 0.01)
    writer.take(1)
    with writer.journal.writing():
        async with asyncio.timeout(5):
            while writer.on_disk() != [1]:
                await asyncio.sleep(0.005)
    writer.waiting.clear()
    writer.take(2)
    await writer.journal.settle()
    assert writer.active(), "what came during a slow write is not young"
    writer.waiting.clear()
    await writer.journal.settle()
    assert not writer.active(), "nothing waits, however slow it was"


async def test_a_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "calls", turn_bytes=2_000)
    writer.take("first")
    writer.journal.begin()
    for n in range(300):
        writer.take(n)
        if len(writer.waiting) > 10:
            writer.waiting.pop(1)  # written meanwhile, as far as the journal knows
        await writer.journal.synced()
    assert sum(path.stat().st_size for path in writer.folder.iterdir()) < 4_000
    assert writer.on_disk()[0] == "first"
    assert writer.on_disk()[-9:] == list(range(291, 300))
    await writer.journal.close()


async def test_a_full_journal_says_so_and_begins_again_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.01)
    writer = Writer(tmp_path / "calls", max_bytes=100)
    writer.take("a")
    writer.journal.begin()
    await writer.journal.synced()
    writer.take("b" * 200)
    await writer.journal.synced()
    assert "more than 100 bytes" in writer.problem()
    assert "in memory only" in writer.problem()
    assert writer.on_disk() == ["a"]
    writer.waiting.pop()
    writer.take("c")
    async with asyncio.timeout(5):
        while writer.problem():
            await asyncio.sleep(0.005)
    assert writer.on_disk() == ["a", "c"]
    await writer.journal.close()


async def test_a_disk_that_fails_never_stops_the_database(writer: Writer) -> None:
    writer.folder.parent.joinpath("calls").write_text("a file where the folder should be")
    writer.take(1)
    writer.journal.begin()
    await writer.journal.synced()
    assert "cannot be written" in writer.problem()
    writer.waiting.clear()
    await writer.journal.settle()
    writer.folder.unlink()
    assert not writer.active() or writer.problem()


async def test_a_disk_that_hangs_holds_nobody_for_ever(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SYNC_S", 0.05)
    hang = threading.Event()
    begin = JournalFiles.begin

    def hanging(files: JournalFiles, bodies: Any) -> None:
        hang.wait(10)
        begin(files, bodies)

    monkeypatch.setattr(JournalFiles, "begin", hanging)
    writer.take(1)
    writer.journal.begin()
    await writer.journal.synced()
    assert "does not answer" in writer.problem()
    hang.set()


async def test_the_next_process_gets_everything_in_order_and_once(tmp_path: Path) -> None:
    before = Writer(tmp_path / "calls")
    before.take(1, 2)
    before.journal.begin()
    before.take(3)
    await before.journal.synced()
    after = Writer(tmp_path / "calls")
    found = await after.journal.recover(lambda body: after.waiting.append(body["n"]))
    assert (found, after.waiting) == (3, [1, 2, 3])
    assert after.journal.active
    await after.write()
    third = Writer(tmp_path / "calls")
    assert await third.journal.recover(lambda body: third.waiting.append(body["n"])) == 0
    assert not third.journal.active
    for writer in (before, after, third):
        await writer.journal.close()


@pytest.mark.parametrize(
    "tail", [b"", encode({"n": 9})[:-4], encode({"n": 3})[:-1]], ids=["whole", "torn", "no line end"]
)
async def test_the_next_process_goes_on_where_the_file_is_whole(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "calls" / "0000000004.journal"
    path.parent.mkdir()
    path.write_bytes(encode({"n": 1}) + encode({"n": 2}) + tail)
    writer = Writer(tmp_path / "calls")
    await writer.journal.recover(writer.take_back)
    known = list(writer.waiting)
    assert known == [1, 2, *([3] if tail.endswith(b"}") else [])]
    writer.take(7)
    await writer.journal.synced()
    assert writer.on_disk() == [*known, 7]
    await writer.journal.close()


async def test_a_burst_that_a_slow_disk_cannot_keep_up_with_is_on_disk_all_the_same(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_PENDING", 10)
    writer.journal.begin()
    await writer.journal.synced()
    writer.take(*range(25))
    assert len(writer.journal._pending) <= 10
    await writer.journal.synced()
    assert writer.on_disk() == list(range(25))


async def test_a_process_that_dies_while_it_recovers_loses_nothing(tmp_path: Path) -> None:
    before = Writer(tmp_path / "calls")
    before.take(1, 2)
    before.journal.begin()
    await before.journal.synced()
    for _ in range(3):
        after = Writer(tmp_path / "calls")
        await after.journal.recover(after.take_back)
        await after.journal.synced()
        assert after.on_disk() == [1, 2]
        await after.journal.close()
    await before.journal.close()


async def test_a_torn_tail_and_strange_records_cost_themselves_only(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    writer.folder.mkdir()
    path = writer.folder / "0000000001.journal"
    path.write_bytes(encode({"n": 1}) + b"rubbish\n" + encode({"of another version": 2}) + encode({"n": 3})[:-4])
    await writer.journal.recover(lambda body: writer.waiting.append(body["n"]))
    assert writer.waiting == [1]
    assert writer.journal.counts["damaged"] == 2
    assert "no records" in caplog.text
    assert "torn" in caplog.text
    assert b"rubbish" in (writer.folder / "0000000001.damaged").read_bytes()
    await writer.write()
    assert [path.suffix for path in writer.folder.iterdir()] == [".damaged"]


async def test_a_journal_that_cannot_be_read_stops_the_start(writer: Writer) -> None:
    (writer.folder / "0000000001.journal").mkdir(parents=True)
    with pytest.raises(Unavailable, match="calls cannot be read"):
        await writer.journal.recover(lambda _: None)


@contextmanager
def held(folder: Path) -> Any:
    path, fd = hold_folder(folder, ["calls"])
    try:
        yield path
    finally:
        os.close(fd)


def test_a_second_server_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with held(tmp_path) as first, held(tmp_path) as second:
        assert (first.name, second.name) == ("0", "1")
    with held(tmp_path) as again:
        assert again == first


def test_what_a_dead_second_server_left_is_taken_over(tmp_path: Path) -> None:
    with held(tmp_path), held(tmp_path) as second:
        JournalFiles(second / "calls", 1000).begin([lambda: {"n": 1}])
        with held(tmp_path) as third:
            assert JournalFiles(third / "calls", 0).read().bodies == (), "its owner lives"
    with held(tmp_path) as first:
        assert JournalFiles(first / "calls", 0).read().bodies == ({"n": 1},)


def test_a_folder_that_is_not_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("")
    with pytest.raises(ConfigError, match=r"data_dir: .* cannot be written"):
        hold_folder(tmp_path / "journal", [])
