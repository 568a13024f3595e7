"""What a server prepares before it is in charge: ports, patience, and one log-in for practice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from cti.ami.errors import AmiLoginRefused
from cti.config import S3, Asterisk, Config, Ivr, Web
from cti.domain.errors import ConfigError, Unavailable
from cti.web.standby import listen_on
from cti.wiring import core, ground
from cti.wiring.ground import StandingByServer, claim_ports
from cti.wiring.lease import LeaseKeeper
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk
from tests.unit.wiring.leases import T0, MemoryLeases, Row

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with contextlib.closing(listen_on(LOOPBACK, 0, "")) as free:
        return int(free.getsockname()[1])


def a_config(*, web: int = 0, menus: int = 0, ami: int = 5038) -> Config:
    return Config.model_construct(
        data_dir=Path("/nonexistent"),
        web=Web.model_construct(host=LOOPBACK, port=web or free_port(), origins=("https://cti.example.com",)),
        ivr=Ivr.model_construct(host=LOOPBACK, port=menus or free_port()),
        s3=S3.model_construct(),
        asterisk=Asterisk(ami_secret=SecretStr("right"), ami_port=ami),
    )


@pytest.fixture
async def spare() -> AsyncIterator[tuple[StandingByServer, Row, FakeAsterisk]]:
    row = Row()
    keeper = LeaseKeeper(MemoryLeases(row), holder="b", address="", now=lambda: T0)
    async with fake_asterisk() as asterisk, AsyncExitStack() as cleanup:
        config = a_config(ami=asterisk.port)
        yield StandingByServer(config, claim_ports(config, cleanup), keeper), row, asterisk


@pytest.mark.parametrize(("taken", "named"), [("web", r"web\.port"), ("menus", r"ivr\.port")])
async def test_a_server_whose_ports_are_taken_takes_nothing_from_anybody(taken: str, named: str) -> None:
    with contextlib.closing(listen_on(LOOPBACK, 0, "")) as other:
        other.listen()
        config = a_config(**{taken: other.getsockname()[1]})
        async with AsyncExitStack() as cleanup:
            with pytest.raises(OSError, match=named):
                claim_ports(config, cleanup)


async def test_what_is_away_is_waited_for_and_said(
    spare: tuple[StandingByServer, Row, FakeAsterisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "AGAIN_S", 0.001)
    server, _, _ = spare
    said = []

    async def third_time() -> str:
        said.append(server.now().why)
        if len(said) < 3:
            raise Unavailable("PostgreSQL cannot be reached")
        return "there"

    assert await server.until_there(third_time) == "there"
    assert said[1:] == ["standing by, not yet able to take over: PostgreSQL cannot be reached"] * 2
    assert server.now().why == "standing by"


async def test_what_waiting_does_not_cure_is_raised(spare: tuple[StandingByServer, Row, FakeAsterisk]) -> None:
    async def wrong() -> None:
        raise ConfigError(["database.url names a database that does not exist"])

    with pytest.raises(ConfigError):
        await spare[0].until_there(wrong)


async def test_a_wrong_secret_is_found_before_it_counts(spare: tuple[StandingByServer, Row, FakeAsterisk]) -> None:
    server, _, asterisk = spare
    asterisk.secret = "another"
    with pytest.raises(AmiLoginRefused):
        await server.rehearse()
    assert not asterisk.named("Setvar"), "nothing was changed there"


async def test_an_asterisk_that_is_away_is_no_reason_not_to_stand_by(
    spare: tuple[StandingByServer, Row, FakeAsterisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "REHEARSE_S", 0.05)
    server, _, asterisk = spare
    await asterisk.stop()
    await server.rehearse()


async def test_an_upgrade_that_forgot_the_spare_is_said(
    spare: tuple[StandingByServer, Row, FakeAsterisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, row, _ = spare
    other = LeaseKeeper(MemoryLeases(row), holder="a", address="", now=lambda: T0)
    await other.wait()
    answers: list[Exception | None] = [Unavailable("away"), ConfigError(["migrated by a newer kakehashi"]), None]
    asked = asyncio.Event()

    async def tables(_pool: object) -> None:
        if answers and (error := answers.pop(0)) is not None:
            raise error
        asked.set()

    monkeypatch.setattr(ground, "TABLES_S", 0.02)
    monkeypatch.setattr(core, "require_tables", tables)
    await server.until_there(there)
    waiting = asyncio.create_task(server.wait(cast(Any, None)))
    async with asyncio.timeout(5):
        while "restart this one: migrated by a newer kakehashi" not in server.now().why:
            await asyncio.sleep(0.001)
        await asked.wait()
    assert "restart" not in server.now().why, "the backup was restored"
    assert not waiting.done()
    row.lease = None
    assert (await asyncio.wait_for(waiting, 5)).holder == "b"


async def there() -> None:
    """Nothing is away."""
