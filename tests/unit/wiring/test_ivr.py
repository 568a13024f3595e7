"""Where Asterisk is told that the menus are."""

from __future__ import annotations

import pytest

from cti.ami import actions
from cti.config import Config, Ivr
from cti.wiring.ivr import address


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1", "agi://127.0.0.1:4573"), ("::1", "agi://[::1]:4573"), ("0.0.0.0", ""), ("::", "")],
)
def test_the_address_of_this_server_unless_it_is_every_address(host: str, said: str) -> None:
    config = Config.model_construct(ivr=Ivr(host=host, port=4573))
    assert address(config) == said
    assert actions.menus_at(said)["Value"] == said
