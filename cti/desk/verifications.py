"""What verifies callers, in a desk file: `[[tenants.NAME.verifications]]`, docs/callers.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cti.tomlfile import Location, TomlFile, closest

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
ID_HINT = "a slug: lower-case letters, digits and '-', starting with a letter, at most 32"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepNames(_Model):
    """What agents read, in both languages."""

    ja: _Name = Field(description='the Japanese name, e.g. ja = "生年月日"')
    en: _Name = Field(description='the English name, e.g. en = "Date of birth"')


class VerificationStep(_Model):
    """One thing that agents ask to know who is speaking."""

    id: _Id = Field(description=f"{ID_HINT}; the `code` of the look-up's question that it answers, if there is one")
    name: StepNames = Field(description='{ ja = "生年月日", en = "Date of birth" }')


class Verification(_Model):
    """What verifies the callers of some queues."""

    id: _Id = Field(description=ID_HINT)
    queues: tuple[str, ...] = Field(
        default=(), max_length=100, description="ids of queues; leave it out: every queue that no other one names"
    )
    # More is an interrogation; the page draws all of them.
    steps: tuple[VerificationStep, ...] = Field(
        min_length=1, max_length=10, description="1 to 10 of { id, name }, in the order in which they are asked"
    )
    needed: int = Field(ge=1, le=10, strict=True, description="how many steps must pass, 1 to their number")
    failures_most: int = Field(
        default=0, ge=0, le=9, strict=True, description="wrong answers that are let pass, 0 to 9; one more: failed"
    )


class _Queue(Protocol):
    @property
    def id(self) -> str: ...


class _HasVerifications(Protocol):
    @property
    def verifications(self) -> Sequence[Verification]: ...

    @property
    def queues(self) -> Sequence[_Queue]: ...


def verification_problems(file: TomlFile, at: Location, tenant: _HasVerifications) -> Iterator[str]:
    """Every complaint about a tenant's policies, in the order of the file."""
    queues = {queue.id for queue in tenant.queues}
    taken: dict[str, str] = {}
    for index, policy in enumerate(tenant.verifications):
        here = (*at, "verifications", index)
        ids = [step.id for step in policy.steps]
        for double in sorted({one for one in ids if ids.count(one) > 1}):
            yield file.problem((*here, "steps"), f"two steps are {double!r}; give each an id of its own")
        if policy.needed > len(ids):
            yield file.problem((*here, "needed"), f"{policy.needed} can never pass of {len(ids)}; write at most that")
        for queue in policy.queues or ("",):
            if queue and queue not in queues:
                yield file.problem((*here, "queues"), f"no queue {queue!r}; {closest(queue, queues)}")
            elif queue in taken:
                whose = f"queue {queue!r} has" if queue else "queues that nobody names have"
                yield file.problem((*here, "queues"), f"{whose} a policy already: {taken[queue]!r}")
            taken.setdefault(queue, policy.id)
