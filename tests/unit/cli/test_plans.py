"""Plans of a desk file, as `config check` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cti.cli.plans import plan_warnings
from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import ConfigError
from cti.tomlfile import TomlFile
from routing.calendar import problems_in

EXAMPLE = Path("examples/desk.toml").read_text("utf-8")


def desk(plan: str, more: str = "") -> Desk:
    def no_menu_check(menu: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
        return menu

    text = EXAMPLE.replace('id = "english"\n', f'id = "english"\nplan = {plan}\n') + more
    return check_desk(TomlFile("desk.toml", text), no_menu_check, problems_in)


def test_the_example_has_nothing_to_warn_of() -> None:
    assert plan_warnings(desk("[]")) == []


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ('[{ want = { skill = "golf" }, expires_s = 5 }]', "[0].want: there is no skill 'golf'"),
        ('[{ want = { agents = ["nobody"] } }]', "[0].want: there is no agent 'nobody'"),
        ('{ template = "bullseye" }', ".template: 'bullseye' is none"),
    ],
)
def test_what_does_not_exist_is_refused_with_its_place(plan: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_warnings(desk(plan))
    assert caught.value.problems[0].startswith(f"tenants.demo.queues.english.plan{said}")


def test_a_step_that_nobody_could_take_is_a_warning() -> None:
    contradiction = '[{ want = { all = [{ skill = "en" }, { not = { skill = "en" } }] }, expires_s = 5 }]'
    (warning,) = plan_warnings(desk(contradiction))
    assert warning.startswith("tenants.demo.queues.english.plan[0].want: no agent of this desk fits")


def test_a_profile_of_the_file_is_known() -> None:
    profiles = '\n[[tenants.demo.profiles]]\nid = "night"\ndelays = { english = 20 }\n'
    (warning,) = plan_warnings(desk('[{ want = { profile = "night" }, expires_s = 5 }]', profiles))
    assert "no agent of this desk fits" in warning
