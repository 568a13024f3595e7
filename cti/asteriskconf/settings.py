"""Everything a rendered Asterisk configuration depends on, as frozen records. Pure: no files, no database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Directories:
    """Absolute paths, as the Asterisk process sees them (inside its chroot, if it has one)."""

    etc: str  # where the rendered files will be read from
    modules: str  # the distribution's *.so
    data: str  # the distribution's documentation/: Asterisk loads no module whose documentation it cannot find
    var: str  # its database of registrations; writable
    spool: str  # writable
    run: str  # control socket and pid; writable. A Unix socket's path: keep it under 90 characters
    log: str  # writable
    sounds: str  # holds kakehashi/{ja,en,moh}
    recordings: str  # MixMonitor writes here; writable, and read by the recording pipeline
    sbin: str = "/usr/sbin"  # where the rasterisk console is looked for


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocket:
    """Asterisk's own WebSocket, for softphones in browsers."""

    address: str  # IP to listen on
    port: int
    certificate: str | None = None  # PEM file; with it wss instead of ws
    private_key: str | None = None  # PEM file
    media_address: str | None = None  # IP that browsers' sound is bound and announced to; None: as everybody's
    # Addresses of Asterisk's machine and what browsers are told instead, where its sound is reached by another (NAT).
    ice_hosts: tuple[tuple[str, str], ...] = ()
    stun: str | None = None  # "host:port" that Asterisk asks for its own address outside
    turn: str | None = None  # "host:port" that Asterisk relays its own sound by, UDP
    turn_user: str | None = None
    turn_password: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentPhone:
    """One agent's phone."""

    tenant: str  # slug
    endpoint: str  # "<tenant>-<agent>"
    secret: str  # password of its registration, 8 printable characters or more
    name: str  # for people, any Unicode
    browser: bool = False  # a WebRTC softphone instead of a SIP phone


@dataclass(frozen=True, kw_only=True, slots=True)
class FallbackQueue:
    """A queue of the desk, as Asterisk's own queue will serve it while the server is away."""

    tenant: str
    queue: str  # slug
    members: tuple[str, ...]  # endpoints of the agents who have the queue's skills
    ring_s: int = 20
    weight: int = 0  # the queue's priority, higher first; 0 or more
    service_level_s: int = 20
    voicemail: bool = False  # when nobody is there, callers may leave a message
    voicemail_text: str = ""  # the sound with the desk's own words for it; "": the standard ones


@dataclass(frozen=True, kw_only=True, slots=True)
class CalledNumber:
    """A number that the trunk delivers to us."""

    number: str  # E.164 with +
    tenant: str
    queue: str  # where a call goes when the menu says nothing
    menu: str | None = None  # None: straight to the queue
    language: str = "ja"  # until the menu knows better: "ja" or "en"


@dataclass(frozen=True, kw_only=True, slots=True)
class AsteriskSettings:
    """The whole input of ``render``."""

    directories: Directories
    sip_address: str  # IP that SIP binds to; "0.0.0.0" for all
    sip_port: int = 5060
    media_address: str | None = None  # IP that sound is bound and announced to; None: Asterisk chooses
    rtp_first: int = 10000  # even
    rtp_last: int = 19999
    ami_port: int = 5038  # always on 127.0.0.1
    ami_user: str = "kakehashi"
    ami_secret: str  # 16 printable characters or more
    fastagi_address: str = "127.0.0.1"
    fastagi_port: int = 4573
    trunk_peers: tuple[str, ...]  # IPs or networks the trunk's calls come from
    trunk_out: str | None = None  # "host:port" that our own calls are sent to; None: nobody is called back
    trunk_codecs: tuple[str, ...] = ("ulaw", "alaw")  # of cti.domain.trunksound.CODECS, the best first
    record_hz: int = 8000  # frames per second at most of recordings; 16000 for calls in G.722
    agents: tuple[AgentPhone, ...] = ()
    queues: tuple[FallbackQueue, ...] = ()
    numbers: tuple[CalledNumber, ...] = ()
    websocket: WebSocket | None = None
    default_language: str = "ja"
    # A desk phone that answers no OPTIONS (SIPp, for example) is unreachable for Asterisk unless this is 0.
    agent_qualify_s: int = 30
    # Frozen phones are hung up after this; 0 = never, for load generators that send no sound.
    agent_rtp_timeout_s: int = 10
    trunk_rtp_timeout_s: int = 300
    # The server re-arms it with each step; 6 s is longer than any round trip and short enough to wait in silence.
    menu_step_s: int = 6
    # A person who is called back has this long to press 1, twice: they may have to take the phone from their ear.
    callee_key_s: int = 5
    menu_tries: int = 3  # a menu that failed this often is left out
    # The server beats each second: four missed beats are no hiccup any more.
    beat_limit_s: int = 4
    look_s: int = 4  # how often a waiting caller looks at the heartbeat; 1 s costs 12 % more CPU at 200 callers
    fallback_wait_s: int = 900  # the longest wait in Asterisk's own queue
    fallback_look_s: int = (
        20  # how often a caller there looks whether the server is back; each look is a new queue entry
    )
    hold_look_s: int = 2  # how often a leg on hold looks whether there is still somebody to wait for
    hold_limit_s: int = 900  # whoever holds a caller for longer has forgotten them
    # A page answers by itself within half a second; an agent at another phone takes a breath. The caller hears music.
    return_ring_s: int = 8
    consult_ring_s: int = 25  # how long a colleague's phone rings while the caller holds
    voicemail_s: int = 180  # the longest message: three minutes of speech are a page of text
    voicemail_silence_s: int = 5  # who says nothing for so long has said everything
    max_files: int = 8192
