"""What must hold of a desk's reason codes together: a tree, told from the top down, that somebody can choose from."""

from __future__ import annotations

from collections.abc import Iterator

from cti.desk.schema import Tenant
from cti.tomlfile import Location, TomlFile, closest

# A choice within a choice within a choice; deeper ones are searched for and never found by looking.
DEPTH_MOST = 4


def reason_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """Every complaint about a tenant's reasons, in the order of the file.

    A parent stands above its children, so that no circle can be written.
    """
    depths: dict[str, int] = {}
    ids = {reason.id for reason in tenant.reasons}
    for index, reason in enumerate(tenant.reasons):
        here = (*at, "reasons", index, "parent")
        if reason.parent is None:
            depths[reason.id] = 1
        elif reason.parent == reason.id:
            yield file.problem(here, f"{reason.id!r} is its own parent; leave it out, or name another")
        elif reason.parent in depths:
            depths[reason.id] = depths[reason.parent] + 1
            if depths[reason.id] > DEPTH_MOST:
                yield file.problem(here, f"{reason.id!r} would be {depths[reason.id]} deep; {DEPTH_MOST} is the most")
        elif reason.parent in ids:
            yield file.problem(here, f"{reason.parent!r} stands below; write it above {reason.id!r}")
        else:
            yield file.problem(here, f"no reason {reason.parent!r}; {closest(reason.parent, ids)}")
    if tenant.reasons:
        return
    for index, queue in enumerate(tenant.queues):
        if queue.reason_required:
            yield file.problem(
                (*at, "queues", index, "reason_required"),
                "the desk has no reasons; write some [[tenants.NAME.reasons]]",
            )
