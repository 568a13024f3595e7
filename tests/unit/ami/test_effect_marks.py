"""What the dialplan wrote beside an effect: only Asterisk's word that there is nothing counts as nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cti.ami.telephony import AmiTelephony
from cti.domain.errors import KakehashiError, NotAllowed, PeerError
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked

EFFECT = "0b1c" * 8


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


def found(*marks: str) -> str:
    """As Asterisk 22 answers DBGet."""
    items = [f"Event: DBGetResponse\nFamily: cti-effect\nKey: {EFFECT}\nVal: {mark}" for mark in marks]
    end = f"Event: DBGetComplete\nEventList: Complete\nListItems: {len(marks)}"
    return "\n\n".join(["Response: Success\nEventList: start\nMessage: Result will follow", *items, end])


async def mark(fake: FakeAsterisk, answer: str, *, bar: bool) -> str:
    # The fake writes the ActionID into every frame of an answer; a blocked Getvar has no value, as in 22.10.1.
    fake.answers |= {"DBGet": answer, "Getvar": "Response: Success\nVariable: DB(x)\nValue:"}
    async with linked(fake, []) as client:
        return await AmiTelephony(client, epoch="7").effect_mark(EFFECT, bar=bar)


async def test_a_mark_is_read_after_the_bar(fake: FakeAsterisk) -> None:
    assert await mark(fake, found("dialling"), bar=True) == "dialling"
    names = [action["Action"] for action in fake.actions]
    assert names.index("Setvar") < names.index("DBGet")
    assert fake.named("Setvar")[0]["Variable"] == f"CTI_VOID_{EFFECT[:4]}"


async def test_nothing_written_is_nothing_begun(fake: FakeAsterisk) -> None:
    assert await mark(fake, "Response: Error\nMessage: Database entry not found", bar=False) == ""
    assert fake.named("Setvar") == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("Response: Error\nMessage: Permission denied", NotAllowed),
        (found(), PeerError),
        (found(""), PeerError),
        ("Response: Error\nMessage: Something else", KakehashiError),
    ],
)
async def test_no_answer_is_no_proof(fake: FakeAsterisk, answer: str, error: type[KakehashiError]) -> None:
    with pytest.raises(error):
        await mark(fake, answer, bar=True)
