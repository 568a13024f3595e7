"""The page for authors is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from ivr.flow import converse
from ivr.menus import ChoiceNode, DigitsNode, EndNode, LanguageNode, SayNode, parse_menu
from tests.unit.ivr.desk import queues, skills, walk

PAGE = (Path(__file__).parents[3] / "docs/menus.md").read_text()


def test_the_menu_to_copy_is_a_good_one_and_leads_to_a_queue() -> None:
    block = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert block
    (data,) = tomllib.loads(block[1])["tenants"]["demo"]["menus"]
    menu = parse_menu(data, queues=queues(), skills=skills())
    assert len(menu.texts()) == 2
    _, outcome = walk(converse(menu), ["9", "1"])
    assert (outcome.facts.queue, outcome.facts.reason) == ("members", "recall-check")


def test_every_key_of_every_node_is_explained() -> None:
    for model in (SayNode, LanguageNode, ChoiceNode, DigitsNode, EndNode):
        kind = model.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
        (row,) = re.findall(rf"^\| `{kind}` \|.*$", PAGE, re.MULTILINE)
        for key in set(model.model_fields) - {"id", "kind", "prompts"}:
            assert f"`{key}" in row, f"{kind}.{key}"


def test_defaults_are_as_explained() -> None:
    assert (ChoiceNode.model_fields["timeout_s"].default, ChoiceNode.model_fields["attempts"].default) == (5.0, 3)
    assert (DigitsNode.model_fields["timeout_s"].default, DigitsNode.model_fields["attempts"].default) == (5.0, 3)
    assert (LanguageNode.model_fields["timeout_s"].default, LanguageNode.model_fields["attempts"].default) == (3.0, 2)
