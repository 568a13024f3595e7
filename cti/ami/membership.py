"""Who is paused in Asterisk's own queues, pure: what it should be, what it is, and which members differ.

A member is an agent's phone in one of those queues; Asterisk calls the phone its interface ("PJSIP/demo-sato") and
pauses it in all queues at once. Items of QueueStatus: Asterisk 22's apps/app_queue.c, ``manager_queues_status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cti.domain.model import AgentState


def interface_of(endpoint: str) -> str:
    """As queues.conf names the members (cti.asteriskconf.render)."""
    return f"PJSIP/{endpoint}"


def is_paused(state: AgentState) -> bool:
    """Whether the fallback must leave an agent in this state alone: it rings those who chose to take calls."""
    return state is not AgentState.AVAILABLE


def read(items: Iterable[Mapping[str, str]]) -> dict[str, frozenset[bool]]:
    """Interface → whether it is paused, in each of its queues. What is no member, or does not say, is left out."""
    found: dict[str, frozenset[bool]] = {}
    for item in items:
        interface, paused = item.get("Location", ""), item.get("Paused")
        if item.get("Event") == "QueueMember" and interface and paused in ("0", "1"):
            found[interface] = found.get(interface, frozenset()) | {paused == "1"}
    return found


def differences(wanted: Mapping[str, bool], members: Mapping[str, frozenset[bool]]) -> dict[str, bool]:
    """Interface → paused, for each member that is not what it should be in all its queues.

    Members that nobody wants anything of (an agent who has left the desk; Asterisk's configuration is older) are
    paused: they cannot have chosen to take calls. Agents who are in no queue need nothing.
    """
    return {
        interface: wanted.get(interface, True)
        for interface, paused in members.items()
        if paused != {wanted.get(interface, True)}
    }
