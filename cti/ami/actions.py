"""AMI actions as headers, pure. Contexts and variables: docs/dialplan.md.

Raises CallerError for values that would be read as something else; the encoder (frames.py) refuses line breaks and
channel patterns once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cti.ami.frames import ActionHeaders
from cti.domain.callbacks import may_dial, may_have_dialled
from cti.domain.errors import CallerError
from cti.domain.model import ChannelName, Offer

# Variables whose value the snapshot needs to know a call again (docs/dialplan.md).
SNAPSHOT_VARIABLES = (
    "CTI_CALL_ID",
    "CTI_TENANT",
    "CTI_NUMBER",
    "CTI_QUEUE",
    "CTI_T0",
    "CTI_OFFER",
    "CTI_FALLBACK_T0",
    "CTI_CB_ID",
    "CTI_CB_BY",
    "CTI_REACHED",
    "CTI_OUT_TO",
    "CTI_OUT_BY",
    "CTI_PAUSED",
    "CTI_PASSED_AT",
    "CTI_PASSED_TO",
    "CTI_PASSED_BY",
)

_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,78}\Z")
_ENDPOINT = re.compile(r"[a-z0-9][a-z0-9_-]{0,126}\Z")
_OFFER = re.compile(r"[0-9a-f]{32}\Z")
_TREATMENT = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_INTERFACE = re.compile(r"PJSIP/[a-z0-9][a-z0-9_-]{0,126}\Z")
_QUEUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_DIALLED = re.compile(r"0[0-9]{8,10}\Z")
_TEXT = re.compile(r"[A-Za-z0-9+_-]{0,64}\Z")
# Q.850 44, as for an agent whose sound stopped: the dialplan does not end the caller's call with it (cti-lost).
_LOST = 44
# A place may wait for its agent, and after a missed offer for the next one; an hour later it is made anew.
_PLACE_MS = 3_600_000
# The dialplan writes a secret within a few ms; a channel that could not begin by then is given up.
_SECRET_MS = 2_000
_HEX = re.compile(r"[0-9a-f]{0,128}\Z")
_MARK = re.compile(r"[0-9a-z]{1,32}\Z")
_MENUS = re.compile(r"agi://(?:[0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5}\Z")
_CHANNEL = re.compile(r"[A-Za-z0-9_]+/[^\s/][^\r\n\0]*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """One dial of somebody outside (docs/dialplan.md, CTI_OUT)."""

    digits: str  # as the trunk dials it
    shows: str  # E.164, the desk's own number: who the person sees calling
    ring_s: int
    language: str  # of the notice
    epoch: str  # of the server in charge
    at: datetime  # when it was allowed: some seconds later it is worth nothing


def set_variable(name: str, value: str, *, channel: ChannelName | None = None) -> ActionHeaders:
    """Setvar on a channel, or globally. Names with brackets are functions to Asterisk, so they are refused."""
    if not _VARIABLE.match(name):
        raise CallerError(f"{name!r} cannot be the name of a channel variable")
    where = {} if channel is None else {"Channel": _checked(channel)}
    return {"Action": "Setvar", **where, "Variable": name, "Value": value}


def redirect(channel: ChannelName, context: str, exten: str) -> ActionHeaders:
    """Redirect one channel to the first priority of an extension."""
    return {
        "Action": "Redirect",
        "Channel": _checked(channel),
        "Context": context,
        "Exten": exten,
        "Priority": "1",
    }


def redirect_both(
    channel: ChannelName, to: tuple[str, str], other: ChannelName, other_to: tuple[str, str]
) -> ActionHeaders:
    """Redirect two channels of one bridge, each to (context, extension): one after the other would lose the second."""
    return {
        **redirect(channel, *to),
        "ExtraChannel": _checked(other),
        "ExtraContext": other_to[0],
        "ExtraExten": other_to[1],
        "ExtraPriority": "1",
    }


def hold(caller: ChannelName, agent: ChannelName) -> ActionHeaders:
    """The caller hears music, the agent nothing."""
    return redirect_both(caller, ("cti-hold", "s"), agent, ("cti-parked", "s"))


def consult(caller: ChannelName, agent: ChannelName, endpoint: str, *, held: bool) -> ActionHeaders:
    """The agent's leg rings a colleague's endpoint; the caller hears music, if not already (``held``)."""
    to = ("cti-consult", _endpoint(endpoint))
    return redirect(agent, *to) if held else redirect_both(caller, ("cti-hold", "s"), agent, to)


def ask_outside(caller: ChannelName, agent: ChannelName, permit: Outside, *, held: bool) -> tuple[ActionHeaders, ...]:
    """The agent's leg rings somebody outside; the caller hears music, if not already (``held``)."""
    to = ("cti-ask-out", "s")
    moves = redirect(agent, *to) if held else redirect_both(caller, ("cti-hold", "s"), agent, to)
    return (set_variable("CTI_OUT", _permitted(permit), channel=agent), moves)


def pass_outside(caller: ChannelName, agent: ChannelName, permit: Outside) -> tuple[ActionHeaders, ...]:
    """The caller's own channel rings somebody outside while the agent waits. Who held is taken from there as well."""
    return (
        set_variable("CTI_OUT", _permitted(permit), channel=caller),
        redirect_both(caller, ("cti-pass-out", "s"), agent, ("cti-passing", "s")),
    )


def _permitted(permit: Outside) -> str:
    if not (_DIALLED.match(permit.digits) and may_have_dialled(permit.digits)):
        raise CallerError("this number may not be dialled")
    ring_s, at_s = str(permit.ring_s), str(int(permit.at.timestamp()))
    said = (permit.digits, permit.shows, ring_s, permit.language, permit.epoch, at_s)
    if not all(_TEXT.match(part) for part in said):
        raise CallerError("this permit cannot be written")
    return "|".join(said)


def fetch(agent: ChannelName) -> ActionHeaders:
    """The agent takes the held caller back; the dialplan does it, also when it was not us who asked."""
    return redirect(agent, "cti-return", "s")


def swap(caller: ChannelName, agent: ChannelName, colleague: ChannelName, *, to_caller: bool) -> ActionHeaders:
    """The agent changes from the colleague to the caller (``to_caller``), or back."""
    if to_caller:
        return redirect_both(agent, ("cti-return", "s"), colleague, ("cti-target", "s"))
    return redirect_both(caller, ("cti-hold", "s"), agent, ("cti-again", "s"))


def join(caller: ChannelName, colleague: ChannelName, *, holds: ChannelName) -> ActionHeaders:
    """All three together: whoever of the two holds comes in."""
    if holds == caller:
        return redirect(caller, "cti-join", "s")
    return redirect(colleague, "cti-third", "s")


def hand_over(caller: ChannelName, colleague: ChannelName) -> tuple[ActionHeaders, ActionHeaders]:
    """The caller is the colleague's; the agent's leg notices that and ends."""
    return (set_variable("CTI_PEER", colleague, channel=caller), redirect(caller, "cti-talk", "s"))


def leave(caller: ChannelName, agent: ChannelName, colleague: ChannelName) -> tuple[ActionHeaders, ActionHeaders]:
    """The agent leaves a conference; the two others talk on."""
    return (set_variable("CTI_PEER", colleague, channel=caller), hang_up(agent))


def to_queue(caller: ChannelName, queue: str) -> tuple[ActionHeaders, ...]:
    """Back to the wait, in that queue. No agent's leg may fetch the caller from there."""
    if not _QUEUE.match(queue):
        raise CallerError(f"{queue!r} cannot be a queue")
    return (
        *_without_agents(caller),
        set_variable("CTI_QUEUE", queue, channel=caller),
        redirect(caller, "cti-wait", "s"),
    )


def pass_on(wanted: Offer, *, channel: ChannelName, endpoint: str, epoch: str) -> tuple[ActionHeaders, ...]:
    """To another agent without asking: an offer, made to a caller who talks."""
    return (*_without_agents(channel), *offer(wanted, channel=channel, endpoint=endpoint, epoch=epoch))


def _without_agents(caller: ChannelName) -> tuple[ActionHeaders, ...]:
    """No leg of the talk that ends may fetch the caller any more."""
    return tuple(set_variable(name, "", channel=caller) for name in ("CTI_PEER", "CTI_SECOND"))


def offer(
    offer: Offer, *, channel: ChannelName, endpoint: str, epoch: str, also: Sequence[str] = ()
) -> tuple[ActionHeaders, ActionHeaders]:
    """Ring ``endpoint``, and ``also`` these at once: the variable that the dialplan compares, then the move.

    Send both without waiting between.
    """
    ring = offer.ring_id
    if not _OFFER.match(ring):
        raise CallerError(f"an offer's id has 32 hex digits, not {ring!r}")
    phones = "&".join(_endpoint(phone) for phone in (endpoint, *also))
    return (
        set_variable("CTI_OFFER", f"{ring}|{epoch}|{phones}|{offer.ring_s}", channel=channel),
        redirect(channel, "cti-connect", ring),
    )


def take_back(channel: ChannelName) -> tuple[ActionHeaders, ActionHeaders]:
    """Back to the waiting loop; the offer's variable is emptied first, so that nobody dials it late."""
    return (set_variable("CTI_OFFER", "", channel=channel), redirect(channel, "cti-wait", "s"))


def treat(channel: ChannelName, treatment: str) -> ActionHeaders:
    """To the treatment's text."""
    if not _TREATMENT.match(treatment):
        raise CallerError(f"{treatment!r} cannot be the name of a treatment")
    return redirect(channel, "cti-treat", treatment)


def set_variables(channel: ChannelName, variables: Mapping[str, str]) -> tuple[ActionHeaders, ...]:
    """One Setvar a variable."""
    return tuple(set_variable(name, value, channel=channel) for name, value in variables.items())


def hang_up(channel: ChannelName, cause: int = 16) -> ActionHeaders:
    """Hang one channel up with a Q.850 cause (16: normal clearing)."""
    return {"Action": "Hangup", "Channel": _checked(channel), "Cause": str(cause)}


def stop_ring(leg: ChannelName) -> ActionHeaders:
    """Stop one of the phones that ring for a caller. A caller whom it has just answered is told and waits again."""
    return hang_up(leg, _LOST)


def beat(now_epoch_s: int) -> ActionHeaders:
    """The heartbeat that the dialplan looks at."""
    return set_variable("CTI_BEAT", str(now_epoch_s))


def epoch(value: str) -> ActionHeaders:
    """Which server start may make offers."""
    return set_variable("CTI_EPOCH", value)


def menus_at(address: str) -> ActionHeaders:
    """Where the dialplan finds the menus of the server in charge, agi://host:port; "": where its configuration says."""
    if address and not _MENUS.match(address):
        raise CallerError(f"{address!r} cannot be the address of a FastAGI server")
    return set_variable("CTI_AGI_AT", address)


def may_record(yes: bool) -> ActionHeaders:
    """Whether the dialplan begins recordings."""
    return set_variable("CTI_RECORD", "yes" if yes else "no")


def stop_recording(channel: ChannelName) -> ActionHeaders:
    """End the recording that runs on a channel; its file is closed, the call goes on."""
    return {"Action": "StopMixMonitor", "Channel": _checked(channel)}


def mute_recording(channel: ChannelName, *, on: bool) -> ActionHeaders:
    """What recordings on a channel write is silence, in both directions, or sound again."""
    return {"Action": "MixMonitorMute", "Channel": _checked(channel), "Direction": "both", "State": "1" if on else "0"}


def record_anew(channel: ChannelName) -> tuple[ActionHeaders, ...]:
    """An agent's leg goes on in a further file: the word that [cti-anew] looks for, and the key that runs it."""
    key = {"Action": "PlayDTMF", "Channel": _checked(channel), "Digit": "D", "Duration": "1", "Receive": "true"}
    return (*set_variables(channel, {"CTI_ANEW": "1"}), key)


def wake(channel: ChannelName) -> ActionHeaders:
    """Have a channel read a frame of nothing: its limit of time, which no agent's leg has, is taken away by one."""
    return {"Action": "Setvar", "Channel": _checked(channel), "Variable": "TIMEOUT(absolute)", "Value": "0"}


def packets_received(channel: ChannelName) -> ActionHeaders:
    """How many RTP packets came in on a channel (Getvar answers with Value); another stream counts anew."""
    return {"Action": "Getvar", "Channel": _checked(channel), "Variable": "CHANNEL(rtcp,rxcount)"}


def get_variable(name: str) -> ActionHeaders:
    """Getvar of a global variable; the answer has Value."""
    if not _VARIABLE.match(name):
        raise CallerError(f"{name!r} cannot be the name of a variable")
    return {"Action": "Getvar", "Variable": name}


def status() -> ActionHeaders:
    """Every channel with the variables a snapshot needs."""
    return {"Action": "Status", "Variables": ",".join(SNAPSHOT_VARIABLES), "AllVariables": "false"}


def device_states() -> ActionHeaders:
    """Every device's state, as DeviceStateChange events."""
    return {"Action": "DeviceStateList"}


def queue_status() -> ActionHeaders:
    """Every one of Asterisk's own queues with its members."""
    return {"Action": "QueueStatus"}


def queue_pause(interface: str, *, paused: bool) -> ActionHeaders:
    """Pause an agent's phone in all of Asterisk's own queues, or let it be rung again."""
    if not _INTERFACE.match(interface):
        raise CallerError("that is not an agent's phone")
    return {"Action": "QueuePause", "Interface": interface, "Paused": "true" if paused else "false"}


def ping() -> ActionHeaders:
    """Nothing but an answer."""
    return {"Action": "Ping"}


def _endpoint(endpoint: str) -> str:
    if not _ENDPOINT.match(endpoint):
        raise CallerError(f"{endpoint!r} cannot be an endpoint")
    return endpoint


def _checked(channel: ChannelName) -> str:
    if not _CHANNEL.match(channel) or len(channel) > 200:
        raise CallerError("that is not the name of a channel")
    return channel


def call_back(effect_id: str, dialled: str, epoch: str, variables: Mapping[str, str]) -> ActionHeaders:
    """Place a callback's call: a Local channel of cti-callback and nothing else, to ``dialled`` (national digits).

    ``variables`` are CTI_CB_… without their prefix (docs/dialplan.md); with ``by`` it is an agent who dials out. The
    dialplan compares id and epoch, and does it once.
    """
    if not _OFFER.match(effect_id):
        raise CallerError(f"an effect's id has 32 hex digits, not {effect_id!r}")
    allowed = may_have_dialled if variables.get("by") else may_dial
    if not (_DIALLED.match(dialled) and allowed(dialled)):
        raise CallerError("this number may not be dialled")
    wrong = [name for name, value in variables.items() if not _TEXT.match(value)]
    if wrong:
        raise CallerError(f"{', '.join(wrong)} cannot be the value of a channel variable")
    named = {"CTI_EFFECT": effect_id, "CTI_EFFECT_EPOCH": epoch, "CTI_CALLEE": dialled}
    named |= {f"CTI_CB_{name.upper()}": value for name, value in variables.items()}
    return {
        "Action": "Originate",
        "Channel": f"Local/{effect_id}@cti-callback/n",
        "Context": "cti-callback-out",
        "Exten": effect_id,
        "Priority": "1",
        "Timeout": str(_PLACE_MS),
        "Async": "true",
        # As the trunk and the phones: a translator between the halves drops whatever comes after another agent, whose
        # RTP counts differently (music, words, the next agent), and the person hears nothing.
        "Codecs": "ulaw",
        # Asterisk refuses a second channel of the same id while the first one lives.
        "ChannelId": f"{effect_id}-out",
        "OtherChannelId": f"{effect_id}-place",
        "Variable": ",".join(f"{name}={value}" for name, value in named.items()),
    }


def bar_effect(effect_id: str) -> ActionHeaders:
    """From now on the dialplan does not begin this effect."""
    if not _OFFER.match(effect_id):
        raise CallerError(f"an effect's id has 32 hex digits, not {effect_id!r}")
    # A global variable is never forgotten: one name for each four digits, so that there are never more than 65,536.
    return set_variable(f"CTI_VOID_{effect_id[:4]}", effect_id)


def effect_mark(effect_id: str) -> ActionHeaders:
    """What the dialplan wrote beside an effect: a listing whose item has Val; refused when nothing was written.

    Not Getvar of DB(…): Asterisk blocks that over AMI and answers with an empty value, as if nothing were written.
    """
    if not _OFFER.match(effect_id):
        raise CallerError(f"an effect's id has 32 hex digits, not {effect_id!r}")
    return {"Action": "DBGet", "Family": "cti-effect", "Key": effect_id}


def phone_secret(endpoint: str, secret: str, mark: str, epoch: str) -> ActionHeaders:
    """Have the dialplan write an endpoint's SIP secret (hex) into Asterisk's own database, or take it away ("").

    ``mark`` says which it was (:func:`phone_secret_mark`). Done when the mark is there, not with the answer.
    """
    if not _HEX.match(secret) or not _MARK.match(mark):
        raise CallerError("a phone's secret is hex digits, its mark is a-z and 0-9")
    named = {"CTI_SECRET": secret, "CTI_SECRET_MARK": mark, "CTI_SECRET_EPOCH": epoch}
    return {
        "Action": "Originate",
        "Channel": f"Local/{_endpoint(endpoint)}@cti-secret/n",
        # Never run: the other half is not answered.
        "Application": "Hangup",
        "Timeout": str(_SECRET_MS),
        "Async": "true",
        "Variable": ",".join(f"{name}={value}" for name, value in named.items()),
    }


def phone_secret_mark(endpoint: str) -> ActionHeaders:
    """Which secret the dialplan wrote last for an endpoint (Getvar answers with Value; "": none, ever)."""
    return {"Action": "Getvar", "Variable": f"CTI_SECRET_OF_{_endpoint(endpoint)}"}
