"""Asterisk's own account, read: calls as they were, whatever the file went through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cti.ami.cel import MAX_LINE, MAX_OPEN, Account, CelReader, read_row
from tests.unit.ami.celaccount import CALL, CALLER, OTHER_CALL, SATO, SMITH, Written, answered, at


def read(*lines: str) -> tuple[list[Account], list[Account]]:
    """Finished calls, and those whose end is not told."""
    reader, done = CelReader(), []
    for line in lines:
        row = read_row(line)
        account = reader.take(row) if row is not None else None
        if account is not None:
            done.append(account)
    return done, list(reader.rest())


def test_a_call_answered_in_the_fallback() -> None:
    (account,), rest = read(*answered().lines)
    assert rest == []
    assert (account.call_id, account.tenant, account.channel) == (CALL, "demo", CALLER)
    assert (account.arrived_at, account.ended_at) == (at(0.088), at(20.25))
    assert (account.number_called, account.queue) == ("+81501234510", "members")
    assert (account.queued_at, account.fallback_at) == (at(1), at(2))
    assert [(talk.channel, talk.answered_at, talk.ended_at) for talk in account.talks] == [(SATO, at(9.5), at(20.26))]
    assert (account.closed, account.hung_up_by, account.cause) == (True, CALLER, 16)


def test_an_end_waits_for_the_agents_channel_and_comes_once() -> None:
    lines = answered().lines
    whole = [index for index in range(len(lines) + 1) if read(*lines[:index])[0]]
    assert whole[0] == len(lines) - 1  # with the agent's CHAN_END, before LINKEDID_END
    assert len(read(*lines, *lines[-1:])[0]) == 1


def test_a_phone_that_never_answered_and_a_consultation_are_no_talks() -> None:
    account = Written().arrives()
    account.row("CHAN_START", 3, SMITH).ends(8, SMITH, by="", cause=0)
    account.talk(9, SATO).row("CHAN_START", 11, "PJSIP/demo-suzuki-00000009")
    account.row("BRIDGE_ENTER", 12, "PJSIP/demo-suzuki-00000009", bridge_id="another")
    account.ends(14, "PJSIP/demo-suzuki-00000009", by="").ends(20, SATO, by=SATO).ends(20, CALLER, by=SATO)
    (found,), _ = read(*account.lines)
    assert [talk.channel for talk in found.talks] == [SATO]
    assert found.hung_up_by == SATO


def test_a_beginning_that_was_not_read_is_the_second_in_which_the_channel_was_made() -> None:
    (account,), _ = read(*answered().lines[3:])
    assert account.arrived_at == at(0)
    assert account.closed


def test_an_account_that_breaks_off_is_told_as_open() -> None:
    done, (account,) = read(*answered().lines[:-5])
    assert done == []
    assert (account.closed, account.cause) == (False, None)
    assert account.ended_at == at(9.501)  # its last line
    assert [talk.ended_at for talk in account.talks] == [None]


def test_lines_of_before_the_note_was_written() -> None:
    lines = [line.rsplit(",", 1)[0] for line in answered().lines]
    (account,), _ = read(*lines)
    assert (account.number_called, account.queue, account.queued_at) == ("", None, None)
    assert len(account.talks) == 1


def test_phones_that_call_each_other_are_no_calls_of_ours() -> None:
    inner = Written(caller="PJSIP/demo-sato-00000005")
    lines = [line.replace(CALL, "") for line in inner.arrives().ends(4, inner.caller, by=inner.caller).lines]
    assert read(*lines) == ([], [])


def test_torn_foreign_and_endless_lines_are_passed_over() -> None:
    lines = answered().lines
    torn = lines[2][:40] + lines[3]  # Asterisk was killed in the middle of a line, and the next one wrote on
    strange = ["", "\0", '"CHAN_START"', "a,b,c", '"X","now","","","","","PJSIP/x-1","","","",""', "x" * (MAX_LINE + 1)]
    for bad in (torn, *strange):
        assert read_row(bad) is None
    (account,), _ = read(*lines[:2], torn, *strange, *lines[4:])
    assert account.call_id == CALL


def test_memory_is_bounded_however_many_calls_never_end() -> None:
    reader = CelReader()
    for number in range(MAX_OPEN + 5):
        call_id = f"{number:08x}{CALL[8:]}"
        row = read_row(Written(call_id, caller=f"PJSIP/trunk-{number:08x}").arrives().lines[1])
        assert row is not None
        reader.take(row)
    assert len(list(reader.rest())) == MAX_OPEN
    assert reader.forgotten == 5


@given(st.permutations([*answered().lines[:-1]]))
def test_no_order_of_lines_breaks_it(lines: list[str]) -> None:
    done, rest = read(*lines)
    assert {account.call_id for account in (*done, *rest)} <= {CALL}
    assert len(done) + len(rest) >= 1


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    row = read_row(text)
    if row is not None:
        CelReader().take(row)


def test_two_calls_at_once_stay_apart() -> None:
    other = Written(OTHER_CALL, caller="PJSIP/trunk-00000007", note="+81501234599|urgent|1795305441|")
    other.arrives(0.5).ends(6, other.caller, by=other.caller)
    first = answered().lines
    done, rest = read(*first[:4], *other.lines, *first[4:])
    assert [account.call_id for account in done] == [OTHER_CALL, CALL]
    assert rest == []
    assert (done[0].number_called, done[0].queue, done[0].fallback_at) == ("+81501234599", "urgent", None)
