"""Is the AMI user what asterisk-conf/manager.conf makes it, no less and no more? Pure.

Asterisk says itself what a user may do: the action ``ListCommands`` answers with one header for each allowed action.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# What the server sends (cti/ami/actions.py and the snapshot).
NEEDED = frozenset(
    {
        "BridgeList",
        "CoreSettings",
        "CoreShowChannels",
        "CoreStatus",
        "DBGet",
        "DeviceStateList",
        "Getvar",
        "Hangup",
        "ListCommands",
        "Originate",
        "Ping",
        "Redirect",
        "Setvar",
        "Status",
    }
)
# One of each class that manager.conf withholds, and every action that runs programs, places calls, changes
# configuration, or lets the user see more than the filter shows.
FORBIDDEN = frozenset(
    {
        "AGI",  # agi: any AGI command, EXEC among them
        "AOCMessage",  # aoc
        "Command",  # command: the console, `!` is a shell there
        "CreateConfig",  # config
        "DBDel",  # system
        "DBPut",  # system
        "DialplanExtensionAdd",  # system: writes dialplan
        "Filter",  # system: widens the event filter
        "GetConfig",  # config: reads files, passwords among them
        "GetConfigJSON",
        "JabberSend",
        "MixMonitor",  # system: its command argument is a shell
        "ModuleLoad",  # system
        "Originate of System",  # originate with system: runs programs
        "PJSIPNotify",  # system
        "PJSIPRegister",
        "Reload",  # system, config
        "UpdateConfig",  # config
        "UserEvent",  # user: would let us forge what the dialplan says
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What is wrong with an AMI user's rights; both empty: nothing."""

    missing: tuple[str, ...]  # actions the server needs and may not use
    too_wide: tuple[str, ...]  # actions it may use and must not


def judge_rights(allowed: Collection[str]) -> Rights:
    """Compare the actions that ``ListCommands`` named with what the server is meant to have."""
    names = frozenset(allowed)
    return Rights(missing=tuple(sorted(NEEDED - names)), too_wide=tuple(sorted(FORBIDDEN & names)))


def rights_problems(allowed: Collection[str]) -> tuple[str, ...]:
    """The same as sentences for the operator, each with what to do."""
    rights = judge_rights(allowed)
    problems = []
    if rights.missing:
        problems.append(
            f"the AMI user may not use {', '.join(rights.missing)}: give it write = call,reporting,agent,originate "
            "in manager.conf (kakehashi asterisk-conf render writes it)"
        )
    if rights.too_wide:
        problems.append(
            f"the AMI user may use {', '.join(rights.too_wide)}, which the server never needs and an intruder would: "
            "reduce it to write = call,reporting,agent,originate in manager.conf"
        )
    return tuple(problems)
