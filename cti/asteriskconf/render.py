"""From settings to the text of every configuration file. Pure but for reading the templates.

The templates are ``asterisk-conf/`` (in a wheel: ``cti/asterisk_conf/``). A template is a configuration file with
``@{name}`` where a value goes; ``parts/`` holds the blocks that are repeated for each agent, queue and number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Template

import cti
from cti.asteriskconf.checks import RUN_PATH_LIMIT, USER, Checker
from cti.asteriskconf.settings import AgentPhone, AsteriskSettings, CalledNumber, FallbackQueue, WebSocket
from cti.asteriskconf.sound import check_sound, sound_values
from cti.domain.errors import ConfigError

# A name or an IPv4 address, and a port: it stands in a SIP URI.
HOST_PORT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}):[0-9]{1,5}\Z")
ICE_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?\Z")
TURN_WORD = re.compile(r"[A-Za-z0-9._@+/=-]{1,128}\Z")
# E.164 has 15 digits; trunks add prefixes, and callers dial too much.
LONGEST_NUMBER = 20
# Asterisk waits so long for a key of who strayed (cti-stray); not at all, and it would hang up.
STRAY_S = "0.05"


class _Blanks(Template):
    """``@{name}``: ``$`` belongs to the dialplan."""

    delimiter = "@"
    pattern = r"""
        @(?:
            (?P<escaped>(?!)) |
            (?P<named>(?!)) |
            \{(?P<braced>[a-z][a-z0-9_]*)\} |
            (?P<invalid>(?!))
        )
    """  # type: ignore[assignment]


def templates_directory() -> Path:
    """Where the templates are, in a checkout, an editable install and a wheel alike."""
    return Path(cti.__file__).parent / "asterisk_conf"


@cache
def _template(name: str) -> _Blanks:
    return _Blanks((templates_directory() / name).read_text(encoding="utf-8"))


def _part(name: str, values: Mapping[str, str | int]) -> str:
    return _template(f"parts/{name}.conf").substitute(values)


def check(settings: AsteriskSettings) -> None:
    """Refuse every value that would not stay a value.

    Raises ConfigError with one sentence per problem, each naming the setting; secrets are never shown.
    """
    checker = Checker()
    _check_machine(checker, settings)
    _check_desk(checker, settings)
    if checker.problems:
        raise ConfigError(checker.problems)


def _check_machine(checker: Checker, settings: AsteriskSettings) -> None:
    for key in settings.directories.__slots__:
        checker.path(f"directories.{key}", getattr(settings.directories, key))
    checker.number("length of directories.run", len(settings.directories.run.encode()), 1, RUN_PATH_LIMIT)
    checker.address("sip_address", settings.sip_address)
    if settings.media_address is not None:
        checker.address("media_address", settings.media_address)
    checker.address("fastagi_address", settings.fastagi_address)
    for key in ("sip_port", "ami_port", "fastagi_port", "rtp_first", "rtp_last"):
        checker.port(key, getattr(settings, key))
    # Asterisk takes two ports a leg; fewer than 20 are ten legs, and surely a slip.
    checker.number("rtp_last", settings.rtp_last, settings.rtp_first + 19, 65535)
    checker.pattern("ami_user", settings.ami_user, USER, "write 1 to 40 letters, digits, - and _")
    if settings.ami_user == "general":
        checker.problems.append("asterisk settings: ami_user is 'general': that section has a meaning, choose another")
    checker.secret("ami_secret", settings.ami_secret, 16)
    if not settings.trunk_peers:
        checker.problems.append("asterisk settings: trunk_peers is empty: name the addresses that calls come from")
    for position, peer in enumerate(settings.trunk_peers):
        checker.network(f"trunk_peers[{position}]", peer)
    if settings.trunk_out is not None:
        checker.pattern("trunk_out", settings.trunk_out, HOST_PORT, "write HOST:PORT, e.g. 203.0.113.7:5060")
    check_sound(checker, settings)
    checker.language("default_language", settings.default_language)
    for key, least, most in (
        ("agent_qualify_s", 0, 3600),
        ("agent_rtp_timeout_s", 0, 3600),
        ("trunk_rtp_timeout_s", 0, 86400),
        ("menu_step_s", 2, 60),
        ("callee_key_s", 2, 30),
        ("menu_tries", 1, 10),
        ("beat_limit_s", 2, 60),
        ("look_s", 1, 60),
        ("fallback_wait_s", 10, 86400),
        ("fallback_look_s", 2, 600),
        ("hold_look_s", 1, 10),
        ("hold_limit_s", 10, 86400),
        ("consult_ring_s", 5, 120),
        ("return_ring_s", 2, 60),
        ("max_files", 256, 1_000_000),
    ):
        checker.number(key, getattr(settings, key), least, most)
    if settings.websocket is not None:
        _check_websocket(checker, settings.websocket)


def _check_websocket(checker: Checker, websocket: WebSocket) -> None:
    checker.address("websocket.address", websocket.address)
    checker.port("websocket.port", websocket.port)
    for key in ("certificate", "private_key"):
        value = getattr(websocket, key)
        if value is not None:
            checker.path(f"websocket.{key}", value)
    if (websocket.certificate is None) != (websocket.private_key is None):
        checker.problems.append("asterisk settings: websocket needs certificate and private_key, or neither")
    for key in ("stun", "turn"):
        value = getattr(websocket, key)
        if value is not None:
            checker.pattern(
                f"websocket.{key}", value, ICE_SERVER, "write HOST or HOST:PORT, e.g. turn.example.com:3478"
            )
    if websocket.turn is not None:
        checker.pattern(
            "websocket.turn_user", websocket.turn_user or "", TURN_WORD, "write letters, digits and ._@+/=-"
        )
        if not TURN_WORD.fullmatch(websocket.turn_password or ""):
            checker.problems.append("asterisk settings: websocket.turn_password: write letters, digits and ._@+/=-")
    if websocket.media_address is not None:
        checker.address("websocket.media_address", websocket.media_address)
    for own, told in websocket.ice_hosts:
        checker.address(f"websocket.ice_hosts[{own!r}]", own)
        checker.address(f"websocket.ice_hosts[{own!r}]", told)


def _check_desk(checker: Checker, settings: AsteriskSettings) -> None:
    for agent in settings.agents:
        key = f"agents[{agent.endpoint!r}]"
        checker.slug(f"{key}.tenant", agent.tenant)
        checker.endpoint(f"{key}.endpoint", agent.endpoint, agent.tenant)
        checker.secret(f"{key}.secret", agent.secret, 8)
        checker.name(f"{key}.name", agent.name)
        if agent.browser and settings.websocket is None:
            checker.problems.append(
                f"asterisk settings: {key}.browser needs websocket settings: write a table [asterisk.websocket]"
            )
    # The dialplan overlooks hyphens: "demo-a-b" and "demo-ab" would be one extension.
    checker.unique("agents.endpoint (hyphens aside)", [a.endpoint.replace("-", "") for a in settings.agents])
    endpoints = {a.endpoint: a.tenant for a in settings.agents}
    for queue in settings.queues:
        key = f"queues[{queue.tenant}/{queue.queue}]"
        checker.slug(f"{key}.tenant", queue.tenant)
        checker.queue(f"{key}.queue", queue.queue)
        checker.number(f"{key}.ring_s", queue.ring_s, 1, 300)
        checker.number(f"{key}.weight", queue.weight, 0, 1_000_000)
        checker.number(f"{key}.service_level_s", queue.service_level_s, 1, 86400)
        if queue.voicemail_text:
            checker.queue(f"{key}.voicemail_text", queue.voicemail_text)
        checker.unique(f"{key}.members", list(queue.members))
        for member in queue.members:
            checker.known(
                f"{key}.members", member, {e for e, t in endpoints.items() if t == queue.tenant}, "agent of the tenant"
            )
    names = [f"{q.tenant}-{q.queue}" for q in settings.queues]
    checker.unique("queues (hyphens aside)", [name.replace("-", "") for name in names])
    for number in settings.numbers:
        key = f"numbers[{number.number!r}]"
        checker.e164(f"{key}.number", number.number)
        checker.slug(f"{key}.tenant", number.tenant)
        if number.menu is not None:
            checker.queue(f"{key}.menu", number.menu)
        checker.language(f"{key}.language", number.language)
        checker.known(f"{key}.queue", f"{number.tenant}-{number.queue}", set(names), "queue")
    checker.unique("numbers", [spelling for n in settings.numbers for spelling in spellings(n.number)])


def spellings(e164: str) -> tuple[str, ...]:
    """How a trunk may write a number called: E.164, without its +, and the national form of Japanese numbers.

    >>> spellings("+81501234500")
    ('+81501234500', '81501234500', '0501234500')
    """
    bare = e164.removeprefix("+")
    national = ("0" + bare.removeprefix("81"),) if bare.startswith("81") else ()
    return (e164, bare, *national)


def _agent(agent: AgentPhone) -> str:
    return _part(
        "pjsip-agent",
        {
            "endpoint": agent.endpoint,
            "template": "agent-webrtc" if agent.browser else "agent",
            "tenant": agent.tenant,
            "secret": agent.secret,
        },
    )


def _queue(queue: FallbackQueue, names: Mapping[str, str]) -> str:
    # interface, penalty, name, state interface: the phone's own state decides whether it is rung.
    members = [f"member => PJSIP/{m},0,{names[m]},PJSIP/{m}" for m in queue.members]
    return _part(
        "queues-queue",
        {
            "name": f"{queue.tenant}-{queue.queue}",
            "ring_s": queue.ring_s,
            "weight": queue.weight,
            "service_level_s": queue.service_level_s,
            "members": "\n".join(members) or "; nobody has the skills of this queue",
        },
    )


def _number(number: CalledNumber) -> str:
    first, *others = spellings(number.number)
    text = _part(
        "extensions-number",
        {
            "e164": first,
            "tenant": number.tenant,
            "queue": number.queue,
            "menu": number.menu or "",
            "language": number.language,
        },
    )
    return text + "".join(_part("extensions-number-alias", {"alias": o, "e164": first}) for o in others)


def _alone(queue: FallbackQueue) -> str:
    values = {"tenant": queue.tenant, "queue": queue.queue, "text": queue.voicemail_text}
    return _part("extensions-alone", values) if queue.voicemail else ""


def _any_number() -> str:
    patterns = (f"_{plus}{'X' * length}" for plus in ("", "+") for length in range(1, LONGEST_NUMBER + 1))
    return "\n".join(f"exten => {pattern},1,Goto(cti-unknown,s,1)" for pattern in patterns)


def _agent_contexts(settings: AsteriskSettings) -> Iterable[str]:
    for tenant in sorted({agent.tenant for agent in settings.agents}):
        yield _part("extensions-agent-context", {"tenant": tenant})
        for agent in settings.agents:
            if agent.tenant == tenant:
                yield _part("extensions-agent", {"endpoint": agent.endpoint})
        for queue in settings.queues:
            if queue.tenant == tenant:
                yield _part("extensions-agent-queue", {"queue": queue.queue})
        yield "\n"


def _websocket_values(settings: AsteriskSettings, sip_bind: str) -> dict[str, str]:
    websocket = settings.websocket
    if websocket is None:
        # Off, and on loopback should anybody switch it on by hand.
        return {
            "websocket_modules": "",
            "websocket_transport": "",
            "http_enabled": "no",
            "http_address": "127.0.0.1",
            "http_port": "8088",
            "https_enabled": "no",
            "https_lines": "; no TLS",
            "ice_lines": "; no browsers",
            "ice_servers": "; and no servers for them",
        }
    secure = websocket.certificate is not None
    # With TLS the plain listener stays on loopback: Asterisk cannot serve TLS with plain HTTP switched off.
    return {
        "websocket_modules": _part("modules-websocket", {}),
        "websocket_transport": _part(
            "pjsip-websocket", {"ws_protocol": "wss" if secure else "ws", "sip_bind": sip_bind}
        ),
        "http_enabled": "yes",
        "http_address": "127.0.0.1" if secure else websocket.address,
        "http_port": "8088" if secure else str(websocket.port),
        "https_enabled": "yes" if secure else "no",
        "https_lines": "\n".join(
            (
                f"tlsbindaddr = {_host_port(websocket.address, websocket.port)}",
                f"tlscertfile = {websocket.certificate}",
                f"tlsprivatekey = {websocket.private_key}",
            )
        )
        if secure
        else "; no TLS",
        "ice_lines": _ice_lines(websocket.media_address or settings.media_address, websocket.ice_hosts),
        "ice_servers": _ice_servers(websocket),
    }


def _media(address: str | None) -> str:
    return f"media_address = {address}\nbind_rtp_to_media_address = yes" if address else ""


def _ice_lines(media_address: str | None, hosts: tuple[tuple[str, str], ...]) -> str:
    """Sound that is bound to one address is offered there only: each candidate that leads nowhere costs time.

    Asterisk holds its list against what it tells, not against what that stands for.
    """
    told = [told for _, told in hosts] or ([media_address] if media_address else [])
    lines = ["ice_deny = 0.0.0.0/0", "ice_deny = ::/0", *(f"ice_permit = {one}" for one in told)] if told else []
    if hosts:
        lines += ["", "[ice_host_candidates]", *(f"{own} => {told}" for own, told in hosts)]
    return "\n".join(lines) or "; every address of this machine"


def _ice_servers(websocket: WebSocket) -> str:
    lines = [f"stunaddr = {websocket.stun}"] if websocket.stun else []
    if websocket.turn:
        named = (("turnaddr", websocket.turn), ("turnusername", websocket.turn_user))
        lines += [f"{key} = {value}" for key, value in (*named, ("turnpassword", websocket.turn_password))]
    return "\n".join(lines) or "; Asterisk asks no STUN server and relays by no TURN server"


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _values(settings: AsteriskSettings) -> dict[str, str]:
    sip_bind = _host_port(settings.sip_address, settings.sip_port)
    names = {agent.endpoint: agent.name for agent in settings.agents}
    browsers = settings.websocket.media_address if settings.websocket else None
    limit = settings.beat_limit_s
    beat = "0${GLOBAL(CTI_BEAT)}"
    return {
        **{f"dir_{key}": getattr(settings.directories, key) for key in settings.directories.__slots__},
        "sounds": settings.directories.sounds,
        "recordings": settings.directories.recordings,
        "default_language": settings.default_language,
        "max_files": str(settings.max_files),
        "sip_bind": sip_bind,
        "media_address": _media(settings.media_address) or "; media_address: Asterisk chooses",
        "browser_media_address": _media(browsers) or "; media_address: as other phones",
        "trunk_out": "aors = trunk-out" if settings.trunk_out else "; no way out: nobody can be called back",
        "trunk_out_aor": _part("pjsip-trunk-out", {"address": settings.trunk_out}) if settings.trunk_out else "",
        "callee_key_s": str(settings.callee_key_s),
        "trunk_matches": "\n".join(f"match = {peer}" for peer in settings.trunk_peers),
        "trunk_rtp_timeout_s": str(settings.trunk_rtp_timeout_s),
        "agent_rtp_timeout_s": str(settings.agent_rtp_timeout_s),
        "agent_qualify_s": str(settings.agent_qualify_s),
        "agents": "\n".join(_agent(agent) for agent in settings.agents) or "; no agents yet",
        "rtp_first": str(settings.rtp_first),
        "rtp_last": str(settings.rtp_last),
        "ami_port": str(settings.ami_port),
        "ami_user": settings.ami_user,
        "ami_secret": settings.ami_secret,
        "queues": "\n".join(_queue(queue, names) for queue in settings.queues) or "; no queues yet",
        "fastagi": _host_port(settings.fastagi_address, settings.fastagi_port),
        "numbers": "".join(_number(number) for number in settings.numbers) or "; no numbers yet\n",
        "any_number": _any_number(),
        "pages": "\n".join(f"CTI_PAGE_{a.endpoint} = 1" for a in settings.agents if a.browser) or "; no browsers",
        "alone": "".join(_alone(queue) for queue in settings.queues) or "; no queue takes messages\n",
        "voicemail_s": str(settings.voicemail_s),
        "voicemail_silence_s": str(settings.voicemail_silence_s),
        # By the clocks of two machines, as the heartbeat; then the two actions that follow a permit, 3 s at most each.
        "permit_s": str(limit + 6),
        # Too old, or from the future: a clock that was set back must not make a dead server look alive.
        "server_is_silent": f"$[${{EPOCH}} - {beat} > {limit} | {beat} - ${{EPOCH}} > {limit}]",
        "menu_step_s": str(settings.menu_step_s),
        "menu_tries": str(settings.menu_tries),
        "look_s": str(settings.look_s),
        "stray_s": STRAY_S,
        "fallback_wait_s": str(settings.fallback_wait_s),
        "fallback_look_s": str(settings.fallback_look_s),
        "hold_look_s": str(settings.hold_look_s),
        "hold_looks": str(settings.hold_limit_s // settings.hold_look_s),
        "consult_ring_s": str(settings.consult_ring_s),
        "return_ring_s": str(settings.return_ring_s),
        "agent_contexts": "".join(_agent_contexts(settings)) or "; no agents yet\n",
        **sound_values(settings),
        **_websocket_values(settings, sip_bind),
    }


def render(settings: AsteriskSettings) -> dict[str, str]:
    """File name → text, for every file of Asterisk's configuration directory.

    Raises ConfigError naming each setting whose value could not stand in a file.
    """
    check(settings)
    values = _values(settings)
    return {path.name: _template(path.name).substitute(values) for path in sorted(templates_directory().glob("*.conf"))}
