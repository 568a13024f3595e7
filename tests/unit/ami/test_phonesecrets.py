"""A phone's secret: written by a channel of the dialplan, believed when its mark is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from cti.ami import actions, phonesecrets
from cti.ami.phonesecrets import NONE, AmiPhoneSecrets, mark_of
from cti.domain.errors import CallerError, Unavailable
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked

SECRET = "0f" * 20


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


def dialplan(fake: FakeAsterisk, *, looks: int = 2) -> None:
    """Writes what it is told; the mark is seen from the so-manieth look on."""
    marks: dict[str, str] = {}
    asked: list[str] = []

    def originate(action: Mapping[str, str]) -> str:
        told = dict(pair.split("=", 1) for pair in action["Variable"].split(","))
        marks[action["Channel"]] = told["CTI_SECRET_MARK"]
        return "Response: Success"

    def read(action: Mapping[str, str]) -> str:
        asked.append(action["Variable"])
        channel = f"Local/{action['Variable'].removeprefix('CTI_SECRET_OF_')}@cti-secret/n"
        return f"Response: Success\nValue: {marks.get(channel, '') if len(asked) >= looks else ''}"

    fake.answers["Originate"] = originate
    fake.answers["Getvar"] = read


async def test_it_is_done_when_its_mark_is_there(fake: FakeAsterisk) -> None:
    dialplan(fake)
    async with linked(fake, []) as client:
        secrets = AmiPhoneSecrets(client, epoch="7")
        await secrets.put("demo-sato", SECRET)
        assert await secrets.mark("demo-sato") == mark_of(SECRET)
        await secrets.put("demo-sato", "")
        assert await secrets.mark("demo-sato") == NONE
    placed = fake.named("Originate")
    assert [action["Channel"] for action in placed] == ["Local/demo-sato@cti-secret/n"] * 2
    assert placed[0]["Variable"] == f"CTI_SECRET={SECRET},CTI_SECRET_MARK={mark_of(SECRET)},CTI_SECRET_EPOCH=7"
    assert "Data" not in placed[0]


async def test_a_dialplan_that_does_not_know_of_it_is_unavailable(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phonesecrets, "LOOKS_S", (0.0, 0.0))
    dialplan(fake, looks=99)
    async with linked(fake, []) as client:
        with pytest.raises(Unavailable, match="dialplan"):
            await AmiPhoneSecrets(client, epoch="7").put("demo-sato", SECRET)


async def test_without_a_link_it_is_unavailable(fake: FakeAsterisk) -> None:
    async with linked(fake, []) as client:
        await client.stop()
        for ask in (
            AmiPhoneSecrets(client, epoch="7").mark("demo-sato"),
            AmiPhoneSecrets(client, epoch="7").put("a1", ""),
        ):
            with pytest.raises(Unavailable):
                await ask


def test_a_mark_does_not_say_the_secret() -> None:
    assert mark_of(SECRET) != mark_of("0e" * 20) != NONE
    assert mark_of("") == NONE
    assert not any(SECRET[at : at + 8] in mark_of(SECRET) for at in range(len(SECRET) - 7))


@pytest.mark.parametrize(
    ("endpoint", "secret", "mark"),
    [
        ("demo-sato", "0f,CTI_EPOCH=8", "a"),
        ("demo-sato", "${DB(x/y)}", "a"),
        ("demo-sato", "0f\n", "a"),
        ("demo-sato", "0f", ""),
        ("demo-sato", "0f", "a,b=c"),
        ("demo-sato/n,Application", "0f", "a"),
        ("x@cti-callback", "0f", "a"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(endpoint: str, secret: str, mark: str) -> None:
    with pytest.raises(CallerError):
        actions.phone_secret(endpoint, secret, mark, "7")
