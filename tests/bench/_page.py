"""What the benches of the browser share: a desk of one agent whose phone is a page, Chromium, and Asterisk's own trace.

The clock is Asterisk's: its SIP stack writes every message it sends and receives into a pcap file, with the time of
the machine in microseconds. Pages run on the same machine; their performance.timeOrigin counts from the same clock.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from cti.demo.client import logged_in
from cti.demo.components import MissingComponent, cache_folder, find_program
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.stack import Plan, Stack, running_stack
from cti.demo.tones import tone, write_wav
from tests.deskfile import agent_tables
from tests.e2e.pages.browser import FLAGS

AGENT, PLAIN, PLAIN_OPENING = "ours", "plain", "opening"
PASSWORD, NUMBER = "a password for a bench", "0501234500"
DESK = """\
[tenants.demo]
name = "bench"
[tenants.demo.routing]
missed_state = "available"
wrap_up_s = 0
same_agent_s = 0
@AGENTS@
[[tenants.demo.queues]]
id = "all"
name = { ja = "全員", en = "All" }
wrap_up_s = 0
@AUTO@
[[tenants.demo.numbers]]
number = "+81501234500"
name = "all"
queue = "all"
"""
PAGE = """<!doctype html><title>plain</title><script src="/jssip.js"></script><script>
const { url, user, domain, secret, open } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
(async () => {
  const mediaStream = open ? await navigator.mediaDevices.getUserMedia({ audio: true }) : undefined;
  const sockets = [new JsSIP.WebSocketInterface(url)];
  const ua = new JsSIP.UA({ sockets, uri: `sip:${user}@${domain}`, password: secret });
  ua.on("registered", () => { window.readyMs = performance.now(); document.title = "registered"; });
  ua.on("newRTCSession", ({ session }) =>
    session.answer({ mediaStream, mediaConstraints: { audio: true, video: false } }));
  ua.start();
})();
</script>"""
MAGICS = {b"\xd4\xc3\xb2\xa1": ("<", 1e-6), b"\xa1\xb2\xc3\xd4": (">", 1e-6), b"\x4d\x3c\xb2\xa1": ("<", 1e-9)}


def say(sentence: str) -> None:
    """Progress, beside the result."""
    print(sentence, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One SIP message as Asterisk's stack sent or received it."""

    at: float  # epoch seconds
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.partition("\r\n")[0]

    def header(self, name: str) -> str:
        """One header's value; empty when it is not there."""
        found = re.search(rf"^{name}: *(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)
        return found.group(1) if found else ""


def read_trace(path: Path) -> list[Message]:
    """The SIP messages of a pcap file, oldest first; a last one that is being written is left out."""
    data = path.read_bytes()
    order, unit_s = MAGICS[data[:4]]
    at, found = 24, []
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from(f"{order}IIII", data, at)
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if len(frame) < length:
            break
        # Ethernet, IP and UDP, made up by Asterisk whatever the transport was: the message begins with a word.
        begin = re.search(rb"(?:[A-Z]+ sips?:|SIP/2\.0 )", frame)
        if begin:
            text = frame[begin.start() :].decode("utf-8", "replace")
            found.append(Message(at=seconds + fraction * unit_s, text=text))
    return found


def rung(messages: Sequence[Message]) -> list[tuple[str, Message]]:
    """Each first INVITE to an agent's phone, with that agent's endpoint: by the address that their page registered."""
    owner: dict[str, str] = {}
    found: list[tuple[str, Message]] = []
    seen: set[str] = set()
    for message in messages:
        if message.first.startswith("REGISTER "):
            owner[_user(message.header("Contact"))] = _user(message.header("To"))
        elif message.first.startswith("INVITE ") and message.header("Call-ID") not in seen:
            endpoint = owner.get(_user(message.first))
            if endpoint is not None:
                seen.add(message.header("Call-ID"))
                found.append((endpoint, message))
    return found


def _user(address: str) -> str:
    found = re.search(r"sips?:([^@>;]+)@", address)
    return found.group(1) if found else ""


async def start_trace(stack: Stack) -> Path:
    """From now on every SIP message is written down. Before the pages register: it says whose phone is which."""
    assert stack.asterisk is not None
    path = stack.asterisk.folders.log / "sip.pcap"
    await stack.asterisk.cli("module load res_pjsip_logger.so")
    told = await stack.asterisk.cli(f"pjsip set logger pcap {path}")
    told += await stack.asterisk.cli("pjsip set logger on")
    say(told.strip().replace("\n", "; "))
    return path


@asynccontextmanager
async def a_page_desk(
    run: RunFolder, pool: PortPool, *, media: str, own: str = "", auto: bool = False
) -> AsyncIterator[tuple[Stack, Browser, Path]]:
    """The desk, a Chromium whose microphone hears a tone, and where Asterisk's SIP messages are written. ``media``: the
    address that Asterisk's sound is on; on loopback it is told in the place of ``own``, since Asterisk tells nobody
    such an address of its own accord. ``auto``: the page answers by itself."""
    desk = run.path / "desk.toml"
    in_a_page = 'phone = "browser"'
    agents = "".join(agent_tables(agent, PASSWORD, more=in_a_page) for agent in (AGENT, PLAIN, PLAIN_OPENING))
    text = DESK.replace("@AUTO@", "auto_answer_s = 0" if auto else "").replace("@AGENTS@", agents)
    desk.write_text(text, encoding="utf-8")
    tables: dict[str, Mapping[str, str | int]] = {"asterisk.websocket": {"address": LOOPBACK, "port": pool.tcp()}}
    if own:
        tables["asterisk.websocket.ice_hosts"] = {f'"{own}"': media}
    voice = run.path / "microphone.wav"
    write_wav(voice, tone(1000, 10.0))
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={voice}"]
    if media == LOOPBACK:
        flags.append("--allow-loopback-in-peer-connection")
    # No spoken texts: callers would hear the notice of recording for some seconds before a phone rings.
    plan = Plan(desk_file=desk, media=media, tables=tables, prompts=False)
    async with AsyncExitStack() as cleanup:
        stack = await cleanup.enter_async_context(running_stack(run, pool, say, plan))
        playwright = await cleanup.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=str(find_program("chromium")), args=flags)
        cleanup.push_async_callback(browser.close)
        yield stack, browser, await start_trace(stack)


@asynccontextmanager
async def plain_site(stack: Stack, folder: Path) -> AsyncIterator[str]:
    """Where a page of nothing but JsSIP is served."""
    script = bundled(folder)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def jssip(_: web.Request) -> web.FileResponse:
        return web.FileResponse(script)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/jssip.js", jssip)])
    runner, port = web.AppRunner(app), stack.pool.tcp()
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield f"http://{LOOPBACK}:{port}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def plain_page(page: Page, stack: Stack, site: str, agent: str, *, opened: bool) -> AsyncIterator[None]:
    """It is that agent's phone, registered, and the agent is available, for as long as the log-in lasts. ``opened``:
    its microphone, beforehand."""
    async with logged_in(stack.web, agent, PASSWORD) as person:
        async with person.session.post(f"{stack.web}/api/my/phone") as response:
            log_in = await response.json()
        await person.set_state("available")
        wanted = {**{key: log_in[key] for key in ("url", "user", "domain", "secret")}, "open": opened}
        await page.goto(f"{site}#{json.dumps(wanted)}")
        await expect(page).to_have_title("registered", timeout=20_000)
        yield


def bundled(folder: Path) -> Path:
    """JsSIP as one script; the package has none. Made with the pages' own bundler. Raises MissingComponent."""
    packages = [path for path in cache_folder().glob("node_modules-*/node_modules") if (path / "jssip").is_dir()]
    if not packages:
        raise MissingComponent("the packages of the web pages: scripts/bring/web")
    newest = max(packages, key=lambda path: path.stat().st_mtime)
    (folder / "entry.js").write_text('import JsSIP from "jssip"; window.JsSIP = JsSIP;')
    (folder / "node_modules").symlink_to(newest)
    command = [newest / ".bin/rolldown", folder / "entry.js", "--file", folder / "jssip.js", "--format", "iife"]
    subprocess.run([str(find_program("node")), *map(str, command)], check=True, capture_output=True, cwd=folder)
    return folder / "jssip.js"
