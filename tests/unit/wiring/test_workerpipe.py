"""Frames on the pipe between the server and its recording worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.events import RecordingMissing
from cti.domain.model import CallId, TenantId
from cti.wiring.workerpipe import MOST_BYTES, Frame, Live, Ready, Refused, Status, encode, read

AT = datetime(2026, 11, 22, tzinfo=UTC)
words = st.text(max_size=30)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Live, calls=st.frozensets(words.map(CallId), max_size=20)),
    st.just(Ready()),
    st.builds(Refused, problems=st.lists(words, max_size=3).map(tuple)),
    st.builds(
        Status,
        gauges=st.dictionaries(words, st.floats(allow_nan=False), max_size=5),
        store_problem=st.none() | words,
    ),
    st.builds(
        RecordingMissing, at=st.just(AT), tenant=st.just(TenantId("demo")), call_id=words.map(CallId), reason=words
    ),
)


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_frames_cut_anywhere_arrive_as_they_were(sent: list[Frame], cuts: list[int]) -> None:
    async def through() -> list[Frame | None]:
        reader = asyncio.StreamReader()
        data, turn = b"".join(encode(frame) for frame in sent), 0
        heard = asyncio.create_task(all_of(reader))
        while data:
            size = cuts[turn % len(cuts)]
            reader.feed_data(data[:size])
            data, turn = data[size:], turn + 1
            await asyncio.sleep(0)
        reader.feed_eof()
        return await heard

    assert asyncio.run(through()) == sent


async def all_of(reader: asyncio.StreamReader) -> list[Frame | None]:
    heard: list[Frame | None] = []
    while (frame := await read(reader)) is not None:
        heard.append(frame)
    return heard


async def test_half_a_frame_is_an_end() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(encode(Ready())[:-1])
    reader.feed_eof()
    assert await read(reader) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ((MOST_BYTES + 1).to_bytes(4, "big"), "a frame of 16777217 bytes"),
        (encode("a string"), "a str on the worker's pipe"),  # type: ignore[arg-type]
    ],
)
async def test_what_is_no_frame_is_refused(data: bytes, why: str) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    with pytest.raises(ValueError, match=why):
        await read(reader)
