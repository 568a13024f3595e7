"""Judging a running Asterisk: what is wider, older or other than declared is named, what cannot be seen is said."""

from __future__ import annotations

import pytest

from cti.asteriskconf.check import FORBIDDEN, NEEDED
from cti.asteriskconf.prove import (
    TRIALS,
    Door,
    Finding,
    Verdict,
    contexts_of,
    judge_ami,
    judge_dialplan,
    judge_door,
    judge_files,
    judge_modules,
    judge_others,
    plain_lines,
    settings_of,
    trial_name,
)
from cti.asteriskconf.sockets import Listener

AMI = Door(name="AMI", address="127.0.0.1", port=5038, cure="do something")
SIP = Door(name="SIP", address="0.0.0.0", port=5060, protocols=("udp", "tcp"), cure="x")
DENIED = {trial_name(trial): False for trial in TRIALS}
MANAGER = """
[general]
bindaddr = 127.0.0.1
[kakehashi]
permit = 127.0.0.1/255.255.255.255
write = call,reporting,agent
"""


def listener(address: str, port: int = 5038, protocol: str = "tcp") -> Listener:
    return Listener(protocol=protocol, address=address, port=port, inode=1)


def refused(findings: tuple[Finding, ...]) -> str:
    return " | ".join(one.sentence for one in findings if one.verdict is Verdict.REFUSED)


def test_trials_can_do_no_harm() -> None:
    assert {trial_name(trial) for trial in TRIALS} <= FORBIDDEN
    harmful = {"Command", "Channel", "Filename", "SrcFilename", "LoadType", "Module", "Family"}
    for trial in TRIALS:
        # A call to a context that does not exist reaches nobody, whatever it would run then.
        nowhere = trial.get("Channel") == "Local/none@cti-none"
        assert not (harmful - ({"Channel"} if nowhere else set())) & (trial.keys() - {"Action"})


def test_what_is_right_is_proved() -> None:
    findings = judge_ami(NEEDED, DENIED, [listener("127.0.0.1")], AMI)
    assert [one.verdict for one in findings] == [Verdict.PROVED, Verdict.PROVED]


@pytest.mark.parametrize("action", sorted(DENIED))
def test_what_asterisk_does_counts_more_than_what_it_says(action: str) -> None:
    assert action in refused(judge_ami(NEEDED, {**DENIED, action: True}, [], AMI))


def test_what_is_listed_counts_too() -> None:
    assert "MixMonitor" in refused(judge_ami(NEEDED | {"MixMonitor"}, DENIED, [], AMI))
    assert "may not use Redirect" in refused(judge_ami(NEEDED - {"Redirect"}, DENIED, [], AMI))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "::ffff:192.0.2.7"])
def test_a_wider_door_is_named(address: str) -> None:
    finding = judge_door(AMI, [listener("127.0.0.1"), listener(address)])
    assert finding.verdict is Verdict.REFUSED
    assert address in finding.sentence
    assert "declared is 127.0.0.1:5038: do something" in finding.sentence


@pytest.mark.parametrize(
    ("door", "doors", "verdict"),
    [
        (AMI, [listener("127.0.0.1")], Verdict.PROVED),
        (AMI, [listener("::ffff:127.0.0.1")], Verdict.PROVED),
        (AMI, [listener("0.0.0.0", 5039)], Verdict.UNSEEN),
        (AMI, [listener("0.0.0.0", protocol="udp")], Verdict.UNSEEN),
        (AMI, [], Verdict.UNSEEN),
        (AMI, None, Verdict.UNSEEN),
        (SIP, [listener("192.0.2.7", 5060, "udp"), listener("::", 5060)], Verdict.PROVED),
    ],
)
def test_doors(door: Door, doors: list[Listener] | None, verdict: Verdict) -> None:
    assert judge_door(door, doors).verdict is verdict


def test_doors_that_nobody_declared() -> None:
    sound, chosen = range(10_000, 20_000), range(32_768, 61_000)
    quiet = [listener("127.0.0.1"), listener("0.0.0.0", 10_002, "udp"), listener("::", 40_000, "udp")]
    assert judge_others(quiet, [AMI, SIP], sound, chosen)[0].verdict is Verdict.PROVED
    said = refused(judge_others([*quiet, listener("0.0.0.0", 8088), listener("::", 4569, "udp")], [AMI], sound, chosen))
    assert "0.0.0.0:8088 (tcp), [::]:4569 (udp)" in said
    assert refused(judge_others([listener("::", 40_000)], [AMI], sound, chosen)), "TCP that listens is a door anywhere"
    assert judge_others(None, [], sound, chosen)[0].verdict is Verdict.UNSEEN


def test_comments_and_spaces_are_no_difference() -> None:
    assert plain_lines("[a] ; x\n; y\nk=v\\;w ; z\nexten  =>  s,1,X(a=b)\n") == (
        "[a]",
        "k = v\\;w",
        "exten => s,1,X(a=b)",
    )
    assert settings_of("[a](!)\nK = v\n[b]\nempty =\n") == {"a": [("k", "v")], "b": [("empty", "")]}


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("write = call,reporting,agent", "write = all", "[kakehashi] has write = all, declared is write = call,rep"),
        ("bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0", "[general] has bindaddr = 0.0.0.0, declared is bindaddr = 127"),
        ("[kakehashi]", "[admin]\nsecret = x\n[kakehashi]", "a user 'admin' that nothing declares"),
        ("[general]", "[general]\nwebenabled = yes", "has webenabled = yes, declared is webenabled = (nothing)"),
        ("permit = 127", "permit = 0.0.0.0/0.0.0.0\npermit = 127", "has permit = 0.0.0.0/0.0.0.0"),
        ("[general]", "#include manager.d/*.conf\n[general]", "includes other files"),
        ("[general]", "[general]\ntimestampevents = no", "is not what would be rendered now"),
    ],
)
def test_a_manager_conf_that_is_wider_or_other(written: str, instead: str, said: str) -> None:
    findings = judge_files({"manager.conf": MANAGER}, {"manager.conf": MANAGER.replace(written, instead)})
    assert said in refused(findings)
    assert all(one.verdict is Verdict.REFUSED for one in findings)


def test_files_that_are_right_or_unreadable() -> None:
    rendered = {"manager.conf": MANAGER, "rtp.conf": "[general]\n"}
    findings = judge_files(rendered, {"manager.conf": f"; mine\n{MANAGER}", "rtp.conf": None})
    assert [one.verdict for one in findings] == [Verdict.UNSEEN, Verdict.PROVED]
    assert "rtp.conf cannot be read" in findings[0].sentence


def test_modules() -> None:
    conf = "[modules]\nautoload = no\nrequire = app_dial.so\nload = res_agi.so ; menus\n"
    assert judge_modules(conf, {"app_dial.so", "res_agi.so"})[0].verdict is Verdict.PROVED
    assert judge_modules(conf, None)[0].verdict is Verdict.UNSEEN
    said = refused(judge_modules(conf, {"app_dial.so", "app_system.so"}))
    assert "loaded but not named in modules.conf: app_system.so" in said
    assert "named in modules.conf but not loaded: res_agi.so" in said


def test_the_dialplan() -> None:
    conf = "[general]\nx = y\n[globals]\n[cti-wait]\nexten => s,1,NoOp\n[cti-inbound]\n"
    assert contexts_of(conf) == ("cti-wait", "cti-inbound")
    wanted = {"cti-wait": (), "cti-inbound": ("+81501234500",)}
    there = {"cti-wait": {"s"}, "cti-inbound": {"+81501234500", "i"}}
    assert judge_dialplan(wanted, there).verdict is Verdict.PROVED
    finding = judge_dialplan(wanted, {"cti-wait": None, "cti-inbound": {"i"}})
    assert "no context cti-wait; cti-inbound lacks 1 extension(s)" in finding.sentence
    assert "81501234500" not in finding.sentence, "numbers stay out of what may be logged"
