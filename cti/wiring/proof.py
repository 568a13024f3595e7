"""Looks at a running Asterisk, through the server's own AMI user and this machine's files, and has it judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from cti.ami.client import AmiClient
from cti.ami.errors import AmiRefused, OutcomeUnknown
from cti.ami.protocol import Reply
from cti.asteriskconf import prove, sockets
from cti.asteriskconf.prove import Door, Finding, Verdict
from cti.asteriskconf.render import render
from cti.asteriskconf.settings import AsteriskSettings
from cti.asteriskconf.sound import judge_sound
from cti.config import Config
from cti.domain.errors import NotAllowed, NotFound, Unavailable
from cti.wiring.asterisk import lacking

log = logging.getLogger(__name__)

ASK_S = 3.0
NOT_THERE = "unknown command"  # Asterisk's words for an action of a module that is not loaded
AMI_CURE = "set bindaddr in manager.conf ([general]), then `manager reload`"


class AsteriskProof:
    """Called after each log-in. Until all was well once, what is wider refuses the link; later it is said on /readyz.

    docs/decisions/0113 says why.
    """

    def __init__(self, config: Config) -> None:
        self._door = ami_door(config)
        self._proved = False
        self.problem: str | None = None

    async def __call__(self, client: AmiClient) -> None:
        """Raises AmiRefused with every problem, or what a lost link raises."""
        findings = await ami_findings(client, self._door)
        problem = "; ".join(one.sentence for one in findings if one.verdict is Verdict.REFUSED) or None
        if problem is not None and not self._proved:
            raise AmiRefused(f"Asterisk is not what its configuration declares: {problem}")
        if problem is not None and problem != self.problem:
            log.error("Asterisk is wider than declared, calls go on", extra={"action": "asterisk-conf", "why": problem})
        self.problem = problem
        self._proved = True


def ami_door(config: Config) -> Door:
    """Where AMI is meant to be."""
    return Door(name="AMI", address=config.asterisk.ami_host, port=config.asterisk.ami_port, cure=AMI_CURE)


async def ami_findings(client: AmiClient, door: Door) -> tuple[Finding, ...]:
    """Rights and the AMI's own door: two round trips and four files, some 10 ms. Raises Unavailable."""
    (listed, answers), doors = await asyncio.gather(_ask(client), asyncio.to_thread(sockets.listeners))
    tried = {prove.trial_name(trial): done for trial, done in zip(prove.TRIALS, answers, strict=True)}
    names = set(listed.headers) - {"Response", "ActionID"}
    return prove.judge_ami(names, tried, doors, door)


async def _ask(client: AmiClient) -> tuple[Reply, list[bool]]:
    """What Asterisk says that we may, then what it lets us do."""
    listed = await client.request({"Action": "ListCommands"}, deadline_s=ASK_S)
    return listed, await asyncio.gather(*(_does(client, trial) for trial in prove.TRIALS))


async def _does(client: AmiClient, action: Mapping[str, str]) -> bool:
    """Whether Asterisk would do it."""
    try:
        await client.request(action, deadline_s=ASK_S)
    except NotAllowed:
        return False
    except OutcomeUnknown:
        raise
    except (NotFound, Unavailable) as error:
        return NOT_THERE not in str(error).lower()
    return True


async def check(client: AmiClient, config: Config, settings: AsteriskSettings) -> tuple[Finding, ...]:
    """Everything `asterisk-conf check` looks at; the link is up. Raises Unavailable."""
    rendered = render(settings)
    version = Finding(part="version", verdict=Verdict.PROVED, sentence=f"Asterisk {client.asterisk_version}")
    ami = await ami_findings(client, ami_door(config))
    dialplan = await _dialplan(client, rendered["extensions.conf"], settings)
    here = await asyncio.to_thread(_seen_here, config, settings, rendered)
    return (version, *ami, *here, dialplan)


def _seen_here(config: Config, settings: AsteriskSettings, rendered: Mapping[str, str]) -> tuple[Finding, ...]:
    folders = config.asterisk.folders
    doors = sockets.listeners()
    pid = _pid(folders.run / "asterisk.pid")
    sip = Door(
        name="SIP",
        address=settings.sip_address,
        port=settings.sip_port,
        protocols=("udp", "tcp"),
        cure="set bind in pjsip.conf and restart Asterisk",
    )
    declared = [ami_door(config), sip, *_web_doors(rendered["http.conf"])]
    own = sockets.of_process(pid, doors, sockets.PROC) if pid is not None and doors is not None else None
    sound = range(settings.rtp_first, settings.rtp_last + 1)
    loaded = sockets.mapped_modules(pid, folders.modules) if pid is not None else None
    return (
        *(prove.judge_door(door, doors) for door in declared[1:]),
        *prove.judge_others(own, declared, sound, sockets.chosen_ports()),
        *prove.judge_files(rendered, {name: _text(folders.etc / name) for name in rendered}),
        *prove.judge_modules(rendered["modules.conf"], loaded),
        judge_sound(config.asterisk.trunk_codecs, lacking(config), config.recording.rate_hz),
    )


def _web_doors(http_conf: str) -> list[Door]:
    """Where Asterisk's own HTTP server is meant to listen; nowhere unless browsers' phones are configured."""
    general = dict(prove.settings_of(http_conf).get("general", []))
    cure = "set bindaddr in http.conf, then restart Asterisk"
    doors = []
    if general.get("enabled") == "yes":
        doors.append(Door(name="HTTP", address=general["bindaddr"], port=int(general["bindport"]), cure=cure))
    if general.get("tlsenable") == "yes":
        address, _, port = general["tlsbindaddr"].rpartition(":")
        doors.append(Door(name="HTTPS", address=address.strip("[]"), port=int(port), cure=cure))
    return doors


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _pid(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.strip().isdigit() else None


async def _dialplan(client: AmiClient, extensions_conf: str, settings: AsteriskSettings) -> Finding:
    wanted: dict[str, Collection[str]] = dict.fromkeys(prove.contexts_of(extensions_conf), ())
    wanted["cti-inbound"] = tuple(number.number for number in settings.numbers)
    running: dict[str, Collection[str] | None] = {}
    for context in wanted:
        try:
            reply = await client.request({"Action": "ShowDialPlan", "Context": context}, deadline_s=ASK_S, is_list=True)
        except NotAllowed:
            sentence = "the AMI user may not look at the dialplan; `dialplan show` on Asterisk's console tells"
            return Finding(part="dialplan", verdict=Verdict.UNSEEN, sentence=sentence)
        except OutcomeUnknown:
            raise
        except (NotFound, Unavailable):
            running[context] = None
        else:
            running[context] = {item.get("Extension", "") for item in reply.items}
    return prove.judge_dialplan(wanted, running)
