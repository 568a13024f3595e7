"""What a person does with the phone in their browser, and what a test hears there."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from playwright.async_api import Browser, expect

from cti.demo.stack import Stack
from tests.e2e.pages.browser import Window

CALLER_HZ, AGENT_HZ = 440, 1000

# The loudest frequency in what the page plays, over two seconds: [Hz, its share of the sound's energy].
HEARD = """async () => {
  const stream = document.querySelector("#phone-sound").srcObject;
  const context = new AudioContext();
  await context.resume();
  const ears = context.createAnalyser();
  ears.fftSize = 8192;
  context.createMediaStreamSource(stream).connect(ears);
  const bins = new Float32Array(ears.frequencyBinCount), total = new Float64Array(bins.length);
  for (let n = 0; n < 10; n++) {
    await new Promise((done) => setTimeout(done, 200));
    ears.getFloatFrequencyData(bins);
    bins.forEach((db, bin) => { total[bin] += 10 ** (db / 10); });
  }
  const best = total.indexOf(Math.max(...total));
  const near = total.slice(Math.max(0, best - 4), best + 5).reduce((a, b) => a + b, 0);
  const all = total.reduce((a, b) => a + b, 0);
  const hz = best * context.sampleRate / ears.fftSize;
  await context.close();
  return [hz, near / all];
}"""


def own_address() -> str:
    """An address of this machine that is not loopback; nothing is sent. Asterisk tells browsers no 127.0.0.1 of its
    own accord, so that address is what it must be told to replace. Raises OSError when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))
        return str(asked.getsockname()[0])


@dataclass
class Phone:
    """An agent's page that is their phone."""

    seen: Window
    desk: Stack
    browser: Browser

    async def log_in(self, agent: str = "sato") -> None:
        """Log in and wait until a call could ring."""
        await self.seen.log_in(self.desk.web, agent, self.desk.password(agent))
        await self.says("Ready for calls")

    async def says(self, words: str, deadline_s: float = 10.0) -> None:
        """Wait until the phone's line says that."""
        await expect(self.seen.page.locator(".phone-says")).to_contain_text(words, timeout=deadline_s * 1000)

    async def press(self, name: str) -> None:
        """A button of the phone."""
        await self.seen.page.locator(".phone-bar").get_by_role("button", name=name).click()

    async def hears(self) -> tuple[float, float]:
        """The loudest frequency that the page plays in Hz, and its share of all sound, 0 to 1."""
        hz, share = await self.seen.page.evaluate(HEARD)
        return float(hz), float(share)
