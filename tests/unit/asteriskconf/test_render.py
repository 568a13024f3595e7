"""Rendering: what comes out, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.asteriskconf.render import render, spellings, templates_directory
from cti.asteriskconf.settings import (
    AgentPhone,
    AsteriskSettings,
    CalledNumber,
    Directories,
    FallbackQueue,
    WebSocket,
)
from cti.domain.errors import ConfigError

DIRECTORIES = Directories(
    etc="/etc/asterisk",
    modules="/usr/lib/asterisk/modules",
    data="/usr/share/asterisk",
    var="/var/lib/asterisk",
    spool="/var/spool/asterisk",
    run="/run/asterisk",
    log="/var/log/asterisk",
    sounds="/srv/sounds",
    recordings="/var/spool/asterisk/monitor",
)
SATO = AgentPhone(tenant="demo", endpoint="demo-sato", secret="hanako-no-kagi", name="佐藤 花子")
MEMBERS = FallbackQueue(tenant="demo", queue="members", members=("demo-sato",), ring_s=15, weight=7)
NUMBER = CalledNumber(number="+81501234500", tenant="demo", queue="members", menu="main")
SETTINGS = AsteriskSettings(
    directories=DIRECTORIES,
    sip_address="192.0.2.10",
    media_address="192.0.2.10",
    ami_secret="sixteen-letters-1",
    trunk_peers=("198.51.100.0/28", "203.0.113.7"),
    agents=(SATO,),
    queues=(MEMBERS,),
    numbers=(NUMBER,),
)


def section(text: str, name: str) -> str:
    """The sections of that name, joined."""
    parts = re.split(r"(?m)^(?=\[)", text)
    return "".join(part for part in parts if part.startswith(f"[{name}]"))


def code(text: str) -> list[str]:
    """Lines that are not comments."""
    lines = (line.split(" ;")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(";")]


def test_every_template_is_rendered_and_no_blank_is_left() -> None:
    files = render(SETTINGS)
    assert set(files) == {path.name for path in templates_directory().glob("*.conf")}
    assert {"asterisk.conf", "modules.conf", "pjsip.conf", "extensions.conf", "manager.conf", "queues.conf"} <= set(
        files
    )
    assert [name for name, text in files.items() if "@{" in text] == []


def test_the_same_settings_give_the_same_files() -> None:
    assert render(SETTINGS) == render(replace(SETTINGS))


def test_an_agent_gets_endpoint_password_and_place() -> None:
    whole = render(SETTINGS)["pjsip.conf"]
    assert re.search(r"\[demo-sato\]\(agent\)\ncontext = cti-agent-demo\n", whole)
    assert re.search(r"\[demo-sato\]\(agent-auth\)\nusername = demo-sato\npassword = hanako-no-kagi\n", whole)
    assert "[demo-sato](agent-aor)" in whole


def test_the_trunk_is_known_by_its_addresses_only() -> None:
    whole = render(SETTINGS)["pjsip.conf"]
    assert code(whole).count("match = 198.51.100.0/28") == 1
    assert code(whole).count("match = 203.0.113.7") == 1
    assert "bind = 192.0.2.10:5060" in code(whole)


def test_a_number_is_found_in_every_spelling() -> None:
    assert spellings("+81501234500") == ("+81501234500", "81501234500", "0501234500")
    assert spellings("+12025550123") == ("+12025550123", "12025550123")
    lines = code(section(render(SETTINGS)["extensions.conf"], "cti-inbound"))
    assert "exten => +81501234500,1,Set(CTI_NUMBER=+81501234500)" in lines
    assert "exten => 81501234500,1,Goto(+81501234500,1)" in lines
    assert "exten => 0501234500,1,Goto(+81501234500,1)" in lines


def test_no_pattern_of_the_trunks_context_lets_anything_but_digits_in() -> None:
    lines = code(section(render(SETTINGS)["extensions.conf"], "cti-inbound"))
    patterns = {match[1] for line in lines if (match := re.match(r"exten => (_[^,]*),", line))}
    assert len(patterns) == 40
    assert all(re.fullmatch(r"_\+?X{1,20}", pattern) for pattern in patterns)


def test_a_number_without_menu_names_none() -> None:
    text = render(replace(SETTINGS, numbers=(replace(NUMBER, menu=None, language="en"),)))["extensions.conf"]
    assert " same => n,Set(CTI_MENU=)" in text
    assert " same => n,Set(CTI_LANG=en)" in text


def test_a_fallback_queue_has_its_members_with_their_names() -> None:
    text = section(render(SETTINGS)["queues.conf"], "demo-members")
    assert "member => PJSIP/demo-sato,0,佐藤 花子,PJSIP/demo-sato" in text
    assert "timeout = 15" in text
    assert "weight = 7" in text


def test_a_desk_without_anybody_is_complete_too() -> None:
    files = render(replace(SETTINGS, agents=(), queues=(), numbers=()))
    assert "@{" not in "".join(files.values())
    assert "member =>" not in files["queues.conf"]


def test_tenants_do_not_share_a_context() -> None:
    other = AgentPhone(tenant="lease", endpoint="lease-ito", secret="another-secret", name="伊藤")
    text = render(replace(SETTINGS, agents=(SATO, other)))["extensions.conf"]
    assert "demo-sato" not in section(text, "cti-agent-lease")
    assert "exten => lease-ito,1,Goto(cti-colleague,lease-ito,1)" in section(text, "cti-agent-lease")


def test_browsers_get_a_websocket_only_when_it_is_asked_for() -> None:
    assert "transport-ws" not in render(SETTINGS)["pjsip.conf"]
    assert "enabled = no" in render(SETTINGS)["http.conf"]
    assert "res_http_websocket" not in render(SETTINGS)["modules.conf"]
    plain = render(
        replace(
            SETTINGS,
            websocket=WebSocket(address="127.0.0.1", port=8090),
            agents=(replace(SATO, browser=True),),
        )
    )
    assert "protocol = ws\n" in plain["pjsip.conf"]
    assert "[demo-sato](agent-webrtc)" in plain["pjsip.conf"]
    assert "\nCTI_PAGE_demo-sato = 1\n" in plain["extensions.conf"]
    assert "\nCTI_PAGE_" not in render(SETTINGS)["extensions.conf"]
    assert "bindport = 8090" in plain["http.conf"]
    assert "ice_permit = 192.0.2.10\n" in plain["rtp.conf"]  # where the sound is bound
    assert "ice_host_candidates" not in plain["rtp.conf"]
    assert "ice_" not in render(SETTINGS)["rtp.conf"]
    secure = render(
        replace(
            SETTINGS,
            websocket=WebSocket(
                address="192.0.2.10", port=8443, certificate="/etc/tls/c.pem", private_key="/etc/tls/k.pem"
            ),
        )
    )
    assert "protocol = wss\n" in secure["pjsip.conf"]
    assert "tlsbindaddr = 192.0.2.10:8443" in secure["http.conf"]
    assert "bindaddr = 127.0.0.1" in secure["http.conf"]  # the plain listener stays inside


def test_the_manager_is_on_loopback_with_few_rights() -> None:
    lines = code(render(SETTINGS)["manager.conf"])
    assert "bindaddr = 127.0.0.1" in lines
    assert "write = call,reporting,agent,originate" in lines
    assert "deny = 0.0.0.0/0.0.0.0" in lines
    assert "permit = 127.0.0.1/255.255.255.255" in lines
    for right in ("command", "config", "system", "all"):
        assert not re.search(rf"(?m)^write = .*\b{right}\b", "\n".join(lines))


def test_no_module_comes_by_itself() -> None:
    lines = code(render(SETTINGS)["modules.conf"])
    assert "autoload = no" in lines
    assert len([line for line in lines if line.startswith(("load", "require"))]) > 50


BAD: list[tuple[str, AsteriskSettings]] = [
    ("sip_address", replace(SETTINGS, sip_address="localhost")),
    ("media_address", replace(SETTINGS, media_address="192.0.2.10\nbind=0.0.0.0")),
    ("fastagi_address", replace(SETTINGS, fastagi_address="192.0.2.10/menu,x")),
    ("sip_port", replace(SETTINGS, sip_port=0)),
    ("ami_port", replace(SETTINGS, ami_port=65536)),
    ("rtp_last", replace(SETTINGS, rtp_first=10000, rtp_last=10000)),
    ("ami_user", replace(SETTINGS, ami_user="x]\nsecret=")),
    ("ami_user", replace(SETTINGS, ami_user="general")),
    ("ami_secret", replace(SETTINGS, ami_secret="short")),
    ("ami_secret", replace(SETTINGS, ami_secret="sixteen-letters;comment")),
    ("trunk_peers is empty", replace(SETTINGS, trunk_peers=())),
    ("trunk_peers[0]", replace(SETTINGS, trunk_peers=("0.0.0.0/0\nendpoint=x",))),
    ("directories.sounds", replace(SETTINGS, directories=replace(DIRECTORIES, sounds="/srv/a b"))),
    ("directories.sounds", replace(SETTINGS, directories=replace(DIRECTORIES, sounds="relative"))),
    ("directories.recordings", replace(SETTINGS, directories=replace(DIRECTORIES, recordings="/a,r(/etc/x)"))),
    ("directories.log", replace(SETTINGS, directories=replace(DIRECTORIES, log="/a/../b"))),
    ("directories.run", replace(SETTINGS, directories=replace(DIRECTORIES, run="/" + "r" * 95))),
    ("endpoint", replace(SETTINGS, agents=(replace(SATO, endpoint="demo-sato]\n[x"),), queues=(), numbers=())),
    ("endpoint", replace(SETTINGS, agents=(replace(SATO, endpoint="trunk"),), queues=(), numbers=())),
    ("tenant", replace(SETTINGS, agents=(replace(SATO, tenant="Demo"),), queues=(), numbers=())),
    ("secret", replace(SETTINGS, agents=(replace(SATO, secret="with space here"),))),
    ("secret", replace(SETTINGS, agents=(replace(SATO, secret="short"),))),
    ("name", replace(SETTINGS, agents=(replace(SATO, name="a\nmember => x"),))),
    ("name", replace(SETTINGS, agents=(replace(SATO, name="a;b"),))),
    ("name", replace(SETTINGS, agents=(replace(SATO, name="a\u2028b"),))),
    ("name", replace(SETTINGS, agents=(replace(SATO, name=""),))),
    ("browser", replace(SETTINGS, agents=(replace(SATO, browser=True),))),
    ("twice", replace(SETTINGS, agents=(SATO, replace(SATO, endpoint="demo-sa-to")))),
    ("members", replace(SETTINGS, queues=(replace(MEMBERS, members=("demo-nobody",)),))),
    ("members", replace(SETTINGS, queues=(replace(MEMBERS, members=("demo-sato", "demo-sato")),))),
    ("queue", replace(SETTINGS, queues=(replace(MEMBERS, queue="a,b"),), numbers=())),
    ("ring_s", replace(SETTINGS, queues=(replace(MEMBERS, ring_s=0),))),
    ("number", replace(SETTINGS, numbers=(replace(NUMBER, number="0501234500"),))),
    ("number", replace(SETTINGS, numbers=(replace(NUMBER, number="+81_X."),))),
    ("menu", replace(SETTINGS, numbers=(replace(NUMBER, menu="a)b"),))),
    ("language", replace(SETTINGS, numbers=(replace(NUMBER, language="de"),))),
    ("no such queue", replace(SETTINGS, numbers=(replace(NUMBER, queue="nowhere"),))),
    ("twice", replace(SETTINGS, numbers=(NUMBER, NUMBER))),
    ("menu_step_s", replace(SETTINGS, menu_step_s=0)),
    ("websocket.port", replace(SETTINGS, websocket=WebSocket(address="127.0.0.1", port=0))),
    ("certificate and private_key", replace(SETTINGS, websocket=WebSocket(address="::1", port=1, certificate="/c"))),
]


@pytest.mark.parametrize(("named", "settings"), BAD, ids=[f"{n}-{name}" for n, (name, _) in enumerate(BAD)])
def test_what_cannot_stand_in_a_file_is_refused_by_name(named: str, settings: AsteriskSettings) -> None:
    with pytest.raises(ConfigError) as refused:
        render(settings)
    assert any(named in problem for problem in refused.value.problems), refused.value.problems


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        render(replace(SETTINGS, sip_port=0, ami_secret="x", trunk_peers=()))
    assert len(refused.value.problems) == 3


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        render(replace(SETTINGS, ami_secret="my secret;is this", agents=(replace(SATO, secret="also;secret"),)))
    assert "my secret" not in str(refused.value)
    assert "also;secret" not in str(refused.value)


def shape(files: dict[str, str]) -> dict[str, list[str]]:
    """Each file's sections and keys, in order, without values: what no value may change."""
    return {
        name: [re.split(r"\s*=>?\s*", line)[0] if not line.startswith("[") else line for line in text.splitlines()]
        for name, text in files.items()
    }


_FREE: list[tuple[str, Any]] = [
    ("secret", lambda text: replace(SETTINGS, agents=(replace(SATO, secret=text),))),
    ("name", lambda text: replace(SETTINGS, agents=(replace(SATO, name=text),))),
    ("ami_secret", lambda text: replace(SETTINGS, ami_secret=text)),
    ("menu", lambda text: replace(SETTINGS, numbers=(replace(NUMBER, menu=text),))),
    ("media_address", lambda text: replace(SETTINGS, media_address=text)),
    ("peer", lambda text: replace(SETTINGS, trunk_peers=(text, "203.0.113.7"))),
    ("spool", lambda text: replace(SETTINGS, directories=replace(DIRECTORIES, spool="/" + text))),
]
_NASTY = (
    st.text()
    | st.text(alphabet="ab;[]=>\n\r\"'#$ {}(),\\\u0085\u2028")
    | st.from_regex(r"[a-z0-9-]{16,30}", fullmatch=True)
)


@given(st.sampled_from(_FREE), _NASTY)
def test_no_value_becomes_configuration(field: tuple[str, Any], text: str) -> None:
    """Whatever is written into a setting, it is refused or it stays a value: no line, section or key is added."""
    settings = field[1](text)
    try:
        files = render(settings)
    except ConfigError:
        return
    assert shape(files) == shape(render(SETTINGS))


def test_browsers_are_told_the_address_that_reaches_the_sound() -> None:
    socket = WebSocket(address="0.0.0.0", port=8089, ice_hosts=(("10.0.0.5", "203.0.113.9"),))
    text = render(replace(SETTINGS, websocket=socket))["rtp.conf"]
    # Asterisk holds what it tells against its list: the other address there would leave nothing to tell.
    assert [line for line in code(text) if line.startswith("ice_")] == [
        "ice_deny = 0.0.0.0/0",
        "ice_deny = ::/0",
        "ice_permit = 203.0.113.9",
    ]
    assert "10.0.0.5 => 203.0.113.9" in section(text, "ice_host_candidates")
    with pytest.raises(ConfigError, match="ice_hosts"):
        render(replace(SETTINGS, websocket=replace(socket, ice_hosts=(("10.0.0.5", "x\n[y]"),))))


def test_browsers_may_have_another_address_for_sound_than_the_trunk() -> None:
    socket = WebSocket(address="0.0.0.0", port=8089, media_address="10.0.0.5")
    files = render(replace(SETTINGS, media_address="192.168.7.5", websocket=socket))
    bound = {name: section(files["pjsip.conf"], name) for name in ("trunk", "agent", "agent-webrtc")}
    assert "media_address = 192.168.7.5" in bound["trunk"]
    assert "media_address = 192.168.7.5" in bound["agent"]
    assert "media_address = 10.0.0.5\nbind_rtp_to_media_address = yes" in bound["agent-webrtc"]
    assert "ice_permit = 10.0.0.5" in files["rtp.conf"]
    with pytest.raises(ConfigError, match=r"websocket\.media_address"):
        render(replace(SETTINGS, websocket=replace(socket, media_address="here")))


def test_asterisk_asks_the_servers_that_are_named_and_no_others() -> None:
    socket = WebSocket(address="0.0.0.0", port=8089)
    plain = code(render(replace(SETTINGS, websocket=socket))["rtp.conf"])
    assert [line for line in plain if line.startswith(("stun", "turn"))] == []
    socket = replace(socket, ice_hosts=(("10.0.0.5", "203.0.113.9"),), stun="stun.example.com:3478")
    socket = replace(socket, turn="turn.example.com:3478", turn_user="asterisk", turn_password="hush")
    text = render(replace(SETTINGS, websocket=socket))["rtp.conf"]
    assert [line for line in section(text, "general").splitlines() if line.startswith(("stun", "turn"))] == [
        "stunaddr = stun.example.com:3478",
        "turnaddr = turn.example.com:3478",
        "turnusername = asterisk",
        "turnpassword = hush",
    ]
    wrong = {"stun": "x\n[y]", "turn": "x;y", "turn_user": "a b", "turn_password": "hush\nx = y"}
    for key, value in wrong.items():
        with pytest.raises(ConfigError, match=f"websocket.{key}") as told:
            render(replace(SETTINGS, websocket=replace(socket, **{key: value})))  # type: ignore[arg-type]
        assert "hush" not in str(told.value)


def test_nothing_but_a_redirect_leads_to_a_dial_of_somebody_outside() -> None:
    """Toll fraud: the trunk is dialled in four contexts, and the two of live calls are reached by the server alone."""
    text = render(SETTINGS)["extensions.conf"]
    contexts = dict(re.findall(r"^\[([a-z-]+)\]\n(.*?)(?=^\[|\Z)", text, flags=re.M | re.S))
    said = {name: re.sub(r"^\s*;.*$", "", body, flags=re.M) for name, body in contexts.items()}
    assert {name for name, body in said.items() if "@trunk" in body} == {
        "cti-callee", "cti-person", "cti-ask-out", "cti-pass-out",
    }  # fmt: skip
    for fenced in ("cti-ask-out", "cti-pass-out"):
        assert not [name for name, body in said.items() if fenced in body], "no Goto, Gosub or include leads there"
        entries = re.findall(r"^exten => (\S+?),1,", said[fenced], flags=re.M)
        assert set(entries) <= {"s", "_0120XXXXXX", "_0800XXXXXXX", "dial", "over", "i", "back"}
        permit = said[fenced].index("Gosub(cti-out-permit,s,1)")
        assert permit < said[fenced].index("CTI_OUT_TO"), "the permit is read before anything else"
    assert "include" not in said["cti-inbound"]


# Where a channel may be sent by a Redirect, and what a number dialled from outside reaches: neither strays.
NEVER_REDIRECTED = (
    "cti-inbound", "cti-unknown", "cti-stray", "cti-ring", "cti-leg", "cti-record", "cti-leg-ends", "cti-caller-ends",
    "cti-leg-cause", "cti-back", "cti-second", "cti-out-permit", "cti-out-from", "cti-second-out", "cti-out-there",
    "cti-callee", "cti-callee-asked", "cti-callee-there", "cti-person", "cti-callee-told", "cti-secret", "cti-narrow",
    "cti-anew", "cti-agent-demo",
)  # fmt: skip


def _contexts() -> dict[str, list[str]]:
    parts = re.split(r"(?m)^\[([a-z-]+)\]", render(SETTINGS)["extensions.conf"])
    found = {name: code(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    return {name: lines for name, lines in found.items() if name not in ("general", "globals")}


def test_who_strays_is_caught_wherever_a_redirect_may_find_them() -> None:
    caught = {name for name, lines in _contexts().items() if "include => cti-stray" in lines}
    assert caught == set(_contexts()) - set(NEVER_REDIRECTED)


def test_a_label_that_a_loop_goes_back_to_stands_in_one_context() -> None:
    held: dict[str, set[str]] = {}
    for name, lines in _contexts().items():
        for line in lines:
            for label in re.findall(r"=> n\(([a-z]+)\),Wait", line):
                held.setdefault(label, set()).add(name)
    elsewhere = {
        label: [name for name, lines in _contexts().items() if any(f"n({label})" in line for line in lines)]
        for label, names in held.items()
    }
    assert {label: names for label, names in elsewhere.items() if len(names) > 1} == {}
    assert {"waits", "holds", "parks", "passes", "attends"} <= set(elsewhere)


def test_no_extension_falls_off_its_end() -> None:
    """Nobody is hung up on for that any more (autofallthrough = no): each says how it goes on."""
    ends = re.compile(r"(Goto|Hangup|Return)\(|GotoIf\(.*\?.*:.*\)\Z")
    for name, lines in _contexts().items():
        for line, following in zip(lines, [*lines[1:], "exten =>"], strict=True):
            if line.startswith(("include", ";")) or following.startswith("same"):
                continue
            assert ends.search(line.split(",", 2 if line.startswith("exten") else 1)[-1]), (name, line)
