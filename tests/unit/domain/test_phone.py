"""Telephone numbers: tables of what trunks really send, and properties that hold for any string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import CallerKind
from cti.domain.phone import NumberClass, classify, national, parse_called, parse_caller

NUMBERS = [
    # raw, E.164, as people write it
    ("09012345678", "+819012345678", "090-1234-5678"),
    ("090-1234-5678", "+819012345678", "090-1234-5678"),
    ("０９０－１２３４－５６７８", "+819012345678", "090-1234-5678"),
    ("０９０ー１２３４ー５６７８", "+819012345678", "090-1234-5678"),
    ("+819012345678", "+819012345678", "090-1234-5678"),
    ("＋８１９０１２３４５６７８", "+819012345678", "090-1234-5678"),
    ("819012345678", "+819012345678", "090-1234-5678"),
    ("+81(0)90 1234 5678", "+819012345678", "090-1234-5678"),
    ("+8109012345678", "+819012345678", "090-1234-5678"),
    ("010819012345678", "+819012345678", "090-1234-5678"),
    ("18409012345678", "+819012345678", "090-1234-5678"),
    ("186-090-1234-5678", "+819012345678", "090-1234-5678"),
    ("1860312345678", "+81312345678", "03-1234-5678"),
    ("06012345678", "+816012345678", "060-1234-5678"),
    ("0312345678", "+81312345678", "03-1234-5678"),
    ("0612345678", "+81612345678", "06-1234-5678"),
    ("0466221234", "+81466221234", "0466-22-1234"),
    ("0471234567", "+81471234567", "04-7123-4567"),
    ("0210000000", "+81210000000", "0210000000"),  # no such area: shown uncut, but with its 0
    ("05012345678", "+815012345678", "050-1234-5678"),
    ("0120123456", "+81120123456", "0120-123-456"),
    ("08001234567", "+818001234567", "0800-123-4567"),
    ("0570012345", "+81570012345", "0570-012-345"),
    ("0990123456", "+81990123456", "0990-123-456"),
    ("06001234567", "+816001234567", "0600-123-4567"),
    ("+12025550123", "+12025550123", "+1 202-555-0123"),
    ("01012025550123", "+12025550123", "+1 202-555-0123"),
    ("+821012345678", "+821012345678", "+82 10-1234-5678"),
    ("+390612345678", "+390612345678", "+39 06 1234 5678"),  # Italy's 0 belongs to the number
]


@pytest.mark.parametrize(("raw", "e164", "shown"), NUMBERS)
def test_a_number_is_kept_as_e164_and_shown_as_people_write_it(raw: str, e164: str, shown: str) -> None:
    caller = parse_caller(raw, "")
    assert (caller.kind, caller.e164, caller.national) == (CallerKind.NUMBER, e164, shown)
    assert parse_called(raw) == e164


@pytest.mark.parametrize(
    ("number", "name", "kind"),
    [
        ("anonymous", "Anonymous", CallerKind.WITHHELD),
        ("anonymous", "", CallerKind.WITHHELD),
        ("", "Anonymous", CallerKind.WITHHELD),
        ("", '"Anonymous"', CallerKind.WITHHELD),
        ("", "ＡＮＯＮＹＭＯＵＳ", CallerKind.WITHHELD),
        ("P", "", CallerKind.WITHHELD),
        ("", "非通知", CallerKind.WITHHELD),
        ("anonymous", "Coin line/payphone", CallerKind.PAYPHONE),
        ("C", "", CallerKind.PAYPHONE),
        ("anonymous", "公衆電話", CallerKind.PAYPHONE),
        ("anonymous", "Unavailable", CallerKind.OUT_OF_AREA),
        ("O", "", CallerKind.OUT_OF_AREA),
        ("anonymous", "Interaction with other service", CallerKind.CONFLICT),
        ("anonymous", "interaction  with other service", CallerKind.CONFLICT),
        ("S", "", CallerKind.CONFLICT),
        ("09012345678", "Anonymous", CallerKind.WITHHELD),  # the caller's wish
        ("09012345678", "Unavailable", CallerKind.NUMBER),  # the network's remark
        ("09012345678", "佐藤 花子", CallerKind.NUMBER),
        ("09012345678", "A" * 300, CallerKind.NUMBER),
        ("", "", CallerKind.UNKNOWN),
        ("9" * 300, "", CallerKind.UNKNOWN),
        ("090" + "-" * 300 + "12345678", "", CallerKind.UNKNOWN),
        ("0" * 300, "Anonymous" * 50, CallerKind.UNKNOWN),
        ("sipp", "sipp", CallerKind.UNKNOWN),
        ("1001", "", CallerKind.UNKNOWN),
        ("110", "", CallerKind.UNKNOWN),
        ("090123456", "", CallerKind.UNKNOWN),
        ("090123456789", "", CallerKind.UNKNOWN),
        ("09002345678", "", CallerKind.UNKNOWN),  # the digit after 090 is never 0
        ("٠٩٠١٢٣٤٥٦٧٨", "", CallerKind.UNKNOWN),  # digits, but no Japanese trunk sends them
        ("090\r\n12345678", "", CallerKind.NUMBER),  # separators are dropped, line ends too
        ("090'; DROP TABLE", "", CallerKind.UNKNOWN),
        ("+", "", CallerKind.UNKNOWN),
        ("+" + "1" * 20, "", CallerKind.UNKNOWN),
        ("+310000000", "", CallerKind.UNKNOWN),  # zeros that never settle
    ],
)
def test_what_is_known_of_the_caller(number: str, name: str, kind: CallerKind) -> None:
    assert parse_caller(number, name).kind is kind


def test_a_foreign_trunk_0_is_dropped() -> None:
    assert parse_caller("+49 (0)30 901820", "").e164 == parse_caller("+49 30 901820", "").e164 == "+4930901820"


@pytest.mark.parametrize(
    ("raw", "called"),
    [
        ("+81501234500", "+81501234500"),  # our own number: the desk's file decides whether it exists
        ("0501234500", "+81501234500"),
        ("1000", "1000"),
        ("0", "0"),
        ("010", "010"),
        ("+1", "1"),
        ("+", ""),
        ("", ""),
        ("s", ""),
        ("9" * 30, ""),
    ],
)
def test_the_number_called_is_taken_leniently(raw: str, called: str) -> None:
    assert parse_called(raw) == called


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("09012345678", NumberClass.MOBILE),
        ("08012345678", NumberClass.MOBILE),
        ("07012345678", NumberClass.MOBILE),
        ("06012345678", NumberClass.MOBILE),
        ("+816012345678", NumberClass.MOBILE),
        ("0612345678", NumberClass.GEOGRAPHIC),  # Osaka, ten digits
        ("03-1234-5678", NumberClass.GEOGRAPHIC),
        ("05012345678", NumberClass.IP),
        ("0120-123-456", NumberClass.TOLL_FREE),
        ("0800-123-4567", NumberClass.TOLL_FREE),
        ("0570012345", NumberClass.NAVI_DIAL),
        ("0990123456", NumberClass.PREMIUM),
        ("0180123456", NumberClass.OTHER_SERVICE),
        ("0204-123-4567", NumberClass.PAGER),
        ("02012345678", NumberClass.DATA),
        ("02001234567890", NumberClass.DATA),
        ("0600-123-4567", NumberClass.FOLLOW_ME),
        ("110", NumberClass.EMERGENCY),
        ("118", NumberClass.EMERGENCY),
        ("１１９", NumberClass.EMERGENCY),
        ("184110", NumberClass.EMERGENCY),
        ("+81119", NumberClass.EMERGENCY),
        ("117", NumberClass.SHORT_CODE),
        ("#9110", NumberClass.INVALID),
        ("188", NumberClass.SHORT_CODE),
        ("+12025550123", NumberClass.INTERNATIONAL),
        ("0901234567", NumberClass.INVALID),
        ("0001234567", NumberClass.INVALID),
        ("", NumberClass.INVALID),
    ],
)
def test_classes(number: str, kind: NumberClass) -> None:
    assert classify(number) is kind


dialled = st.text(alphabet="0123456789+-() ０１８９", max_size=45)


@given(number=st.one_of(st.text(max_size=400), dialled), name=st.text(max_size=100))
def test_any_string_is_understood_without_an_error(number: str, name: str) -> None:
    caller = parse_caller(number, name)
    has_number = caller.kind is CallerKind.NUMBER
    assert (caller.e164 is not None) is has_number
    assert (caller.national is not None) is has_number
    called = parse_called(number)
    assert len(called) <= 16
    assert called.removeprefix("+").isdecimal() or called == ""
    assert isinstance(classify(number), NumberClass)


japanese = st.one_of(
    st.from_regex(r"0[6789]0[1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"050[1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"0[1-9][1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"0120[0-9]{6}", fullmatch=True),
    st.from_regex(r"0800[0-9]{7}", fullmatch=True),
)


@given(digits=japanese, prefix=st.sampled_from(["", "184", "186"]))
def test_every_way_of_writing_a_number_is_the_same_number(digits: str, prefix: str) -> None:
    e164 = "+81" + digits[1:]
    for written in (
        prefix + digits,
        e164,
        e164[1:],
        "+81(0)" + digits[1:],
        "01081" + digits[1:],
        national(e164),
    ):
        caller = parse_caller(written, "")
        assert caller.e164 == e164, written
    assert national(e164).replace("-", "") == digits


@given(number=dialled)
def test_understanding_twice_changes_nothing(number: str) -> None:
    once = parse_caller(number, "")
    if once.e164 is not None and once.national is not None:
        assert parse_caller(once.e164, "") == once
        assert parse_caller(once.national, "") == once
