"""The server's own configuration: one TOML file, validated once, frozen. What the desk is made of is elsewhere (desk/).

Every key has a default that fits one node with everything beside it on loopback, except secrets. A secret may be
written as ``{ file = "/path" }`` so that the configuration itself can be shown to anyone.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from cti.bucketrules import PlacingRule, bucket_problems
from cti.domain.errors import ConfigError
from cti.domain.signature import secret_key
from cti.domain.trunksound import sound_problem
from cti.tomlfile import TomlFile

ENV = "KAKEHASHI_CONFIG"


def _secret(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) != {"file"} or not isinstance(value["file"], str):
            raise ValueError('a secret is a text or { file = "/path" }')
        try:
            return Path(value["file"]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {value['file']}: {error}") from error
    return value


def _bind(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IP address") from error
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a network ({error})") from error


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("is empty")
    return value


def _plain(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9._@+/=-]{1,128}", value.get_secret_value()):
        raise ValueError("cannot stand in rtp.conf")
    return value


def _signing(value: SecretStr) -> SecretStr:
    secret_key(value.get_secret_value())
    return value


Secret = Annotated[SecretStr, BeforeValidator(_secret), AfterValidator(_filled)]
WebhookSecret = Annotated[Secret, AfterValidator(_signing)]
Bind = Annotated[str, AfterValidator(_bind)]
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
# Up to a petabyte: what is larger is a slip of the finger.
Megabytes = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
BucketName = Annotated[str, Field(min_length=3, max_length=63)]
PORT_HINT = "a port number, 1 to 65535"
WEBHOOK_HINT = '"whsec_" and the output of `openssl rand -base64 32`, or { file = "/path/to/it" }'
SECRET_HINT = 'the secret itself or { file = "/path/to/it" }'  # noqa: S105


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Folders(_Section):
    """Where Asterisk's own things are, as Asterisk sees them; the defaults are Debian's."""

    etc: Path = Field(default=Path("/etc/asterisk"), description="an absolute path")
    modules: Path = Field(default=Path("/usr/lib/x86_64-linux-gnu/asterisk/modules"), description="an absolute path")
    data: Path = Field(default=Path("/usr/share/asterisk"), description="an absolute path")
    var: Path = Field(default=Path("/var/lib/asterisk"), description="an absolute path")
    spool: Path = Field(default=Path("/var/spool/asterisk"), description="an absolute path")
    run: Path = Field(default=Path("/run/asterisk"), description="an absolute path")
    log: Path = Field(default=Path("/var/log/asterisk"), description="an absolute path")


class WebSocket(_Section):
    """Asterisk's own WebSocket: browsers that are phones register there, not with us (docs/softphone.md)."""

    address: Bind = Field(default="127.0.0.1", description='an IP address, e.g. "0.0.0.0"')
    port: Port = Field(default=8089, description=PORT_HINT)
    certificate: Path | None = Field(
        default=None, description="a PEM file with the certificate chain, as Asterisk sees it"
    )
    private_key: Path | None = Field(default=None, description="a PEM file with the private key, as Asterisk sees it")
    url: str | None = Field(
        default=None,
        pattern=r"^wss?://[A-Za-z0-9.:\[\]-]{1,260}(/[A-Za-z0-9._/-]{0,200})?$",
        description='what browsers connect to, "wss://cti.example.com:8089/ws"; leave it out: address and port',
    )
    media_address: Bind | None = Field(
        default=None, description="the IP address that browsers' sound is bound to, where it is not the trunk's"
    )
    ice_hosts: dict[Bind, Bind] = Field(
        default={},
        description='{ "10.0.0.5" = "203.0.113.9" }: where the sound of an address of this machine is reached',
    )


_HOST = r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
Stun = Annotated[str, Field(pattern=rf"^stun:{_HOST}$")]
Turn = Annotated[str, Field(pattern=rf"^turns?:{_HOST}(?:\?transport=(?:udp|tcp))?$")]
HostPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?$")]
# What stands in rtp.conf: nothing that it reads as its own.
TurnWord = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@+/=-]{1,128}$")]


class Ice(_Section):
    """STUN and TURN servers, for browsers behind NAT or firewalls (docs/softphone.md)."""

    stun: tuple[Stun, ...] = Field(default=(), max_length=4, description='["stun:stun.example.com:3478"]')
    turn: tuple[Turn, ...] = Field(
        default=(),
        max_length=4,
        description='["turn:turn.example.com:3478", "turns:turn.example.com:5349?transport=tcp"]',
    )
    turn_secret: Secret | None = Field(
        default=None, description="the secret shared with the TURN server (coturn: static-auth-secret)"
    )
    turn_lifetime_s: int = Field(
        default=86_400, ge=3600, le=604_800, strict=True, description="3600 (an hour) to 604800 (a week) seconds"
    )
    turn_user: str | None = Field(default=None, min_length=1, max_length=128, description="a user of the TURN server")
    turn_password: Secret | None = Field(default=None, description=f"of turn_user: {SECRET_HINT}")
    relay_only: bool = Field(default=False, strict=True, description="true: all sound through TURN; else false")
    asterisk_stun: HostPort | None = Field(default=None, description='for Asterisk itself, "stun.example.com:3478"')
    asterisk_turn: HostPort | None = Field(
        default=None, description='for Asterisk itself (UDP), "turn.example.com:3478"'
    )
    asterisk_turn_user: TurnWord | None = Field(default=None, description="a user of asterisk_turn")
    asterisk_turn_password: Annotated[Secret, AfterValidator(_plain)] | None = Field(
        default=None, description="of asterisk_turn_user: 1 to 128 letters, digits and . _ @ + / = -"
    )

    def problem(self) -> tuple[str, str] | None:
        """The first key that does not fit the others, and what to do."""
        user, password, secret = self.turn_user, self.turn_password, self.turn_secret
        if self.turn and secret is None and user is None:
            return "turn_secret", "is missing; TURN needs turn_secret, or turn_user and turn_password"
        if secret is not None and user is not None:
            return "turn_user", "stands beside turn_secret; write one of the two"
        if (user is None) != (password is None):
            return ("turn_user" if user is None else "turn_password"), "is missing; user and password go together"
        if not self.turn and (secret or user or self.relay_only):
            return (
                "turn",
                'is missing; write ["turn:turn.example.com:3478"], or leave its secret, user and relay_only out',
            )
        if (self.asterisk_turn_user is None) != (self.asterisk_turn_password is None):
            key = "asterisk_turn_user" if self.asterisk_turn_user is None else "asterisk_turn_password"
            return key, "is missing; user and password go together"
        if (self.asterisk_turn is None) != (self.asterisk_turn_user is None):
            key = "asterisk_turn" if self.asterisk_turn is None else "asterisk_turn_user"
            return key, "is missing; asterisk_turn needs asterisk_turn_user and asterisk_turn_password"
        return None


class Asterisk(_Section):
    """Where Asterisk is and how we talk with it."""

    ami_host: Bind = Field(default="127.0.0.1", description='an IP address, e.g. "127.0.0.1"')
    ami_port: Port = Field(default=5038, description=PORT_HINT)
    ami_user: str = Field(default="kakehashi", min_length=1, max_length=64, description='e.g. "kakehashi"')
    ami_secret: Secret = Field(description=SECRET_HINT)
    spool_dir: Path = Field(default=Path("/var/spool/asterisk/monitor"), description="the folder MixMonitor writes to")
    sounds_dir: Path = Field(
        default=Path("/var/lib/kakehashi/sounds"), description="the folder of our spoken prompts and music"
    )
    folders: Folders = Field(default=Folders(), description="an [asterisk.folders] table")
    sip_address: Bind = Field(default="0.0.0.0", description='the IP address SIP binds to, e.g. "192.0.2.10"')  # noqa: S104
    sip_port: Port = Field(default=5060, description=PORT_HINT)
    media_address: Bind | None = Field(default=None, description="the IP address sound is bound to")
    rtp_first: Port = Field(default=10_000, description="an even port number")
    rtp_last: Port = Field(default=19_999, description="a port number above rtp_first")
    trunk_peers: tuple[str, ...] = Field(
        default=("127.0.0.1",), min_length=1, description='addresses the trunk calls from, e.g. ["203.0.113.7"]'
    )
    trunk_out: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[0-9]{1,5}$",
        description='where our own calls go, "203.0.113.7:5060"; leave it out and nobody is called back',
    )
    trunk_codecs: tuple[Literal["g722", "ulaw", "alaw"], ...] = Field(
        default=("ulaw", "alaw"),
        min_length=1,
        description='of "g722", "ulaw", "alaw", the best first: ["g722", "ulaw"] where the carrier is wideband',
    )
    websocket: WebSocket | None = Field(
        default=None, description="an [asterisk.websocket] table, when browsers are phones"
    )
    ice: Ice = Field(default=Ice(), description="an [asterisk.ice] table, for browsers behind NAT or firewalls")
    agent_qualify_s: int = Field(default=30, ge=0, le=600, strict=True, description="0 (never) to 600 seconds")
    agent_rtp_timeout_s: int = Field(default=10, ge=0, le=600, strict=True, description="0 (never) to 600 seconds")

    @property
    def phone_url(self) -> str | None:
        """Asterisk's WebSocket as browsers reach it; None: there is none."""
        socket = self.websocket
        if socket is None:
            return None
        host = f"[{socket.address}]" if ":" in socket.address else socket.address
        return socket.url or f"{'wss' if socket.certificate else 'ws'}://{host}:{socket.port}/ws"


class Ivr(_Section):
    """Our FastAGI server."""

    host: Bind = Field(default="127.0.0.1", description='an IP address, e.g. "127.0.0.1"')
    port: Port = Field(default=4573, description=PORT_HINT)


class Web(_Section):
    """Pages, API, sockets."""

    host: Bind = Field(default="127.0.0.1", description='an IP address, e.g. "127.0.0.1"')
    port: Port = Field(default=8080, description=PORT_HINT)
    origins: tuple[str, ...] = Field(
        default=(),
        description='addresses people type, e.g. ["https://cti.example.com"]; empty: http://host:port',
    )
    tls_certificate: Path | None = Field(default=None, description="a PEM file with the certificate chain")
    tls_key: Path | None = Field(default=None, description="a PEM file with the private key")
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        description='networks of reverse proxies whose X-Forwarded-For is believed, e.g. ["10.0.0.0/24"]',
    )


class Database(_Section):
    """PostgreSQL 15 or newer."""

    url: Secret = Field(description='"postgresql://user:password@host/name"')
    pool_size: int = Field(default=10, ge=2, le=100, strict=True, description="2 to 100 connections")


class S3(_Section):
    """The object store."""

    endpoint: str | None = Field(default=None, description='e.g. "http://127.0.0.1:8333"; leave it out for AWS')
    region: str = Field(default="us-east-1", description='e.g. "ap-northeast-1"')
    bucket: str = Field(min_length=3, max_length=63, description="the bucket's name")
    access_key: str = Field(min_length=1, description="the access key's id")
    secret_key: Secret = Field(description=SECRET_HINT)
    buckets: dict[str, BucketName] = Field(
        default={}, description='{ demo = "kakehashi-demo" }: tenants with a bucket of their own; others share `bucket`'
    )
    rules: tuple[PlacingRule, ...] = Field(
        default=(), max_length=100, description="[[s3.rules]], at most 100: recordings that go into other buckets"
    )
    encryption: Literal["bucket", "sse-s3", "sse-kms"] = Field(
        default="bucket", description='"bucket" (as the bucket does by itself), "sse-s3" or "sse-kms"'
    )
    kms_key: str | None = Field(
        default=None, min_length=1, max_length=2048, description='the id or ARN of a key, for encryption = "sse-kms"'
    )
    object_lock: Literal["none", "governance", "compliance"] = Field(
        default="none", description='"none", "governance" or "compliance" (nobody deletes before the time is over)'
    )
    # S3 charges for parts of uploads that nobody finishes, and lists them nowhere.
    abort_uploads_days: int = Field(default=7, ge=1, le=365, strict=True, description="1 to 365 days")
    # An address is a key to the recording for whoever has it: a minute at the most.
    replay_url_s: int = Field(
        default=0,
        ge=0,
        le=60,
        strict=True,
        description="0 (the server streams) or 1 to 60 seconds that an address for the browser is good",
    )


class Lookup(_Section):
    """The integrator's look-up service (docs/lookup-openapi.yaml)."""

    url: str = Field(pattern=r"^https?://", description='e.g. "http://127.0.0.1:8090"')
    token: Secret = Field(description=SECRET_HINT)
    deadline_ms: int = Field(default=1500, ge=50, le=10_000, strict=True, description="50 to 10000 milliseconds")


class Recording(_Section):
    """What is done with recordings."""

    rate_hz: Literal[8000, 16_000] = Field(
        default=8000, description='8000, or 16000: calls in G.722 are recorded wide; needs "g722" in trunk_codecs'
    )
    encoders: int = Field(default=1, ge=1, le=16, strict=True, description="1 to 16 processes")
    min_s: float = Field(default=3.0, ge=0, le=60, description="shorter recordings of abandoned calls are not kept")
    # A hundred talks write 8 MB/s in all (wide 16); 1 GB is two minutes of them, time for those that run to end.
    free_warn_mb: Megabytes = Field(default=5_000, description="free megabytes below which this is said, e.g. 5000")
    free_stop_mb: Megabytes = Field(
        default=1_000, description="free megabytes below which no recording begins, less than free_warn_mb, e.g. 1000"
    )
    spool_max_mb: Megabytes = Field(
        default=100_000, description="megabytes that recordings on disk may take before no more begin, e.g. 100000"
    )


class Webhook(_Section):
    """Where a desk's messages for other systems go (docs/webhooks.md)."""

    url: str = Field(pattern=r"^https?://", description='e.g. "https://crm.example.com/kakehashi"')
    secret: WebhookSecret = Field(description=WEBHOOK_HINT)
    old_secret: WebhookSecret | None = Field(
        default=None, description="the secret before, while the receiver changes over; leave it out afterwards"
    )


class Retention(_Section):
    """How long is kept what need not be kept for ever."""

    callback_numbers_days: int = Field(
        default=30, ge=1, le=3650, strict=True, description="1 to 3650 days after a callback is over"
    )
    # Not one day: a note can be written for 36 hours after its call.
    notes_days: int = Field(
        default=30, ge=2, le=3650, strict=True, description="2 to 3650 days after a note's last change, e.g. 30"
    )
    outgoing_days: int = Field(
        default=30, ge=1, le=3650, strict=True, description="1 to 3650 days, delivered or not, e.g. 30"
    )


class Config(_Section):
    """The whole file."""

    data_dir: Path = Field(default=Path("/var/lib/kakehashi"), description="a folder of our own, on a disk that lasts")
    asterisk: Asterisk = Field(description="an [asterisk] table with ami_secret")
    ivr: Ivr = Field(default=Ivr(), description="an [ivr] table")
    web: Web = Field(default=Web(), description="a [web] table")
    database: Database = Field(description="a [database] table with url")
    s3: S3 = Field(description="an [s3] table with bucket, access_key and secret_key")
    lookup: Lookup | None = Field(default=None, description="a [lookup] table with url and token, or leave it out")
    recording: Recording = Field(default=Recording(), description="a [recording] table")
    webhooks: dict[str, Webhook] = Field(default={}, description="a [webhooks.TENANT] table with url and secret")
    retention: Retention = Field(default=Retention(), description="a [retention] table")

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that may open sockets and send changes."""
        scheme = "https" if self.web.tls_certificate else "http"
        return self.web.origins or (f"{scheme}://{self.web.host}:{self.web.port}",)


def load_config(path: Path | None) -> Config:
    """Read the configuration from ``path`` or from the file that KAKEHASHI_CONFIG names.

    Raises ConfigError with every problem: file, line, key, what to write instead.
    """
    if path is None:
        named = os.environ.get(ENV)
        if not named:
            raise ConfigError([f"no configuration: say --config FILE or set {ENV}; docs/configuration.md has one"])
        path = Path(named)
    file = TomlFile.read(path)
    config = file.validate(Config)
    if (config.web.tls_certificate is None) != (config.web.tls_key is None):
        missing = "tls_key" if config.web.tls_key is None else "tls_certificate"
        raise ConfigError([file.problem(("web", missing), "is missing; TLS needs certificate and key together")])
    if config.s3.kms_key is not None and config.s3.encryption != "sse-kms":
        advice = 'is only for encryption = "sse-kms"; write that, or leave the key out'
        raise ConfigError([file.problem(("s3", "kms_key"), advice)])
    if problems := bucket_problems(file, config.s3.rules):
        raise ConfigError(problems)
    if (ice := config.asterisk.ice.problem()) is not None:
        raise ConfigError([file.problem(("asterisk", "ice", ice[0]), ice[1])])
    if (sound := sound_problem(config.asterisk.trunk_codecs, config.recording.rate_hz)) is not None:
        table = "asterisk" if sound[0] == "trunk_codecs" else "recording"
        raise ConfigError([file.problem((table, sound[0]), sound[1])])
    warn_mb, stop_mb = config.recording.free_warn_mb, config.recording.free_stop_mb
    if stop_mb >= warn_mb:
        advice = f"is {stop_mb}, not less than free_warn_mb ({warn_mb}); write at most {warn_mb - 1}, or raise that one"
        raise ConfigError([file.problem(("recording", "free_stop_mb"), advice)])
    return config
