"""Into which bucket a recording goes: the first rule that fits, and rules that could never count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cti.domain.keeping import KeptFacts
from cti.domain.model import TenantId
from cti.domain.placing import BucketRule, bucket_for, never_counts

DEMO = TenantId("demo")
ACCIDENT = KeptFacts(queue="accident", direction="inbound", result="answered")
RULES = (
    BucketRule(bucket="evidence", tenant="demo", queue="accident"),
    BucketRule(bucket="messages", result="voicemail"),
    BucketRule(bucket="lease", tenant="lease"),
)


def test_the_first_rule_that_fits_counts() -> None:
    message = KeptFacts(queue="accident", direction="inbound", result="voicemail")
    assert bucket_for(RULES, DEMO, ACCIDENT) == "evidence"
    assert bucket_for(RULES, DEMO, message) == "evidence"
    assert bucket_for(RULES[::-1], DEMO, message) == "messages"
    assert bucket_for(RULES, TenantId("lease"), ACCIDENT) == "lease", "another desk's queue of that name is another"
    assert bucket_for(RULES, TenantId("third"), ACCIDENT) is None
    assert bucket_for((), DEMO, ACCIDENT) is None


def test_a_rule_behind_a_wider_one_is_named() -> None:
    assert never_counts(RULES) is None
    wide = BucketRule(bucket="all", tenant="demo")
    assert never_counts((wide, *RULES)) == (1, 0)
    assert never_counts((*RULES, BucketRule(bucket="x", tenant="lease", direction="outbound"))) == (3, 2)


few = st.none() | st.sampled_from(["a", "b"])
rules = st.lists(st.builds(BucketRule, bucket=st.text(), tenant=few, queue=few, direction=few, result=few), max_size=5)


@given(rules, st.builds(KeptFacts, queue=few, direction=st.sampled_from("ab"), result=st.sampled_from("ab")))
def test_what_never_counts_is_never_chosen(some: list[BucketRule], kept: KeptFacts) -> None:
    found = never_counts(some)
    if found is not None:
        at, before = found
        assert before < at
        for tenant in ("a", "b", "c"):
            without = [rule for number, rule in enumerate(some) if number != at]
            assert bucket_for(some, TenantId(tenant), kept) == bucket_for(without, TenantId(tenant), kept)
