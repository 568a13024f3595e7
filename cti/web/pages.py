"""The built pages: one index for every page of the front-end, and its files with a name that holds their hash."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from cti.web.context import SETTINGS
from cti.web.problems import Refused, language_of

PAGES = (
    "/", "/login", "/agent", "/queues", "/qa", "/calls", "/evaluations", "/my-evaluations", "/evaluation-forms",
    "/evaluation-samples", "/privacy",
)  # fmt: skip
# Vite puts a hash of the content into each name below assets/: they never change.
FOR_EVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"

# Spelled out: what the machine's own table says differs from host to host, and nosniff makes a wrong one fatal.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

_NOT_BUILT = {
    "en": "The pages have not been built. In the checkout: cd frontend && npm ci && npm run build",
    "ja": "画面がまだ作られていません。チェックアウトで次を実行してください: cd frontend && npm ci && npm run build",
}


async def page(request: web.Request) -> web.StreamResponse:
    """Any page: the front-end looks at the address itself."""
    index = request.app[SETTINGS].static / "index.html"
    if not await asyncio.to_thread(index.is_file):
        return web.Response(status=503, text=_NOT_BUILT[language_of(request)], headers={"Retry-After": "30"})
    headers = {"Cache-Control": ASK_EACH_TIME, "Content-Type": "text/html; charset=utf-8"}
    return web.FileResponse(index, headers=headers)


def _inside(root: Path, name: str) -> Path | None:
    """The file of that name below root, or None: outside, absent, or a folder."""
    root = root.resolve()
    file = (root / name).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None


async def asset(request: web.Request) -> web.StreamResponse:
    """GET /assets/… and the few files at the root, such as the icon."""
    name = request.path.lstrip("/").removeprefix("static/")
    if "\0" in name:
        raise Refused(404, "not_found")
    file = await asyncio.to_thread(_inside, request.app[SETTINGS].static, name)
    if file is None:
        raise Refused(404, "not_found")
    kind = TYPES.get(file.suffix, "application/octet-stream")
    cache = FOR_EVER if name.startswith("assets/") else ASK_EACH_TIME
    return web.FileResponse(file, headers={"Cache-Control": cache, "Content-Type": kind})


def mount(app: web.Application) -> None:
    """Add the pages' routes."""
    for path in PAGES:
        app.router.add_get(path, page)
    # An address below a page ("/qa/<call>") is the page, so that a link can be sent to a colleague.
    for path in PAGES[1:]:
        app.router.add_get(path + "/{rest:.*}", page)
    app.router.add_get("/assets/{name:.+}", asset)
    app.router.add_get("/static/{name:.+}", asset)
    app.router.add_get("/{name:[a-z0-9-]+\\.(?:svg|png|ico|webmanifest|txt)}", asset)
