"""What agents ask for: checked against the table, asked of Asterisk, answered when events have confirmed it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cti.domain.consult import TABLE, Command
from cti.domain.errors import NotFound, Unavailable
from cti.domain.events import AgentFreed, CallPhaseChanged
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    Consultation,
    QueueId,
    TalkPhase,
    TalkSegment,
    TenantId,
    TransferKind,
    UniqueId,
)
from cti.domain.signals import HoldTold, OfferDecided, OfferTakenBack, Signal, TransferAsked
from cti.outbound.desk import Lent
from cti.transfers import Refused, Rules, TransferDesk

DEMO = TenantId("demo")
SATO, SUZUKI = AgentId("sato"), AgentId("suzuki")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NUMBER = "090-1234-5678"
NAMES = {"caller": "PJSIP/trunk-1", "agent": "PJSIP/demo-sato-2", "colleague": "PJSIP/demo-suzuki-3"}
# The action that each command is, by phase.
ACTIONS = {
    ("talking", "hold"): "hold",
    ("talking", "consult"): "consult",
    ("talking", "to_queue"): "to_queue",
    ("talking", "to_agent"): "pass_on",
    ("talking", "consult_outside"): "ask_outside",
    ("talking", "to_outside"): "pass_outside",
    ("held", "resume"): "fetch",
    ("held", "consult"): "consult",
    ("held", "to_queue"): "to_queue",
    ("held", "to_agent"): "pass_on",
    ("held", "consult_outside"): "ask_outside",
    ("held", "to_outside"): "pass_outside",
    ("calling", "return"): "fetch",
    ("consulting", "return"): "hang_up",
    ("consulting", "swap"): "swap",
    ("consulting", "join"): "join",
    ("consulting", "complete"): "hand_over",
    ("consulting", "to_queue"): "to_queue",
    ("swapped", "return"): "hang_up",
    ("swapped", "swap"): "swap",
    ("swapped", "join"): "join",
    ("swapped", "complete"): "hand_over",
    ("conference", "return"): "hang_up",
    ("conference", "complete"): "leave",
}


def call_in(phase: TalkPhase | None, *, asked: bool = False) -> Call:
    talk = TalkSegment(
        agent=SATO,
        offer_id=None,
        agent_channel=ChannelName(NAMES["agent"]),
        agent_uniqueid=UniqueId("1.1"),
        answered_at=NOW,
    )
    consultation = Consultation(
        first=SATO,
        second=SUZUKI,
        channel=ChannelName(NAMES["colleague"]),
        uniqueid=UniqueId("1.2"),
        began_at=NOW,
        answered_at=NOW,
    )
    return Call(
        call_id=CallId("call-1"),
        tenant=DEMO,
        state=CallState.TALKING,
        channel=ChannelName(NAMES["caller"]),
        uniqueid=UniqueId("1.0"),
        number_called="+81501234500",
        caller=CallerNumber(kind=CallerKind.WITHHELD),
        arrived_at=NOW,
        queue=QueueId("members"),
        talks=(talk,),
        phase=phase,
        consultations=(consultation,) if asked else (),
    )


@dataclass
class Desk:
    """Everything around the transfer desk; ``follows`` is what events show after an action."""

    call: Call | None
    follows: list[Call] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    posted: list[Signal] = field(default_factory=list)
    broken: Exception | None = None
    free: bool = True
    lent: list[datetime] = field(default_factory=list)  # numbers outside that count
    taken: list[str] = field(default_factory=list)  # whose phone nobody else may ring; "?" when that became unsure

    def __post_init__(self) -> None:
        self.transfers = TransferDesk(
            calls=self,
            telephony=self,
            directory=self,
            sink=self,
            rules=Rules(
                is_free=lambda _t, _a: self.free,
                is_queue=lambda _t, queue: queue == "roadside",
                takes=lambda _t, agent: self.taken.append(agent),
                unsure=lambda: self.taken.append("?"),
                lend=self.lend,
                give_back=lambda _t, _a, at: self.lent.remove(at),
                reason=lambda _t, agent: f"passed on by {agent}",
                now=lambda: NOW,
            ),
            confirm_s=0.05,
        )

    def lend(self, tenant: TenantId, agent: AgentId, number: str) -> Lent:
        if number == "110":
            raise Refused("dial_emergency", "dial_emergency")
        self.lent.append(NOW)
        digits, shows = number.replace("-", ""), "+81501234500"
        return Lent(e164=f"+81{digits[1:]}", digits=digits, shows=shows, ring_s=45, language="ja", at=NOW)

    def live(self, call_id: CallId) -> Call | None:
        return self.call

    def all_live(self, tenant: TenantId | None = None) -> tuple[Call, ...]:
        return (self.call,) if self.call is not None else ()

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        if agent not in (SATO, SUZUKI):
            raise NotFound("nobody")
        return f"demo-{agent}"

    def post(self, signal: Signal) -> None:
        self.posted.append(signal)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "transfers":
            raise AttributeError(name)

        async def action(*args: Any, **fields: Any) -> None:
            if self.broken is not None:
                raise self.broken
            self.asked.append((name, fields))
            for call in self.follows:
                self.transfers.handle(CallPhaseChanged(at=NOW, tenant=DEMO, call=call))

        return action


async def test_what_a_pages_phone_held_is_posted_for_its_own_leg_and_no_others_call() -> None:
    desk = Desk(call=call_in(TalkPhase.TALKING))
    holds = [(NOW - timedelta(seconds=9), NOW - timedelta(seconds=2)), (NOW - timedelta(seconds=1), None)]
    assert desk.transfers.held_alone(DEMO, SATO, CallId("call-1"), holds)
    told = [signal for signal in desk.posted if isinstance(signal, HoldTold)]
    assert [(one.uniqueid, one.began_at, one.ended_at) for one in told] == [("1.1", *hold) for hold in holds]
    assert not desk.transfers.held_alone(DEMO, SATO, CallId("call-2"), holds)
    assert not desk.transfers.held_alone(DEMO, SUZUKI, CallId("call-1"), holds)
    assert len(desk.posted) == 2


@pytest.mark.parametrize(
    ("phase", "age_s", "ended"),
    [(TalkPhase.TALKING, 2.0, True), (TalkPhase.HELD, 60.0, True), (TalkPhase.TALKING, 1.9, False),
     *((phase, 60.0, False) for phase in TalkPhase if phase not in (TalkPhase.TALKING, TalkPhase.HELD))],
)  # fmt: skip
async def test_the_dead_leg_of_a_page_that_is_back_is_ended_as_lost(
    phase: TalkPhase, age_s: float, ended: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a young one, which may be the one that came back already; and nobody else's call is cut into two."""
    call = call_in(phase)
    talk = replace(call.talks[0], answered_at=NOW - timedelta(seconds=age_s))
    desk = Desk(replace(call, talks=(talk,)))
    caplog.set_level("INFO", "cti.transfers")
    assert await desk.transfers.bring_back(DEMO, SATO) is ended
    logged = [vars(record).get("action") for record in caplog.records]
    assert logged == (["bring_back"] if ended else [])
    assert desk.asked == ([("stop_ring", {"leg": NAMES["agent"]})] if ended else [])
    assert not await desk.transfers.bring_back(DEMO, SUZUKI)


def without_agent() -> Call:
    return replace(call_in(None), talks=())


def test_the_cases_are_the_table() -> None:
    assert set(ACTIONS) == {(phase.value, command.value) for phase, row in TABLE.items() for command in row}


@pytest.mark.parametrize(("phase", "command"), sorted(ACTIONS))
async def test_each_command_is_its_action_and_waits_for_its_phase(phase: str, command: str) -> None:
    was, wanted = TalkPhase(phase), TABLE[TalkPhase(phase)][Command(command)]
    asked = phase in ("calling", "consulting", "swapped", "conference")
    desk = Desk(call_in(was, asked=asked), [without_agent() if wanted is None else call_in(wanted)])
    to = {"consult": "suzuki", "to_agent": "suzuki", "to_queue": "roadside"}.get(command, NUMBER)
    await desk.transfers.ask(DEMO, SATO, Command(command), to)
    assert desk.asked[0][0] == ACTIONS[phase, command]
    named = {key: value for key, value in desk.asked[0][1].items() if key in NAMES}
    assert named == {key: NAMES[key] for key in named}
    # Whoever is moved alone is the caller, or the colleague who is let go.
    assert named or desk.asked[0][1]["channel"] == NAMES["caller" if command == "to_agent" else "colleague"]
    assert desk.taken == (["suzuki"] if command in ("consult", "to_agent") else [])


async def test_who_hands_over_to_somebody_outside_is_out_when_they_are_free() -> None:
    """The outside's part is no agent's talk, and the end of the agent's own makes no other fact."""
    was = call_in(TalkPhase.CONSULTING, asked=True)
    desk = Desk(was, [replace(was, phase=TalkPhase.TALKING)])
    ends = asyncio.create_task(desk.transfers.ask(DEMO, SATO, Command.COMPLETE))
    await asyncio.sleep(0)
    assert not ends.done()
    desk.call = without_agent()
    desk.transfers.handle(AgentFreed(at=NOW, tenant=DEMO, agent=SATO, call_id=was.call_id))
    await ends
    assert desk.asked[0][0] == "hand_over"


@pytest.mark.parametrize("command", [Command.CONSULT_OUTSIDE, Command.TO_OUTSIDE])
async def test_a_number_that_is_refused_or_not_taken_rings_nobody_and_does_not_count(command: Command) -> None:
    desk = Desk(call_in(TalkPhase.TALKING), [call_in(TalkPhase.CALLING)])
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, command, "110")
    assert (refused.value.key, desk.asked) == ("dial_emergency", [])
    desk.broken = NotFound("the channel has just ended")
    with pytest.raises(NotFound):
        await desk.transfers.ask(DEMO, SATO, command, NUMBER)
    assert desk.lent == desk.posted == []
    desk.broken = None
    await desk.transfers.ask(DEMO, SATO, command, NUMBER)
    assert desk.lent == [NOW]
    told = [(signal.kind, signal.to) for signal in desk.posted if isinstance(signal, TransferAsked)]
    assert told == ([(TransferKind.OUTSIDE, "+819012345678")] if command is Command.TO_OUTSIDE else [])


@pytest.mark.parametrize("phase", list(TalkPhase))
async def test_what_the_table_does_not_allow_is_refused_and_asks_nothing(phase: TalkPhase) -> None:
    for command in set(Command) - set(TABLE[phase]):
        desk = Desk(call_in(phase, asked=True))
        with pytest.raises(Refused) as refused:
            await desk.transfers.ask(DEMO, SATO, command, "suzuki")
        assert refused.value.key == "not_now"
        assert (desk.asked, desk.posted) == ([], [])


@pytest.mark.parametrize("command", [Command.HOLD, Command.CONSULT])
async def test_nobody_is_put_on_hold_while_their_phone_rings(command: Command) -> None:
    desk = Desk(replace(call_in(TalkPhase.TALKING), extra={"callback": "c" * 32}))
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, command, "suzuki")
    assert refused.value.key == "not_now"
    assert (desk.asked, desk.posted) == ([], [])


@pytest.mark.parametrize(
    ("command", "to", "key"),
    [
        (Command.CONSULT, "sato", "yourself"),
        (Command.CONSULT, "nobody", "no_such_agent"),
        (Command.TO_AGENT, "", "no_such_agent"),
        (Command.TO_QUEUE, "elsewhere", "no_such_queue"),
    ],
)
async def test_to_whom_is_checked_first(command: Command, to: str, key: str) -> None:
    desk = Desk(call_in(TalkPhase.TALKING))
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, command, to)
    assert refused.value.key == key
    assert desk.asked == []


async def test_who_has_no_caller_may_ask_nothing() -> None:
    for desk, agent in ((Desk(None), SATO), (Desk(call_in(TalkPhase.CONSULTING, asked=True)), SUZUKI)):
        with pytest.raises(Refused) as refused:
            await desk.transfers.ask(DEMO, agent, Command.HOLD)
        assert refused.value.key == "no_talk"


async def test_a_busy_colleague_is_not_rung() -> None:
    desk = Desk(call_in(TalkPhase.TALKING), free=False)
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, Command.CONSULT, "suzuki")
    assert refused.value.key == "agent_not_free"


async def test_a_phone_that_does_not_even_ring_is_said() -> None:
    desk = Desk(call_in(TalkPhase.TALKING), [call_in(TalkPhase.HELD), call_in(TalkPhase.TALKING)])
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, Command.CONSULT, "suzuki")
    assert refused.value.key == "agent_not_free"
    with pytest.raises(Refused) as refused:
        await desk.transfers.ask(DEMO, SATO, Command.CONSULT_OUTSIDE, NUMBER)
    assert refused.value.key == "outside_not_reached"


async def test_silence_of_asterisk_is_no_success() -> None:
    desk = Desk(call_in(TalkPhase.TALKING))
    with pytest.raises(Unavailable):
        await desk.transfers.ask(DEMO, SATO, Command.HOLD)
    desk.follows = [call_in(TalkPhase.HELD)]
    await desk.transfers.ask(DEMO, SATO, Command.HOLD)  # the next one is not stuck behind it


async def test_one_command_a_call_at_a_time() -> None:
    desk = Desk(call_in(TalkPhase.TALKING))
    first = asyncio.create_task(desk.transfers.ask(DEMO, SATO, Command.HOLD))
    await asyncio.sleep(0)
    with pytest.raises(Refused):
        await desk.transfers.ask(DEMO, SATO, Command.HOLD)
    with pytest.raises(Unavailable):
        await first


async def test_an_offer_that_asterisk_does_not_make_is_taken_back() -> None:
    desk = Desk(call_in(TalkPhase.TALKING), broken=Unavailable("away"))
    with pytest.raises(Unavailable):
        await desk.transfers.ask(DEMO, SATO, Command.TO_AGENT, "suzuki")
    assert [type(signal) for signal in desk.posted] == [TransferAsked, OfferDecided, OfferTakenBack]


@pytest.mark.parametrize("broken", [NotFound("gone"), Unavailable("away"), None])  # None: nothing confirms it
async def test_a_phone_that_was_taken_and_perhaps_not_rung_is_looked_at(broken: Exception | None) -> None:
    desk = Desk(call_in(TalkPhase.TALKING), broken=broken)
    with pytest.raises((NotFound, Unavailable)):
        await desk.transfers.ask(DEMO, SATO, Command.CONSULT, "suzuki")
    assert desk.taken == ["suzuki", "?"]
