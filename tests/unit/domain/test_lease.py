"""The rules of a lease: never two holders by the database's clock, epochs that only grow, whoever asks and when."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cti.domain.lease import (
    QUIET_S,
    RENEW_S,
    SILENT_S,
    TRANSITIONS,
    VALID_S,
    Heard,
    Lease,
    Look,
    Standing,
    Watch,
    claimed,
    given_back,
    is_free,
    looked,
    may_claim,
    renewed,
    step,
)

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def held(holder: str = "a", since_s: float = 0.0) -> Lease:
    lease = claimed(None, holder, f"https://{holder}", at(since_s))
    assert lease is not None
    return lease


@pytest.mark.parametrize(("standing", "heard"), list(itertools.product(Standing, Heard)))
def test_every_pair_moves_as_the_table_says_or_is_refused_by_name(standing: Standing, heard: Heard) -> None:
    if heard in TRANSITIONS[standing]:
        assert step(standing, heard) is TRANSITIONS[standing][heard]
    else:
        with pytest.raises(ValueError, match=f"{heard.value} .* {standing.value}"):
            step(standing, heard)


def test_a_database_that_is_away_takes_nothing_from_the_holder() -> None:
    assert step(Standing.HOLDING, Heard.UNREACHABLE) is Standing.UNPROVEN
    assert step(Standing.UNPROVEN, Heard.RENEWED) is Standing.HOLDING
    assert step(Standing.UNPROVEN, Heard.REFUSED) is Standing.LOST


def test_nobody_takes_a_lease_that_is_valid() -> None:
    lease = held()
    just_before = at(VALID_S - 0.001)
    assert claimed(lease, "b", "", just_before) is None
    assert claimed(lease, "b", "", at(VALID_S)) is not None


def test_a_renewal_that_is_late_counts_as_long_as_nobody_has_taken_it() -> None:
    lease = held()
    late = renewed(lease, lease.epoch, at(60))
    assert late is not None
    assert late.valid_until == at(60 + VALID_S)
    taken = claimed(lease, "b", "", at(60))
    assert taken is not None
    assert renewed(taken, lease.epoch, at(60.1)) is None


def test_what_was_given_back_is_free_at_once_and_stays_with_nobody() -> None:
    lease = held()
    released = given_back(lease, lease.epoch, at(1))
    assert released is not None
    assert is_free(released, at(1))
    assert renewed(released, lease.epoch, at(1.5)) is None
    assert given_back(released, lease.epoch, at(1.5)) is None


def test_an_epoch_grows_even_when_the_clock_goes_back() -> None:
    first = held(since_s=1000)
    released = given_back(first, first.epoch, at(1001))
    second = claimed(released, "b", "", at(5))
    assert second is not None
    assert second.epoch == first.epoch + 1


def test_only_the_epoch_that_was_named_is_taken_over() -> None:
    lease = held()
    assert claimed(lease, "b", "", at(1), over=lease.epoch - 1) is None
    taken = claimed(lease, "b", "", at(1), over=lease.epoch)
    assert taken is not None
    assert taken.epoch > lease.epoch


def test_who_stands_by_waits_for_a_holder_who_could_not_renew_because_the_database_was_away() -> None:
    lease = held("a")
    watch = looked(Watch(holder="b"), Look(lease=lease, at=at(0.25)), 0.25)
    assert not may_claim(watch, Look(lease=lease, at=at(1)), 1)
    assert may_claim(watch, Look(lease=lease, at=at(VALID_S)), VALID_S), "it has looked all the time"
    after_a_gap = looked(looked(watch, None, 50), Look(lease=lease, at=at(100)), 100)
    assert not may_claim(after_a_gap, Look(lease=lease, at=at(100)), 100)
    assert not may_claim(after_a_gap, Look(lease=lease, at=at(100 + QUIET_S - 0.1)), 100 + QUIET_S - 0.1)
    assert may_claim(after_a_gap, Look(lease=lease, at=at(100 + QUIET_S)), 100 + QUIET_S)


def test_a_renewal_that_was_seen_is_waited_for_anew_whatever_the_clock_of_the_database() -> None:
    lease = held("a")
    watch = looked(Watch(holder="b"), Look(lease=lease, at=at(0)), 0)
    again = renewed(lease, lease.epoch, at(1))
    watch = looked(watch, Look(lease=again, at=at(1)), 1)
    assert not may_claim(watch, Look(lease=again, at=at(1000)), 1 + QUIET_S - 0.01), "set forward"
    assert not may_claim(watch, Look(lease=again, at=at(-1000)), 1 + SILENT_S - 0.01), "set back"
    assert may_claim(watch, Look(lease=again, at=at(-1000)), 1 + SILENT_S)


def test_nothing_is_waited_for_where_nobody_can_be_in_charge() -> None:
    lease = held("a")
    fresh = Watch(holder="b")
    assert may_claim(fresh, Look(lease=None, at=at(0)), 0)
    assert may_claim(fresh, Look(lease=given_back(lease, lease.epoch, at(1)), at=at(1)), 1)
    assert may_claim(Watch(holder="a"), Look(lease=lease, at=at(1)), 1), "its own predecessor, whose port it has"


def test_a_holder_has_several_tries_before_anybody_may_think_that_it_is_gone() -> None:
    assert VALID_S >= 3 * RENEW_S


class Servers(RuleBasedStateMachine):
    """Three processes that look, claim, renew, freeze, are cut off; one row, one clock."""

    NAMES = ("a", "b", "c")

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.own_s = 0.0
        self.lease: Lease | None = None
        self.watches = {name: Watch(holder=name) for name in self.NAMES}
        self.mine: dict[str, int] = {}  # the epoch each believes to hold
        self.until: dict[int, datetime] = {}  # each epoch's life, as it was written
        self.epochs: list[int] = []

    @rule(seconds=st.sampled_from((0.01, 0.25, 0.9, 1.0, 2.99, 3.0, 10.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.own_s += seconds

    @rule(name=st.sampled_from(NAMES), forced=st.booleans())
    def looks_and_claims(self, name: str, forced: bool) -> None:
        look = Look(lease=self.lease, at=self.now)
        self.watches[name] = watch = looked(self.watches[name], look, self.own_s)
        valid_of_another = self.lease is not None and not is_free(self.lease, self.now) and self.lease.holder != name
        if not forced:
            assert not (may_claim(watch, look, self.own_s) and valid_of_another), (
                "never from a holder whose lease is valid"
            )
            if not may_claim(watch, look, self.own_s):
                return
        over = self.lease.epoch if self.lease is not None and (forced or self.lease.holder == name) else None
        taken = claimed(self.lease, name, "", self.now, over)
        if taken is not None:
            self.write(taken)
            self.mine[name] = taken.epoch
            self.epochs.append(taken.epoch)

    @rule(name=st.sampled_from(NAMES))
    def claims_late(self, name: str) -> None:
        """By a look of long ago: the row itself refuses."""
        taken = claimed(self.lease, name, "", self.now)
        if taken is not None:
            assert is_free(self.lease, self.now)
            self.write(taken)
            self.mine[name] = taken.epoch
            self.epochs.append(taken.epoch)

    @precondition(lambda self: self.mine)
    @rule(name=st.sampled_from(NAMES))
    def renews(self, name: str) -> None:
        """Perhaps after a freeze of any length."""
        if name not in self.mine:
            return
        kept = renewed(self.lease, self.mine[name], self.now)
        if kept is None:
            del self.mine[name]
        else:
            self.write(kept)

    @rule(name=st.sampled_from(NAMES))
    def lets_go(self, name: str) -> None:
        if name in self.mine:
            released = given_back(self.lease, self.mine.pop(name), self.now)
            if released is not None:
                self.write(released)

    @rule(name=st.sampled_from(NAMES))
    def is_cut_off(self, name: str) -> None:
        self.watches[name] = looked(self.watches[name], None, self.own_s)
        assert self.watches[name].quiet_since_s is None

    def write(self, lease: Lease) -> None:
        if self.lease is not None and lease.epoch != self.lease.epoch:
            self.until[self.lease.epoch] = min(self.until[self.lease.epoch], self.now)  # overruled, or over
        self.lease = lease
        self.until[lease.epoch] = lease.valid_until

    @invariant()
    def one_holder_at_a_time(self) -> None:
        assert sum(until > self.now for until in self.until.values()) <= 1

    @invariant()
    def epochs_grow(self) -> None:
        assert all(one < other for one, other in itertools.pairwise(self.epochs))


TestServers = Servers.TestCase
