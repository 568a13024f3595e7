"""A desk file: what is accepted, and what each mistake is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cti.desk.load import check_desk, load_desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in

EXAMPLE = Path(__file__).parents[3] / "examples" / "desk.toml"

MINIMAL = """\
[tenants.demo]
name = "架け橋"

[[tenants.demo.users]]
login = "sato"
name = "佐藤 花子"
roles = ["agent"]
first_password = "hanako-no-kagi"

[[tenants.demo.skills]]
id = "en"
name = { ja = "英語", en = "English" }

[[tenants.demo.agents]]
id = "sato"
user = "sato"
skills = { en = 3 }

[[tenants.demo.queues]]
id = "members"
name = { ja = "会員", en = "Members" }
ring_s = 20

[[tenants.demo.numbers]]
number = "+81501234500"
name = "会員窓口"
queue = "members"
"""


def accept_menu(menu: Mapping[str, Any], queues: frozenset[str], skills: frozenset[str]) -> Mapping[str, Any]:
    return menu


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check_desk(TomlFile("desk.toml", text), accept_menu, problems_in)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def test_the_example_is_accepted() -> None:
    desk = load_desk(EXAMPLE, accept_menu, problems_in)
    assert {queue.id for queue in desk.tenants["demo"].queues} == {
        "members",
        "roadside",
        "english",
        "partners",
    }


def test_the_minimal_desk_is_accepted() -> None:
    assert check_desk(TomlFile("desk.toml", MINIMAL), accept_menu, problems_in).tenants["demo"].agents[0].skills == {
        "en": 3
    }


@pytest.mark.parametrize(
    ("written", "instead", "answer"),
    [
        (
            "ring_s = 20",
            "ring_s = 2",
            "desk.toml:22: tenants.demo.queues[0].ring_s: input should be greater than",
        ),
        ("ring_s = 20", 'ring_s = "20"', "write whole seconds from 5 to 120, e.g. 20"),
        (
            "ring_s = 20",
            "rings = 20",
            "desk.toml:22: tenants.demo.queues[0].rings: unknown key; did you mean 'ring_s'?",
        ),
        (
            'user = "sato"',
            'user = "satoh"',
            "desk.toml:16: tenants.demo.agents[0].user: no user 'satoh'; did you mean",
        ),
        ("{ en = 3 }", "{ em = 3 }", "desk.toml:17: tenants.demo.agents[0].skills: no skill 'em'; known: en"),
        (
            "{ en = 3 }",
            "{ en = 6 }",
            "desk.toml:17: tenants.demo.agents[0].skills.en: input should be less than",
        ),
        (
            'queue = "members"',
            'queue = "member"',
            "desk.toml:27: tenants.demo.numbers[0].queue: no queue 'member'",
        ),
        ('"+81501234500"', '"050-1234-500"', 'write E.164, e.g. "+815012345000"'),
        (
            'roles = ["agent"]',
            'roles = ["qa"]',
            "desk.toml:16: tenants.demo.agents[0].user: user 'sato' lacks the role",
        ),
        ('login = "sato"\n', "", "desk.toml:4: tenants.demo.users[0].login: is missing; write a slug"),
        ('"hanako-no-kagi"', '"short"', "10 characters or more"),
        ('name = "架け橋"', 'name = "架け橋"\ntime_zone = "Asia/Tokio"', "'Asia/Tokio' is not a time zone"),
    ],
)
def test_each_mistake_is_answered_with_line_key_and_advice(written: str, instead: str, answer: str) -> None:
    assert written in MINIMAL
    text = MINIMAL.replace(written, instead, 1)
    with pytest.raises(ConfigError) as caught:
        check_desk(TomlFile("desk.toml", text), accept_menu, problems_in)
    assert any(answer in problem for problem in caught.value.problems), caught.value.problems


def test_what_is_not_toml_says_so() -> None:
    with pytest.raises(ConfigError, match=r"desk\.toml: not valid TOML: .*line 1"):
        TomlFile("desk.toml", "a = \nb = 1")


def test_what_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_bytes(b"a = 1\nb = '\x93\xfa'\n")
    with pytest.raises(ConfigError, match=r"desk\.toml:2: not UTF-8"):
        TomlFile.read(file)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        TomlFile.read(tmp_path / "none.toml")


def test_a_name_declared_twice() -> None:
    second = '\n[[tenants.demo.queues]]\nid = "members"\nname = { ja = "別", en = "Other" }\n'
    assert "desk.toml:30: tenants.demo.queues[1].id: 'members' is declared twice" in complaint(MINIMAL + second)


def test_a_number_of_another_tenant() -> None:
    other = MINIMAL.replace("tenants.demo", "tenants.other")
    assert "'+81501234500' already belongs to tenant 'demo'" in complaint(MINIMAL + other)


def test_a_wrong_menu_is_told_with_its_line() -> None:
    def refuse(menu: Mapping[str, Any], queues: frozenset[str], skills: frozenset[str]) -> Mapping[str, Any]:
        raise ConfigError(["menu main: node start: no node 'gone'"])

    text = MINIMAL + '\n[[tenants.demo.menus]]\nid = "main"\n'
    with pytest.raises(ConfigError, match=r"desk\.toml:29: menu main: node start: no node 'gone'"):
        check_desk(TomlFile("desk.toml", text), refuse, problems_in)


def test_lines_are_right_after_multi_line_strings() -> None:
    file = TomlFile("f.toml", 'a = """\n[not.a.table]\nb = 1\n"""\n[c]\nd = 2\n')
    assert file.where(("c", "d")) == "f.toml:6"
