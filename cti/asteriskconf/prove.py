"""Is a running Asterisk what its configuration declares, no wider and no older? Judges what others have seen. Pure.

What is asked and read: the AMI user's rights, open doors, files, modules, the dialplan. docs/asterisk.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cti.asteriskconf.check import rights_problems
from cti.asteriskconf.sockets import Listener, within

# Tried although Asterisk's own list says the same: what counts is what it does. Each lacks what it would need to do
# anything, so that an Asterisk that allows it answers "… not specified".
TRIALS: tuple[Mapping[str, str], ...] = (
    {"Action": "Command"},
    # Callbacks need Originate; what it must not do is run a program. The channel's context does not exist.
    {"Action": "Originate", "Channel": "Local/none@cti-none", "Application": "System", "Data": "true"},
    {"Action": "GetConfig"},
    {"Action": "UpdateConfig"},
    {"Action": "ModuleLoad"},
    {"Action": "DBPut"},
)
_DIRECTIVE = re.compile(r"#\s*(include|tryinclude|exec)\b")
_SECTION = re.compile(r"\[([^\]]+)\](\(.*\))?\s*\Z")


def trial_name(trial: Mapping[str, str]) -> str:
    """What a trial is called in the table of forbidden actions."""
    application = trial.get("Application")
    return f"{trial['Action']} of {application}" if application else trial["Action"]


class Verdict(StrEnum):
    """What is known."""

    PROVED = "proved"
    REFUSED = "refused"  # wider, older or other than declared
    UNSEEN = "unseen"  # we may not look; nothing is said


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    part: str  # "version", "rights", "doors", "files", "modules", "dialplan"
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where Asterisk is meant to listen."""

    name: str  # for people: "AMI"
    address: str
    port: int
    protocols: tuple[str, ...] = ("tcp",)
    cure: str  # what to do when it is wider


def allowed_actions(listed: Collection[str], tried: Mapping[str, bool]) -> frozenset[str]:
    """What ListCommands named, corrected by what Asterisk did: it is believed when it does more than it says."""
    return frozenset(listed) | {action for action, done in tried.items() if done}


def judge_ami(
    listed: Collection[str], tried: Mapping[str, bool], doors: Iterable[Listener] | None, ami: Door
) -> tuple[Finding, ...]:
    """What `serve` and `asterisk-conf check` both look at."""
    problems = rights_problems(allowed_actions(listed, tried))
    found = [Finding(part="rights", verdict=Verdict.REFUSED, sentence=problem) for problem in problems]
    if not found:
        tried_names = ", ".join(tried)
        sentence = f"the AMI user may use {len(listed)} actions, all it needs; tried and denied: {tried_names}"
        found.append(Finding(part="rights", verdict=Verdict.PROVED, sentence=sentence))
    return (*found, judge_door(ami, doors))


def judge_door(door: Door, doors: Iterable[Listener] | None) -> Finding:
    """Whether a door is open where it is declared and nowhere else."""
    if doors is None:
        return Finding(part="doors", verdict=Verdict.UNSEEN, sentence=f"{door.name}: this system has no /proc/net")
    open_ones = [one for one in doors if one.port == door.port and one.protocol in door.protocols]
    wider = [one.where for one in open_ones if not within(one.address, door.address)]
    if wider:
        sentence = f"{door.name} listens on {', '.join(wider)}, declared is {door.address}:{door.port}: {door.cure}"
        return Finding(part="doors", verdict=Verdict.REFUSED, sentence=sentence)
    if not open_ones:
        sentence = f"{door.name}: nothing on this machine listens on port {door.port}; look where Asterisk runs"
        return Finding(part="doors", verdict=Verdict.UNSEEN, sentence=sentence)
    where = ", ".join(one.where for one in open_ones)
    return Finding(part="doors", verdict=Verdict.PROVED, sentence=f"{door.name} listens on {where}")


def judge_others(
    own: Iterable[Listener] | None, declared: Iterable[Door], sound: range, chosen: range
) -> tuple[Finding, ...]:
    """Doors of Asterisk's process that nobody declared.

    ``sound``: ports of RTP. ``chosen``: ports that the kernel gives to those who ask for none; a UDP socket there is
    Asterisk asking others (PJSIP keeps two for name servers), not a door.
    """
    if own is None:
        sentence = "other doors: Asterisk's process cannot be seen; run this as root or as Asterisk's user"
        return (Finding(part="doors", verdict=Verdict.UNSEEN, sentence=sentence),)
    known = {(protocol, door.port) for door in declared for protocol in door.protocols}
    others = [
        one.where
        for one in own
        if (one.protocol, one.port) not in known
        and not (one.protocol == "udp" and (one.port in sound or one.port in chosen))
    ]
    if others:
        sentence = f"Asterisk also listens on {', '.join(sorted(others))}, which nothing declares: unload what opens it"
        return (Finding(part="doors", verdict=Verdict.REFUSED, sentence=sentence),)
    return (Finding(part="doors", verdict=Verdict.PROVED, sentence="Asterisk has no other door open"),)


def plain_lines(text: str) -> tuple[str, ...]:
    """What Asterisk reads of a configuration file: no comments, no empty lines, one space around ``=``."""
    found = []
    for line in text.splitlines():
        bare = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip()
        if bare:
            found.append(re.sub(r"\s*=(>?)\s*", r" =\1 ", bare, count=1).strip())
    return tuple(found)


def settings_of(text: str) -> dict[str, list[tuple[str, str]]]:
    """Section → its keys and values, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    section = ""
    for line in plain_lines(text):
        if match := _SECTION.match(line):
            section = match[1]
            found.setdefault(section, [])
        elif " = " in f"{line} ":
            key, _, value = f"{line} ".partition(" = ")
            found.setdefault(section, []).append((key.strip().lower(), value.strip()))
    return found


def judge_files(rendered: Mapping[str, str], on_disk: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """Files as they are against files as they would be rendered now. None: may not be read."""
    findings = []
    for name, text in on_disk.items():
        if text is None:
            sentence = f"{name} cannot be read; run this as root or as a member of Asterisk's group"
            findings.append(Finding(part="files", verdict=Verdict.UNSEEN, sentence=sentence))
            continue
        problems = [*_manager_problems(text, rendered[name])] if name == "manager.conf" else []
        if any(_DIRECTIVE.match(line) for line in plain_lines(text)):
            problems.append(f"{name} includes other files, which nobody judges: put everything into the templates")
        if not problems and plain_lines(text) != plain_lines(rendered[name]):
            problems.append(
                f"{name} is not what would be rendered now: run `kakehashi asterisk-conf render` and reload Asterisk"
            )
        findings += [Finding(part="files", verdict=Verdict.REFUSED, sentence=problem) for problem in problems]
    if not any(one.verdict is Verdict.REFUSED for one in findings):
        seen = sum(text is not None for text in on_disk.values())
        findings.append(
            Finding(part="files", verdict=Verdict.PROVED, sentence=f"{seen} files are as they would be rendered")
        )
    return tuple(findings)


def _manager_problems(text: str, rendered: str) -> Iterable[str]:
    """What is wider in manager.conf, by name; the rest is found as any other difference."""
    ours, declared = settings_of(text), settings_of(rendered)
    for user in ours.keys() - declared.keys():
        yield f"manager.conf has a user {user!r} that nothing declares: remove it"
    for section in ours.keys() & declared.keys():
        wanted = dict(declared[section])
        for key, value in ours[section]:
            if key in ("bindaddr", "webenabled", "read", "write", "permit") and wanted.get(key) != value:
                yield (
                    f"manager.conf [{section}] has {key} = {value}, declared is {key} = {wanted.get(key, '(nothing)')}"
                )


def judge_modules(modules_conf: str, loaded: Collection[str] | None) -> tuple[Finding, ...]:
    """Modules in memory against those that are named."""
    if loaded is None:
        sentence = "modules in memory cannot be seen; run this as root or as Asterisk's user"
        return (Finding(part="modules", verdict=Verdict.UNSEEN, sentence=sentence),)
    named = {
        value
        for key, value in settings_of(modules_conf).get("modules", [])
        if key in ("load", "require", "preload", "preload-require")
    }
    findings = []
    if extra := sorted(set(loaded) - named):
        findings.append(f"loaded but not named in modules.conf: {', '.join(extra)}; restart Asterisk without them")
    if missing := sorted(named - set(loaded)):
        findings.append(f"named in modules.conf but not loaded: {', '.join(missing)}; Asterisk's log says why")
    if findings:
        return tuple(Finding(part="modules", verdict=Verdict.REFUSED, sentence=sentence) for sentence in findings)
    sentence = f"{len(named)} modules are named, the same are loaded"
    return (Finding(part="modules", verdict=Verdict.PROVED, sentence=sentence),)


def contexts_of(extensions_conf: str) -> tuple[str, ...]:
    """Contexts that extensions.conf declares."""
    return tuple(name for name in settings_of(extensions_conf) if name not in ("", "general", "globals"))


def judge_dialplan(wanted: Mapping[str, Collection[str]], running: Mapping[str, Collection[str] | None]) -> Finding:
    """Contexts and extensions that must be there, against those that are. None: no such context."""
    gone = [context for context in wanted if running.get(context) is None]
    lacking = [
        f"{context} lacks {len(missing)} extension(s)"
        for context, extensions in wanted.items()
        if (there := running.get(context)) is not None and (missing := set(extensions) - set(there))
    ]
    problems = ([f"no context {', '.join(gone)}"] if gone else []) + lacking
    if problems:
        sentence = f"the running dialplan is another: {'; '.join(problems)}; run `dialplan reload` on Asterisk"
        return Finding(part="dialplan", verdict=Verdict.REFUSED, sentence=sentence)
    return Finding(part="dialplan", verdict=Verdict.PROVED, sentence=f"{len(wanted)} contexts are there")
