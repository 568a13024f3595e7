"""The phone in the page, in each of its states: the line and the browser's devices are played."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from playwright.async_api import Page

from cti.domain.model import AgentId
from cti.domain.quality import LineQuality
from cti.web.hub import HUB
from tests.e2e.pages.browser import Window, until
from tests.e2e.pages.phoneline import PhoneLine, PlayedPhones, answered_after
from tests.e2e.pages.records import SATO, call_id, complete
from tests.e2e.pages.scenes import at_desk, qa_player, scene, shown, unfolded
from tests.e2e.pages.site import Site, now
from tests.e2e.pages.talk_scenes import on_the_line

# What is plugged in, and the browser's counters, as the scene wants them. ``played.fail`` is an error's name.
PLAYED = """(() => {
  const played = { fail: "", devices: [], streams: [], loss: 0, step: 0 };
  window.played = played;
  const media = navigator.mediaDevices;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = async (wish) => {
    if (played.fail) throw new DOMException("played", played.fail);
    const stream = await real({ audio: true });
    const exact = wish.audio?.deviceId?.exact;
    const named = played.devices.find((one) => (exact ? one.deviceId === exact : one.kind === "audioinput"));
    if (!named) throw new DOMException("played", exact ? "OverconstrainedError" : "NotFoundError");
    for (const track of stream.getTracks()) {
      Object.defineProperty(track, "label", { value: named.label });
      track.getSettings = () => ({ deviceId: named.deviceId });
    }
    played.streams.push(stream);
    return stream;
  };
  media.enumerateDevices = async () => played.devices;
  const there = (labels) => {
    played.devices = ["audioinput", "audiooutput"].flatMap((kind) =>
      labels.map((label) => ({ kind, label, deviceId: kind + label, groupId: "" })));
  };
  played.plug = (...labels) => {
    there(labels);
    media.dispatchEvent(new Event("devicechange"));
  };
  played.unplug = (...left) => {
    there(left);
    for (const track of played.streams.at(-1).getTracks()) {
      track.stop(); // says nothing itself, where a plug that is pulled does
      track.dispatchEvent(new Event("ended"));
    }
    media.dispatchEvent(new Event("devicechange"));
  };
  played.plug("%s", "%s");
  RTCPeerConnection.prototype.getStats = async function () {
    const all = 50 * (played.step += 5), lost = Math.round(all * played.loss);
    return new Map(Object.entries({
      a: { type: "inbound-rtp", kind: "audio", packetsReceived: all - lost, packetsLost: lost, jitter: 0.004 },
      b: { type: "outbound-rtp", kind: "audio", packetsSent: all },
      c: { type: "remote-inbound-rtp", kind: "audio", packetsLost: 0, jitter: 0.002, roundTripTime: 0.038 },
    }));
  };
})()"""
# Those to our server, so that they can be broken.
SOCKETS = """window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols ?? []);
    if (url.endsWith("/api/socket")) window.sockets.push(this);
  }
}"""
HEADSET, BUILT_IN = "Jabra Evolve2 65", "MacBook Pro"


async def phone_page(site: Site, seen: Window, *, fail: str = "", refuse: bool = False) -> PhoneLine:
    """Sato's page is a phone; logged in, with a headset."""
    line = await site.use_phone_line(PhoneLine(refuse=refuse))
    seen.expected += ["WebSocket connection to", "status of 50", "Failed to load resource"]
    await seen.page.add_init_script(PLAYED % (HEADSET, BUILT_IN))
    if fail:
        await seen.page.add_init_script(f"played.fail = '{fail}'")
    await at_desk(site, seen)
    await shown(seen, ".phone-bar")
    return line


async def says(page: Page, part: str) -> None:
    """Until the phone's line is in that state: ready, ringing, talking, …"""
    await page.locator(f".phone-bar-{part}").wait_for()


async def ready(site: Site, seen: Window) -> PhoneLine:
    line = await phone_page(site, seen)
    await seen.page.locator(".phone-bar[data-line=ready]").wait_for()
    return line


async def talking_phone(site: Site, seen: Window, *, loss: float = 0.0) -> PhoneLine:
    line = await ready(site, seen)
    await seen.page.evaluate(f"played.loss = {loss}")
    call = site.ring()
    await line.ring()
    await says(seen.page, "ringing")
    await seen.page.keyboard.press("F2")
    await says(seen.page, "talking")
    on_the_line(site, call)
    await shown(seen, ".pop-talking")
    await shown(seen, ".phone-bar .tag")
    return line


@scene
async def phone_ready(site: Site, seen: Window) -> None:
    await ready(site, seen)


@scene
async def phone_ringing(site: Site, seen: Window) -> None:
    line = await ready(site, seen)
    site.happen(complete(site.ring(), now()))
    await line.ring()
    await says(seen.page, "ringing")
    await shown(seen, ".questions")


@scene
async def phone_answers_by_itself(site: Site, seen: Window) -> None:
    line = await ready(site, seen)
    assert isinstance(site.parts.phones, PlayedPhones)
    site.parts.phones.phone = answered_after(members=15, roadside=15, partners=15, english=15)
    site.happen(complete(site.ring(), now()))
    await line.ring()
    await until(seen.page, "/15/.test(document.querySelector('.phone-says').textContent)", 20)


@scene
async def phone_talking(site: Site, seen: Window) -> None:
    await talking_phone(site, seen)


@scene
async def phone_muted(site: Site, seen: Window) -> None:
    await talking_phone(site, seen)
    await seen.page.keyboard.press("F8")
    await shown(seen, ".phone-says strong")


@scene
async def phone_keypad(site: Site, seen: Window) -> None:
    await talking_phone(site, seen)
    await seen.page.keyboard.press("k")
    await shown(seen, ".keypad")


@scene
async def phone_poor_line(site: Site, seen: Window) -> None:
    await talking_phone(site, seen, loss=0.2)
    await shown(seen, ".phone-notice")


@scene
async def phone_holds_alone(site: Site, seen: Window) -> None:
    """In a call the network lets no WebSocket through to our server any more, and the phone itself holds the caller."""
    await seen.page.add_init_script(SOCKETS)
    await talking_phone(site, seen)
    site.server.app[HUB].stopping = True
    await seen.page.evaluate("sockets.forEach((one) => one.close())")
    await shown(seen, ".offline p")
    await seen.page.locator(".talk .choices button").first.click()
    await shown(seen, ".talk .choices button.primary")
    await until(seen.page, "/WebSocket/.test(document.querySelector('.offline').textContent)")


@scene
async def phone_devices(site: Site, seen: Window) -> None:
    """In a call, a headset chosen that is not plugged in now."""
    await talking_phone(site, seen)
    await seen.page.keyboard.press("v")
    await seen.page.locator(".phone-panel select").nth(0).select_option(index=1)
    await seen.page.locator(".phone-panel select").nth(1).select_option(index=1)
    await seen.page.evaluate(f"played.unplug('{BUILT_IN}')")
    await shown(seen, ".phone-notice")


@scene
async def phone_unplugged(site: Site, seen: Window) -> None:
    await talking_phone(site, seen)
    await seen.page.evaluate("played.unplug()")
    await shown(seen, ".phone-notice")


@scene
async def phone_line_lost(site: Site, seen: Window) -> None:
    line = await ready(site, seen)
    await line.close()
    await until(seen.page, "document.querySelector('.phone-says').textContent.includes('WebSocket')", 20)


@scene
async def phone_refused(site: Site, seen: Window) -> None:
    await phone_page(site, seen, refuse=True)
    await says(seen.page, "trouble")


@scene
async def phone_no_microphone(site: Site, seen: Window) -> None:
    await phone_page(site, seen, fail="NotFoundError")
    await says(seen.page, "trouble")


@scene
async def phone_microphone_refused(site: Site, seen: Window) -> None:
    await phone_page(site, seen, fail="NotAllowedError")
    await says(seen.page, "trouble")


@scene
async def phone_microphone_busy(site: Site, seen: Window) -> None:
    await phone_page(site, seen, fail="NotReadableError")
    await says(seen.page, "trouble")


@scene
async def qa_player_with_quality(site: Site, seen: Window) -> None:
    good = LineQuality(
        agent=SATO, talk_at=now() - timedelta(minutes=9), reported_at=now(), measured_s=200.0, received=10_000,
        lost_in=3, jitter_in_ms=2.1, jitter_in_max_ms=9.4, sent=10_000, lost_out=11, jitter_out_ms=1.0,
        round_trip_ms=21.0, round_trip_max_ms=84.0,
    )  # fmt: skip
    poor = replace(good, agent=AgentId("suzuki"), lost_in=900, jitter_in_ms=18.0, jitter_in_max_ms=140.0, lost_out=None)
    for n in range(40):
        site.qualities.rows[call_id(n)] = [good, poor]
    await qa_player(site, seen)
    await unfolded(seen)
    await shown(seen, ".line-quality")
