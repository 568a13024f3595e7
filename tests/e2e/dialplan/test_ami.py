"""What the server's AMI user may do, and what it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.ami.legsound import figures_of
from cti.asteriskconf.check import rights_problems
from tests.e2e.dialplan.ami import Ami
from tests.e2e.dialplan.rig import SECRET, Rig

pytestmark = pytest.mark.asyncio(loop_scope="package")

FORBIDDEN = [
    ("Command", {"Command": "core show version"}),
    ("Originate", {"Channel": "Local/s@cti-wait", "Application": "System", "Data": "true", "Async": "true"}),
    ("Originate", {"Channel": "Local/s@cti-wait", "Application": "MixMonitor", "Data": "x.wav,,true", "Async": "true"}),
    ("GetConfig", {"Filename": "manager.conf"}),
    ("GetConfigJSON", {"Filename": "pjsip.conf"}),
    ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
    ("ModuleLoad", {"LoadType": "unload", "Module": "app_dial.so"}),
    ("Reload", {"Module": "res_pjsip.so"}),
    ("MixMonitor", {"Channel": "x", "File": "/tmp/x.wav", "Command": "true"}),
    ("DBPut", {"Family": "x", "Key": "y", "Val": "z"}),
    ("DialplanExtensionAdd", {"Context": "cti-wait", "Extension": "1", "Priority": "1", "Application": "System"}),
    ("AGI", {"Channel": "x", "Command": "EXEC System true"}),
    ("Filter", {"Operation": "Add", "Filter": "x"}),
    ("UserEvent", {"UserEvent": "CtiArrived"}),
    ("PJSIPShowContacts", {}),
]


@pytest.mark.parametrize(("name", "headers"), FORBIDDEN, ids=[f"{n}-{i}" for i, (n, _) in enumerate(FORBIDDEN)])
async def test_the_user_may_not(rig: Rig, name: str, headers: dict[str, str]) -> None:
    answer = await rig.ami.action(name, **headers)
    assert answer["Response"] == "Error"
    assert re.search("Permission denied|Invalid/unknown command|Access Forbidden", answer["Message"]), answer


async def test_asterisk_itself_says_that_the_rights_are_right(rig: Rig) -> None:
    allowed = await rig.ami.action("ListCommands")
    assert rights_problems(allowed) == ()
    assert len(allowed) > 30


async def test_the_user_may_not_run_programs_through_a_variable(rig: Rig) -> None:
    mark = Path(rig.settings.directories.spool, "mark")
    for variable in (f"SHELL(touch {mark})", f"FILE({mark})"):
        await rig.ami.action("Getvar", Variable=variable)
        await rig.ami.action("Setvar", Variable=variable, Value="x")
    assert not mark.exists()
    # The modules of those functions are not even there.
    rig.expected_complaints = r"Function (SHELL|FILE) not registered"


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("Ping", {}),
        ("Setvar", {"Variable": "X", "Value": "1"}),
        ("CoreStatus", {}),
        ("CoreSettings", {}),
        ("QueuePause", {"Interface": "PJSIP/demo-sato", "Queue": "demo-members", "Paused": "false"}),
    ],
)
async def test_the_user_may(rig: Rig, name: str, headers: dict[str, str]) -> None:
    answer = await rig.ami.action(name, **headers)
    assert answer["Response"] == "Success", answer


async def test_the_user_may_list_what_a_snapshot_is_made_of(rig: Rig) -> None:
    queued = await rig.waiting()
    rows = {
        name: await rig.ami.listing(name, f"{name}Complete")
        for name in ("CoreShowChannels", "Status", "BridgeList", "DeviceStateList", "QueueStatus")
    }
    for name in ("CoreShowChannels", "Status"):
        assert queued["Channel"] in {row.get("Channel") for row in rows[name]}
    assert "PJSIP/demo-sato" in {row.get("Device") for row in rows["DeviceStateList"]}
    assert "demo-members" in {row.get("Queue") for row in rows["QueueStatus"]}
    assert rows["BridgeList"] == []
    await rig.end()


async def test_only_the_kinds_that_matter_are_told(rig: Rig) -> None:
    since = rig.ami.now  # other tests place calls of the server's own
    queued = await rig.waiting()
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", Channel=queued["Channel"])
    await rig.end()
    listed = set(re.findall(r"(?m)^eventfilter\(action\(include\),name\((\w+)\)\)", rendered(rig, "manager.conf")))
    told = {event["Event"] for event in rig.ami.events[since:]}
    assert told <= listed
    assert {"Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup", "UserEvent"} <= told
    devices = {event["Device"] for event in rig.ami.events[since:] if event["Event"] == "DeviceStateChange"}
    assert {device.split("/")[0] for device in devices} == {"PJSIP"}
    assert "PJSIP/trunk" not in devices
    # Unfiltered a call makes some 100 events. Beside these, one report a second and channel.
    told_once = [event for event in rig.ami.of_call(queued["CallID"]) if event["Event"] != "RTCPSent"]
    assert len(told_once) <= 18
    sounds = [event for event in told_once if event.get("UserEvent") == "CtiSound"]
    assert [figures_of(event["Rtp"]) is not None for event in sounds] == [True] * 2


async def test_the_user_gets_in_with_the_right_secret_only(rig: Rig) -> None:
    with pytest.raises(PermissionError, match="Authentication failed"):
        await Ami.connect(rig.settings.ami_port, rig.settings.ami_user, SECRET + "x")


async def test_channel_names_that_are_patterns_are_the_danger_they_are_said_to_be(rig: Rig) -> None:
    """Documents why cti.ami refuses them: Asterisk would take the pattern."""
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.ami.action("Hangup", Channel="/^PJSIP/")
    await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])


def rendered(rig: Rig, name: str) -> str:
    return Path(rig.settings.directories.etc, name).read_text()
