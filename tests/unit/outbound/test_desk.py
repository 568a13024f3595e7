"""Orders to dial: decided, counted, stored before they are sent, and told when nothing comes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain.effects import Effect, EffectId, EffectMove, advance
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    QueueId,
    TenantId,
    UniqueId,
)
from cti.outbound.desk import OutboundDesk
from cti.outbound.rules import OutboundRules, Refused

DEMO, SATO, SUZUKI = TenantId("demo"), AgentId("sato"), AgentId("suzuki")
GOOD = "090-1234-5678"
RULES = OutboundRules(number="+815012345000", queue=QueueId("members"), language="ja", per_agent_hour=2)


class Outbox:
    """Takes orders; ``becomes`` is what it says of the next one while it is sent."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.confirmed: list[EffectId] = []
        self.becomes: EffectMove | Exception | None = None
        self.desk: OutboundDesk | None = None

    async def do(self, effect: Effect, *also: Any) -> None:
        if isinstance(self.becomes, Exception):
            raise self.becomes
        self.effects.append(effect)
        if self.becomes is not None and self.desk is not None:
            sent = advance(effect, EffectMove.SEND, effect.created_at)
            self.desk.settled(advance(sent, self.becomes, effect.created_at), "")

    def seen(self, effect_id: EffectId) -> None:
        self.confirmed.append(effect_id)


class Scene:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
        self.rules: OutboundRules | None = RULES
        self.why: str | None = None
        self.outbox = Outbox()
        self.desk = self.outbox.desk = self.another()

    def another(self) -> OutboundDesk:
        return OutboundDesk(
            sender=self.outbox,
            rules=lambda _: self.rules,
            why_not=lambda *_: self.why,
            endpoint=self.endpoint,
            clock=lambda: self.now,
        )

    @staticmethod
    def endpoint(tenant: TenantId, agent: AgentId) -> str:
        if agent not in (SATO, SUZUKI):
            raise NotFound("no such agent")
        return f"{tenant}-{agent}"

    def later(self, **kwargs: float) -> None:
        self.now += timedelta(**kwargs)

    def settle(self, effect: Effect, *moves: EffectMove) -> Effect:
        """What became of an order, told as the sender tells it."""
        for move in (EffectMove.SEND, *moves):
            effect = advance(effect, move, self.now)
        self.desk.settled(effect, "")
        return effect

    async def why_not(self, agent: AgentId = SATO) -> str:
        with pytest.raises(Refused) as refused:
            await self.desk.dial(DEMO, agent, GOOD)
        return refused.value.key

    def call(self, call_id: CallId, **changes: Any) -> Call:
        call = Call(
            call_id=call_id,
            tenant=DEMO,
            state=CallState.ARRIVED,
            channel=ChannelName("Local/x@cti-callback-1;2"),
            uniqueid=UniqueId("1"),
            number_called="+815012345000",
            caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national=GOOD),
            arrived_at=self.now,
            extra={"dialled_by": "sato"},
        )
        return replace(call, **changes)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_order_holds_everything_that_the_dialplan_needs(scene: Scene) -> None:
    placed = await scene.desk.dial(DEMO, SATO, GOOD)
    (effect,) = scene.outbox.effects
    assert (effect.kind, effect.tenant, placed.shown) == ("outbound", DEMO, GOOD)
    assert {k: v for k, v in effect.body.items() if k != "call"} == {
        "by": "sato", "endpoint": "demo-sato", "queue": "members", "number": "+819012345678",
        "number_called": "+815012345000", "language": "ja", "queued_at": str(int(scene.now.timestamp())),
        "ring_s": "45", "own_ring_s": "20", "forget": "",
    }  # fmt: skip
    assert effect.body["call"] == placed.call_id


async def test_two_clicks_are_one_call(scene: Scene) -> None:
    await scene.desk.dial(DEMO, SATO, GOOD)
    scene.settle(scene.outbox.effects[0], EffectMove.CONFIRM)
    scene.later(seconds=1)
    assert await scene.why_not() == "dial_under_way"
    await scene.desk.dial(DEMO, SUZUKI, GOOD)
    scene.later(seconds=5)
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert [effect.body["by"] for effect in scene.outbox.effects] == ["sato", "suzuki", "sato"]


async def test_no_second_number_while_the_first_may_still_ring(scene: Scene) -> None:
    """Asterisk is frozen: the order waits in its socket, and the phone looks idle."""
    await scene.desk.dial(DEMO, SATO, GOOD)
    scene.later(seconds=6)
    assert await scene.why_not() == "dial_under_way"
    scene.later(seconds=9.9)
    assert await scene.why_not() == "dial_under_way"
    scene.later(seconds=0.1)
    await scene.desk.dial(DEMO, SATO, GOOD)  # from now on the dialplan takes the first one no more


@pytest.mark.parametrize("moves", [(EffectMove.CONFIRM,), (EffectMove.SILENCE, EffectMove.ABSENT)])
async def test_the_next_number_waits_only_until_it_is_known_what_became_of_the_first(
    scene: Scene, moves: tuple[EffectMove, ...]
) -> None:
    await scene.desk.dial(DEMO, SATO, GOOD)
    scene.later(seconds=6)
    scene.settle(scene.outbox.effects[0], *moves)
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert len(scene.outbox.effects) == 2


async def test_the_end_of_an_earlier_call_says_nothing_of_the_order_under_way(scene: Scene) -> None:
    earlier = await scene.desk.dial(DEMO, SATO, GOOD)
    scene.later(seconds=16)
    await scene.desk.dial(DEMO, SATO, GOOD)
    scene.rules = replace(RULES, per_agent_hour=9)
    scene.desk.handle(ev.CallEnded(at=scene.now, tenant=DEMO, call=scene.call(earlier.call_id)))
    assert await scene.why_not() == "dial_under_way"


async def test_who_cannot_be_rung_dials_nobody_and_is_not_counted(scene: Scene) -> None:
    scene.why = "dial_no_phone"
    assert await scene.why_not() == "dial_no_phone"
    with pytest.raises(NotFound):
        scene.why = None
        await scene.desk.dial(DEMO, AgentId("nobody"), GOOD)
    scene.rules = None
    assert await scene.why_not() == "dial_off"
    assert scene.outbox.effects == []
    scene.rules = RULES
    assert scene.desk.dialling(DEMO, SATO).left == 2


async def test_the_cap_outlives_a_restart_and_passes_with_the_hour(scene: Scene) -> None:
    for _ in range(2):
        await scene.desk.dial(DEMO, SATO, GOOD)
        scene.later(minutes=10)
    assert (await scene.why_not(), scene.desk.dialling(DEMO, SATO).left) == ("dial_agent_cap", 0)
    scene.desk = scene.outbox.desk = scene.another()
    scene.desk.restore(reversed(scene.outbox.effects))
    assert await scene.why_not() == "dial_agent_cap"
    assert scene.desk.dialling(DEMO, SUZUKI).left == 2
    scene.later(minutes=40)
    assert scene.desk.dialling(DEMO, SATO).left == 1
    await scene.desk.dial(DEMO, SATO, GOOD)


async def test_the_cap_counts_what_was_lent_before_a_restart(scene: Scene) -> None:
    scene.desk.restore([], [(DEMO, SATO, scene.now), (DEMO, SATO, scene.now - timedelta(minutes=59))])
    assert (await scene.why_not(), scene.desk.dialling(DEMO, SATO).left) == ("dial_agent_cap", 0)
    scene.later(minutes=2)
    assert scene.desk.dialling(DEMO, SATO).left == 1


async def test_a_phone_book_is_asked_about_in_one_go(scene: Scene) -> None:
    said = [refused and refused.key for refused in scene.desk.refusals(DEMO, SATO, [GOOD, "0990-123-456"])]
    assert said == [None, "dial_premium"]
    scene.desk.restore([], [(DEMO, SATO, scene.now)] * 2)
    said = [refused and refused.key for refused in scene.desk.refusals(DEMO, SATO, ["110", GOOD])]
    assert said == ["dial_emergency", "dial_agent_cap"], "what no hour changes is said first"


@pytest.mark.parametrize("becomes", [Unavailable("not stored"), EffectMove.REFUSE])
async def test_an_order_that_came_to_nothing_is_told_and_may_be_given_again_at_once(
    scene: Scene, becomes: EffectMove | Exception
) -> None:
    scene.outbox.becomes = becomes
    with pytest.raises(Unavailable):
        await scene.desk.dial(DEMO, SATO, GOOD)
    assert scene.desk.dialling(DEMO, SATO).left == 2
    scene.outbox.becomes = None
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert scene.desk.dialling(DEMO, SATO).left == 1


async def test_an_order_that_turns_out_never_taken_does_not_count_nor_after_a_restart(scene: Scene) -> None:
    await scene.desk.dial(DEMO, SATO, GOOD)
    never = scene.settle(scene.outbox.effects[0], EffectMove.SILENCE, EffectMove.ABSENT)
    assert scene.desk.dialling(DEMO, SATO).left == 2
    after = scene.another()
    after.restore([never])
    assert after.dialling(DEMO, SATO).left == 2


async def test_what_became_of_the_latest_order_is_told_until_its_call_is_over(scene: Scene) -> None:
    def order() -> tuple[str, str] | None:
        told = scene.desk.dialling(DEMO, SATO).order
        return None if told is None else (told.call_id, told.state)

    assert order() is None
    first = await scene.desk.dial(DEMO, SATO, GOOD)
    assert order() == (first.call_id, "asked")
    scene.settle(scene.outbox.effects[-1], EffectMove.SILENCE, EffectMove.ABSENT)
    assert order() == (first.call_id, "lost")
    assert scene.desk.dialling(DEMO, SUZUKI).order is None
    second = await scene.desk.dial(DEMO, SATO, GOOD)
    assert order() == (second.call_id, "asked"), "the first one is of no interest any more"
    scene.settle(scene.outbox.effects[-1], EffectMove.CONFIRM)
    assert order() == (second.call_id, "taken")


async def test_its_call_confirms_the_order_and_its_end_lets_the_next_one_forget_the_mark(scene: Scene) -> None:
    placed = await scene.desk.dial(DEMO, SATO, GOOD)
    call, (effect,) = scene.call(placed.call_id), scene.outbox.effects
    scene.desk.handle(ev.CallArrived(at=scene.now, tenant=DEMO, call=replace(call, extra={})))
    assert scene.outbox.confirmed == []
    scene.desk.handle(ev.CallArrived(at=scene.now, tenant=DEMO, call=call))
    assert scene.outbox.confirmed == [effect.effect_id]
    scene.desk.handle(ev.CallEnded(at=scene.now, tenant=DEMO, call=replace(call, state=CallState.ENDED)))
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert scene.outbox.effects[-1].body["forget"] == effect.effect_id


async def test_an_order_of_the_process_before_is_confirmed_by_its_call(scene: Scene) -> None:
    placed = await scene.desk.dial(DEMO, SATO, GOOD)
    after = scene.another()
    after.restore(scene.outbox.effects)
    after.handle(ev.CallArrived(at=scene.now, tenant=DEMO, call=scene.call(placed.call_id)))
    assert scene.outbox.confirmed == [scene.outbox.effects[0].effect_id]


@pytest.mark.parametrize("settled", [False, True])
async def test_the_mark_of_a_call_that_outlived_a_restart_is_forgotten_when_it_ends(
    scene: Scene, settled: bool
) -> None:
    placed = await scene.desk.dial(DEMO, SATO, GOOD)
    (effect,) = scene.outbox.effects
    before = scene.settle(effect, EffectMove.CONFIRM) if settled else effect
    scene.desk = scene.another()
    scene.desk.restore([before])
    scene.desk.handle(ev.CallEnded(at=scene.now, tenant=DEMO, call=scene.call(placed.call_id)))
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert scene.outbox.effects[-1].body["forget"] == effect.effect_id


@pytest.mark.parametrize("becomes", [Unavailable("not stored"), EffectMove.REFUSE])
async def test_a_mark_that_an_order_could_not_take_away_is_left_to_the_next(
    scene: Scene, becomes: EffectMove | Exception
) -> None:
    placed = await scene.desk.dial(DEMO, SATO, GOOD)
    (effect,) = scene.outbox.effects
    scene.desk.handle(ev.CallEnded(at=scene.now, tenant=DEMO, call=scene.call(placed.call_id)))
    scene.outbox.becomes = becomes
    with pytest.raises(Unavailable):
        await scene.desk.dial(DEMO, SATO, GOOD)
    scene.outbox.becomes = None
    await scene.desk.dial(DEMO, SATO, GOOD)
    await scene.desk.dial(DEMO, SUZUKI, GOOD)
    assert [made.body["forget"] for made in scene.outbox.effects[-2:]] == [effect.effect_id, ""]


def lend(scene: Scene, text: str = GOOD, tenant: TenantId = DEMO, agent: AgentId = SATO) -> str:
    """Why somebody outside is not rung from a call; "" when they are."""
    try:
        scene.desk.lend(tenant, agent, text)
    except Refused as refused:
        return refused.key
    return ""


async def test_who_is_rung_from_a_call_counts_like_a_number_that_was_dialled(scene: Scene) -> None:
    first = scene.desk.lend(DEMO, SATO, GOOD)
    assert (first.e164, first.digits, first.shows, first.language, first.ring_s, first.at) == (
        "+819012345678", "09012345678", RULES.number, "ja", RULES.ring_s, scene.now
    )  # fmt: skip
    await scene.desk.dial(DEMO, SATO, GOOD)
    assert (lend(scene), scene.desk.dialling(DEMO, SATO).left) == ("dial_agent_cap", 0)
    assert lend(scene, agent=SUZUKI) == ""
    scene.desk.give_back(DEMO, SATO, first.at)  # nobody was rung
    scene.desk.give_back(DEMO, SATO, scene.now + timedelta(seconds=9))  # nor was this one ever lent
    assert (lend(scene), lend(scene)) == ("", "dial_agent_cap")
    scene.later(hours=1)
    assert lend(scene) == ""
    assert scene.outbox.effects[1:] == [], "nothing is placed"


@pytest.mark.parametrize(("text", "key"), [("110", "dial_emergency"), ("0990-123456", "dial_premium")])
async def test_from_a_call_too_nobody_is_rung_whom_the_desk_may_not_dial(scene: Scene, text: str, key: str) -> None:
    assert lend(scene, text) == key
    scene.rules = None
    assert lend(scene) == "dial_off"


async def test_a_desks_cap_is_all_of_its_agents_and_no_other_desks(scene: Scene) -> None:
    scene.rules = replace(RULES, per_hour=2)
    assert [lend(scene, agent=agent) for agent in (SATO, SUZUKI, SUZUKI)] == ["", "", "dial_desk_cap"]
    assert lend(scene, tenant=TenantId("lease")) == ""


async def test_a_restart_gives_nobody_new_numbers_for_calls_that_go_on_either(scene: Scene) -> None:
    lent = [(DEMO, SATO, scene.now - timedelta(minutes=ago)) for ago in (10, 59, 61)]
    scene.desk = scene.another()
    scene.desk.restore([], lent)
    assert scene.desk.dialling(DEMO, SATO).left == 0
    scene.later(minutes=1)
    assert (lend(scene), lend(scene)) == ("", "dial_agent_cap")
