"""Pictures of every state of every page, to look at. usage: python -m tests.e2e.pages.tour FOLDER [SCENE …] [--all]

Without ``--all`` each scene is taken once, at 1366×768 in Japanese; with it at three widths, light and dark, in both
languages. Scenes are named by what they show; those given as words are taken alone.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from cti.demo.folders import PortPool
from tests.e2e.pages import (  # noqa: F401 - adds its scenes
    aftercall_scenes,
    caller_scenes,
    evaluation_scenes,
    phone_scenes,
    privacy_scenes,
    supervisor_scenes,
    talk_scenes,
)
from tests.e2e.pages.browser import chromium, window
from tests.e2e.pages.scenes import SCENES
from tests.e2e.pages.site import running_site
from tests.e2e.pages.sound import conversation

SIZES = ((1366, 768), (1920, 1080), (390, 844))


async def main(folder: Path, wanted: list[str], everything: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    looks = [(*size, language, dark) for size in SIZES for language in ("ja", "en") for dark in (False, True)]
    with tempfile.TemporaryDirectory() as temporary, PortPool() as pool:
        sound = conversation(Path(temporary), 94)
        async with chromium() as browser:
            for name, play in SCENES.items():
                if wanted and name not in wanted:
                    continue
                for width, height, language, dark in looks if everything else [(1366, 768, "ja", False)]:
                    async with (
                        running_site(pool.tcp(), sound) as site,
                        window(browser, width=width, height=height, language=language, dark=dark) as seen,
                    ):
                        await play(site, seen)
                        await seen.page.wait_for_timeout(250)
                        file = f"{name}.{width}.{language}{'.dark' if dark else ''}.png"
                        await seen.page.screenshot(path=folder / file, full_page=width < 500)
                        for complaint in seen.complaints:
                            print(f"{file}: {complaint}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if not words:
        raise SystemExit(f"{__doc__}\nScenes: {', '.join(SCENES)}")
    asyncio.run(main(Path(words[0]), words[1:], "--all" in sys.argv))
