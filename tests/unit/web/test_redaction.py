"""Numbers as somebody may see them: the caller's, and those of people outside who were asked or given the caller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.domain.model import AgentId, Call, ChannelName, Consultation, TransferKind, TransferRecord, UniqueId
from cti.web.problems import Refused
from cti.web.redaction import call_for, digits_for
from tests.unit.web.fakes import T0, closed_call, person

OUTSIDE = "+81334980110"
QA, LEAD = person("watanabe", "qa"), person("tanaka", "supervisor")


def with_somebody_outside() -> Call:
    asked = Consultation(
        first=AgentId("sato"), second=None, channel=ChannelName("PJSIP/trunk-9"), uniqueid=UniqueId("1.9"),
        began_at=T0, outside=OUTSIDE,
    )  # fmt: skip
    colleague = replace(asked, second=AgentId("suzuki"), outside=None)
    passed = [
        TransferRecord(kind=kind, by=AgentId("sato"), to=to, at=T0)
        for kind, to in ((TransferKind.OUTSIDE, OUTSIDE), (TransferKind.AGENT, "suzuki"), (TransferKind.QUEUE, "lease"))
    ]
    return replace(closed_call(1), consultations=(asked, colleague), transfers=tuple(passed))


def test_who_may_not_see_numbers_whole_sees_four_digits_of_each_and_the_rest_as_it_is() -> None:
    shown = call_for(QA, with_somebody_outside())
    assert (shown.caller.e164, shown.caller.national) == (None, "•••-••••-5678")
    assert [one.outside for one in shown.consultations] == ["+•••••••0110", None]
    assert [one.to for one in shown.transfers] == ["+•••••••0110", "suzuki", "lease"]


def test_who_may_sees_the_call_as_it_is() -> None:
    assert call_for(LEAD, with_somebody_outside()) == with_somebody_outside()


def test_a_part_of_a_number_is_looked_for_only_by_who_may_see_the_whole() -> None:
    assert [digits_for(LEAD, digits) for digits in ("110", None)] == ["110", None]
    assert [digits_for(QA, digits) for digits in ("03349801", None)] == ["03349801", None]
    with pytest.raises(Refused):
        digits_for(QA, "0334980")
