"""How events are read, pure: those of which calls make many at one look for all fields, the others header by header.

Source: main/manager_channels.c, manager_bridges.c, app.c, devicestate.c, with our channel variable alone (channelvars).
A group is called as the field it is for.
"""

from __future__ import annotations

import re

from cti.ami.frames import Headers

# Longer is no number and no name: carriers allow 15 digits, SIP display names rarely pass 80 characters.
MAX_TEXT = 300

_LINE = r"[^\r]*+\r\n"
_VALUE = rf"[^\r\n]{{1,{MAX_TEXT}}}+"
_TIME = r"\r\nTimestamp: (?P<at>[0-9.]++)\r\n"
_SNAPSHOT = (
    rf"Channel: (?P<channel>{_VALUE})\r\n{_LINE * 11}Uniqueid: (?P<uniqueid>{_VALUE})\r\nLinkedid: {_LINE}"
    rf"(?:Tenantid: {_LINE})?+ChanVariable: CTI_CALL_ID=(?P<call_id>{_VALUE})(?:\r\n|\Z)"
)
CHANNEL = re.compile(_TIME + _SNAPSHOT)
BRIDGED = re.compile(rf"{_TIME}BridgeUniqueid: (?P<bridge>{_VALUE})\r\n(?:Bridge{_LINE})*+{_SNAPSHOT}")
DIALS = re.compile(
    rf"{_TIME}{_SNAPSHOT}DestChannel: (?P<agent_channel>{_VALUE})\r\n{_LINE * 11}"
    rf"DestUniqueid: (?P<agent_uniqueid>{_VALUE})\r\n"
)
HANGUP = re.compile(rf"{_TIME}{_SNAPSHOT}Cause: (?P<cause>[0-9]{{1,3}})\r\nCause-txt: (?P<cause_text>{_VALUE})\Z")
PHONE = re.compile(rf"{_TIME}Device: ({_VALUE})\r\nState: ({_VALUE})\Z")


def _told(name: str, headers: str) -> re.Pattern[str]:
    """A user event of our dialplan's, its headers in the order of asterisk-conf/extensions.conf."""
    return re.compile(rf"{_TIME}{_SNAPSHOT}UserEvent: {name}\r\nCallID: {_LINE}{headers}")


SLUG = r"[a-z0-9][a-z0-9_-]{0,62}"
FILE = rf"[A-Za-z0-9._-]{{1,{MAX_TEXT}}}"
OFFER = r"[0-9a-f]{32}"
_ANY = r"[^\r\n]*+"
ARRIVED = _told(  # nobody's callback, and nobody dialled out
    "CtiArrived",
    rf"Tenant: (?P<tenant>{SLUG})\r\nNumberCalled: (?P<number_called>{_ANY})\r\nQueue: {_LINE}Menu: {_ANY}\Z",
)
QUEUED = _told("CtiQueued", rf"Queue: (?P<queue>{SLUG})\Z")
RECORDED = _told("CtiRecording", rf"File: (?P<file>{FILE})\r\nSide: ")
DIALLED = _told(
    "CtiOfferEnded",
    rf"Offer: (?P<offer_id>{OFFER})\r\nStatus: (?P<status>[A-Z]{{1,32}})\r\nCause: (?P<cause>[0-9]{{1,3}})\Z",
)
SOUNDED = _told("CtiSound", rf"Rtp: (?P<rtp>{_ANY})\Z")

_NUMBER = re.compile(r"\d{1,10}\Z", re.ASCII)


class Unusable(Exception):
    """A header is missing or not of its form; the reason is the first argument."""


def need(frame: Headers, key: str) -> str:
    """A header that must be there, once. Raises Unusable."""
    value = frame.get(key, "")
    if not value or len(value) > MAX_TEXT or "\n" in value:
        raise Unusable(f"no_{key.lower()}")
    return value


def match(frame: Headers, key: str, form: re.Pattern[str]) -> str:
    """A header that must be there and of this form. Raises Unusable."""
    value = need(frame, key)
    if not form.match(value):
        raise Unusable(f"bad_{key.lower()}")
    return value


def words(value: str) -> str:
    """A caller's own words: any length, cut; "<unknown>" is Asterisk's way to say nothing."""
    value = value.replace("\n", " ").replace("\0", "")[:MAX_TEXT]
    return "" if value == "<unknown>" else value


def cause_of(value: str) -> int:
    """A Q.850 cause; 0 (not defined) when it is none."""
    value = value.strip()
    cause = int(value) if _NUMBER.match(value) else 0
    return cause if cause <= 127 else 0
