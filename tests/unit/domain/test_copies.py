"""A record made, and a changed copy: equal to what constructor and dataclasses.replace make; the original stays."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cti.domain.copies import changed, made


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plain:
    """Like a call."""

    name: str
    marks: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filled(Plain):
    """Like a call, with a default that is made each time."""

    more: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Slotted:
    """Like a leg."""

    name: str
    marks: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """Made through its constructor alone."""

    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a name is needed")


@pytest.mark.parametrize("kind", [Plain, Slotted])
def test_a_copy_is_what_replace_makes(kind: type[Plain]) -> None:
    before = kind(name="a", marks=(1,))
    after = changed(before, name="b")
    assert after == dataclasses.replace(before, name="b")
    assert hash(after) == hash(dataclasses.replace(before, name="b"))
    assert (before.name, after.marks, type(after)) == ("a", (1,), kind)


@pytest.mark.parametrize("kind", [Plain, Slotted])
def test_a_field_that_is_not_there_is_refused(kind: type[Plain]) -> None:
    with pytest.raises(TypeError):
        changed(kind(name="a"), nmae="b")


def test_a_copy_is_frozen_too() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed(Plain(name="a"), name="b").name = "c"  # type: ignore[misc]


def test_what_checks_itself_is_checked() -> None:
    with pytest.raises(ValueError, match="a name is needed"):
        changed(Checked(name="a"), name="")


@pytest.mark.parametrize("kind", [Plain, Filled, Slotted])
@pytest.mark.parametrize("fields", [{"name": "a"}, {"name": "a", "marks": (1,)}])
def test_a_record_is_what_its_constructor_makes(kind: type[Any], fields: dict[str, Any]) -> None:
    record = made(kind, fields)
    assert record == kind(**fields)
    assert changed(record, marks=(2,)) == kind(name="a", marks=(2,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "c"


def test_a_record_keeps_what_it_was_made_of() -> None:
    fields = {"name": "a", "marks": ()}
    record = made(Plain, fields)
    fields["name"] = "b"
    assert record == Plain(name="a")


def test_a_default_is_nobody_elses() -> None:
    one, other = made(Filled, {"name": "a"}), made(Filled, {"name": "b"})
    one.more["x"] = "y"
    assert other.more == {}


@pytest.mark.parametrize("kind", [Plain, Filled, Slotted])
@pytest.mark.parametrize(
    "fields",
    [{}, {"marks": ()}, {"nmae": "a"}, {"nmae": "a", "marks": ()}, {"name": "a", "mraks": ()}, {"name": "a", "x": 1}],
)
def test_wrong_fields_are_refused(kind: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        made(kind, fields)


def test_what_checks_itself_is_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="a name is needed"):
        made(Checked, {"name": ""})
