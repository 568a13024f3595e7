"""The desk file's phone book: what could never be dialled is told with file, line, key and what to write instead."""

from __future__ import annotations

import pytest

from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from tests.unit.desk.test_load import MINIMAL, accept_menu

POLICE = 'id = "police"\nname = "渋谷警察署"\nreading = "しぶやけいさつしょ"\n'
ENTRY = "\n[[tenants.demo.saved_numbers]]\n"


def read(*entries: str, rules: str = "") -> Desk:
    text = MINIMAL + "".join(ENTRY + entry + "\n" for entry in entries) + rules
    return check_desk(TomlFile("desk.toml", text), accept_menu, problems_in)


def test_a_number_in_any_way_of_writing_is_kept_with_who_may_see_it() -> None:
    (saved,) = read(POLICE + 'number = "０３－３４９８－０１１０"').tenants["demo"].saved_numbers
    assert (saved.name, saved.queues, saved.agents) == ("渋谷警察署", (), ())


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("110", "'110': emergency numbers are never dialled; write the number of a line of their own"),
        ("186119", "emergency numbers are never dialled"),
        ("0990-123-456", "premium numbers are never dialled"),
        ("0570-00-8139", "navi-dial numbers"),
        ("#8139", "it is no number that may be dialled"),
        ("171", "short codes are never dialled"),
        ("+1 202 555 0123", "numbers abroad are never dialled"),
        ("けいさつ", "it is no number that may be dialled"),
        ("050-1234-500", "it is no number that may be dialled"),
    ],
)
def test_a_number_that_may_never_be_dialled_is_refused_where_it_stands(number: str, answer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(POLICE + f'number = "{number}"')
    (problem,) = caught.value.problems
    assert answer in problem
    assert problem.startswith("desk.toml:")
    assert "saved_numbers" in problem


def test_a_number_outside_of_the_desks_prefixes_is_refused() -> None:
    rules = '\n[tenants.demo.outbound]\nnumber = "+81501234500"\nprefixes = ["090", "080"]\n'
    with pytest.raises(ConfigError, match=r"no prefix of .* lets it in \(090, 080\); add one there"):
        read(POLICE + 'number = "03-3498-0110"', rules=rules)
    assert read(POLICE + 'number = "090-1234-5678"', rules=rules)


def test_who_may_see_it_must_exist_and_ids_are_not_doubled() -> None:
    with pytest.raises(ConfigError) as caught:
        read(
            POLICE + 'number = "03-3498-0110"\nqueues = ["nowhere"]\nagents = ["nobody"]',
            POLICE + 'number = "03-3498-0111"',
        )
    told = "\n".join(caught.value.problems)
    assert "no queue 'nowhere'" in told
    assert "no agent 'nobody'" in told
    assert "'police' is declared twice" in told
