"""The bare thing: panoramisk's event, straight into a WebSocket, and nothing else. Run by pop.py.

usage: _pop_peer.py AMI_PORT USER SECRET; prints the port of its WebSocket when it is connected.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web
from panoramisk import Manager


async def main(ami_port: int, user: str, secret: str) -> None:
    """Serve until killed."""
    sockets: set[web.WebSocketResponse] = set()

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sockets.add(socket)
        async for _ in socket:
            pass
        sockets.discard(socket)
        return socket

    async def dial_begin(_manager: Manager, message: object) -> None:
        text = json.dumps({key: str(value) for key, value in dict(message.items()).items()})  # type: ignore[attr-defined]
        for socket in tuple(sockets):
            await socket.send_str(text)

    manager = Manager(host="127.0.0.1", port=ami_port, username=user, secret=secret)
    manager.register_event("DialBegin", dial_begin)
    await manager.connect()
    app = web.Application()
    app.router.add_get("/", connect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
