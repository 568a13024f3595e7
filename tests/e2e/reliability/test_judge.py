"""The judge, on accounts made for it: what is a lost caller, and what is not."""

from __future__ import annotations

import json

from tests.soak import _judge as judge
from tests.soak._judge import Struck

CALL = "5c94eae8-3e26-483c-b40a-17ec5690d6c4"
CALLER, AGENT, OTHER = "PJSIP/trunk-00000001", "PJSIP/demo-s1-00000002", "PJSIP/demo-s2-00000003"


class Account:
    """CEL's lines, written as Asterisk writes them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def row(self, kind: str, at: float, name: str, *, by: str = "", account: str = CALL) -> Account:
        extra = json.dumps({"hangupcause": 16, "hangupsource": by}) if kind == "HANGUP" else ""
        fields = (kind, f"{at:.6f}", account, "demo", name[-2:], "01", name, "cti-wait", "", extra, "")
        self.lines.append(",".join('"' + field.replace('"', '""') + '"' for field in fields))
        return self

    def end(self, at: float, name: str, *, by: str) -> Account:
        return self.row("HANGUP", at, name, by=by).row("CHAN_END", at, name)

    def talk(self, start: float, name: str) -> Account:
        return self.row("CHAN_START", start, name).row("ANSWER", start + 1, name).row("BRIDGE_ENTER", start + 1, name)

    @property
    def calls(self) -> list[judge.Call]:
        return judge.read_cel("\n".join(self.lines) + "\n")

    def kinds(self, kills: tuple[float, ...] = ()) -> list[str]:
        return [trouble.kind for call in self.calls for trouble in judge.troubles_of(call, kills)]


def arrived() -> Account:
    return Account().row("CHAN_START", 1, CALLER, account="").row("ANSWER", 2, CALLER)


def test_a_talk_that_the_caller_ended() -> None:
    account = arrived().talk(3, AGENT).end(9, CALLER, by=CALLER).end(9, AGENT, by=CALLER)
    assert account.kinds() == []
    assert account.calls[0].talked


def test_a_talk_that_the_agent_ended() -> None:
    assert arrived().talk(3, AGENT).end(9, AGENT, by=AGENT).end(9, CALLER, by=AGENT).kinds() == []


def test_an_agent_in_the_fallback_has_no_account_code_and_belongs_to_the_call() -> None:
    account = arrived().row("CHAN_START", 3, AGENT, account="").row("BRIDGE_ENTER", 4, AGENT, account="")
    account.end(9, CALLER, by=CALLER).row("CHAN_END", 9, AGENT, account="")
    assert [leg.name for leg in account.calls[0].agents] == [AGENT]
    assert "stuck" not in account.kinds()


def test_a_line_that_ended_by_itself_is_a_dropped_caller() -> None:
    assert arrived().end(9, CALLER, by="").kinds() == ["dropped"]
    assert arrived().end(9, CALLER, by="dialplan/builtin").kinds() == ["dropped"]


def test_an_agent_who_never_answered_cannot_have_ended_the_call() -> None:
    assert arrived().row("CHAN_START", 3, AGENT).end(4, AGENT, by=AGENT).end(9, CALLER, by=AGENT).kinds() == ["dropped"]


def test_a_caller_who_gives_up_was_left_waiting() -> None:
    assert arrived().end(30, CALLER, by=CALLER).kinds() == ["stuck"]


def test_a_call_that_never_ends_is_stuck_unless_asterisk_died() -> None:
    assert arrived().talk(3, AGENT).kinds() == ["stuck"]
    assert arrived().talk(3, AGENT).kinds((5.0,)) == []


def test_a_talk_that_nobody_ended_is_cut() -> None:
    account = arrived().talk(3, AGENT).end(6, AGENT, by="").talk(7, OTHER)
    assert account.end(9, CALLER, by=CALLER).end(9, OTHER, by=CALLER).kinds() == ["cut"]


def test_two_agents_for_one_call_and_two_calls_for_one_agent() -> None:
    both = arrived().talk(3, AGENT).talk(5, OTHER)
    for leg in (CALLER, AGENT, OTHER):
        both.end(9, leg, by=CALLER)
    assert both.kinds() == ["double"]
    twice = arrived().talk(3, AGENT).talk(5, "PJSIP/demo-s1-00000009")
    for leg in (CALLER, AGENT, "PJSIP/demo-s1-00000009"):
        twice.end(9, leg, by=CALLER)
    assert [trouble.kind for trouble in judge.busy_agents(twice.calls)] == ["double"]


def test_recordings_are_counted_in_the_bucket() -> None:
    calls = arrived().talk(3, AGENT).end(9, CALLER, by=CALLER).end(9, AGENT, by=CALLER).calls
    stored = f"demo/2026/11/21/{CALL}.webm"
    assert judge.recordings(calls, [stored, f"demo/2026/11/21/{CALL}.peaks.json"]) == []
    assert [t.kind for t in judge.recordings(calls, [])] == ["missing"]
    assert [t.kind for t in judge.recordings(calls, [stored, f"demo/2026/11/22/{CALL}.webm"])] == ["duplicated"]


def test_a_talk_that_died_with_asterisk_must_be_salvaged() -> None:
    calls = arrived().talk(3, AGENT).calls
    assert [t.kind for t in judge.recordings(calls, [], (9.0,))] == ["missing"]
    assert judge.recordings(calls, [f"demo/2026/11/21/{CALL}.webm"], (9.0,)) == []


def test_records_must_be_closed_and_say_what_was_inferred() -> None:
    calls = arrived().talk(3, AGENT).calls
    assert judge.records(calls, {CALL: (True, True)}, (5.0,)) == []
    assert [t.detail for t in judge.records(calls, {CALL: (True, False)}, (5.0,))] == [
        "ended with Asterisk, not marked inferred"
    ]
    assert [t.detail for t in judge.records(calls, {CALL: (False, False)}, ())] == ["its record is open"]
    assert [t.detail for t in judge.records(calls, {}, ())] == ["no record"]


def test_trouble_is_blamed_on_the_last_fault_before_it() -> None:
    struck = [
        Struck(fault="server-kill", phase="talking", at=5.0, ready_s=1.0),
        Struck(fault="ami-reset", phase="queued", at=20.0, ready_s=2.0),
    ]
    account = arrived().end(9, CALLER, by="")
    found = [trouble for call in account.calls for trouble in judge.troubles_of(call, ())]
    first, second = judge.table(struck, account.calls, found)
    assert (first.fault, first.runs, first.callers, first.lost) == ("server-kill", 1, 1, 1)
    assert (second.fault, second.callers, second.lost) == ("ami-reset", 0, 0)


def test_trouble_without_any_fault_is_told_too() -> None:
    account = arrived().end(9, CALLER, by="")
    found = [trouble for call in account.calls for trouble in judge.troubles_of(call, ())]
    assert [(cell.fault, cell.lost) for cell in judge.table([], account.calls, found)] == [("none", 1)]


def test_a_line_that_a_kill_cut_in_the_middle_is_left_out() -> None:
    account = arrived().end(9, CALLER, by=CALLER)
    account.lines.append('"CHAN_START","179530')
    assert len(account.calls) == 1
