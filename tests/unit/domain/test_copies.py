"""A changed copy: equal to what dataclasses.replace makes, and nothing of the original moves."""

from __future__ import annotations

import dataclasses

import pytest

from cti.domain.copies import changed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plain:
    """Like a call."""

    name: str
    marks: tuple[int, ...] = ()


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
