"""docs/configuration.md names every key there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cti.config import Config
from cti.desk.schema import Desk
from cti.tomlfile import model_in

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def keys(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield name, field
        inner = model_in(field.annotation)
        if inner is not None:
            yield from keys(inner)


@pytest.mark.parametrize("model", [Config, Desk])
def test_every_key_is_documented_with_its_advice(model: type[BaseModel]) -> None:
    described = [(name, field.description) for name, field in keys(model) if name not in ("ja", "en", "tenants")]
    missing = [name for name, advice in described if f"`{name}`" not in TEXT and f"{name}]" not in TEXT]
    assert described
    assert missing == []
