"""A receiver of Kakehashi's webhooks: checks the signature, keeps each message once, answers at once.

Needs nothing but Python 3.11. Prints one JSON line when it is ready ({"ready": true, "url": …}), then one a message.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# A message is some 2 KiB; nobody honest sends more than this.
MAX_BODY = 256 * 1024
# What is older was recorded by somebody and sent again, or one of the two clocks is wrong.
TOLERANCE_S = 300


class Refused(Exception):
    """Not a message of ours."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The message's id when the signature fits, else Refused. ``headers`` by lower-case name."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(now_s - int(stamp)) > TOLERANCE_S:
        raise Refused("the time is missing, or too far from ours")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    # Two while a secret is being replaced: one of them has to fit.
    for one in headers.get("webhook-signature", "").split(" "):
        version, _, text = one.partition(",")
        with contextlib.suppress(ValueError):
            if version == "v1" and hmac.compare_digest(base64.b64decode(text, validate=True), wanted):
                return message_id
    raise Refused("the signature does not fit")


class Inbox:
    """What came, each once, in a file: written before it is acknowledged."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._lock = threading.Lock()
        with self._db:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS messages"
                " (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, message TEXT NOT NULL)"
            )

    def keep(self, message_id: str, message: dict[str, Any]) -> bool:
        """Whether it is new. The same id again is the same message: its answer was lost on the way."""
        with self._lock, self._db:
            done = self._db.execute(
                "INSERT OR IGNORE INTO messages (id, kind, message) VALUES (?, ?, ?)",
                (message_id, message["kind"], json.dumps(message, ensure_ascii=False)),
            )
            return done.rowcount == 1

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


class Receiver(ThreadingHTTPServer):
    """The server, with what its handlers need."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], secret: str, inbox: Inbox) -> None:
        super().__init__(address, _Handler)
        self.secret = secret
        self.inbox = inbox


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """One message."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY:
            self.close_connection = True
            self._answer(413)
            return
        body = self.rfile.read(int(length))
        try:
            message_id = verify(
                self.server.secret, {name.lower(): value for name, value in self.headers.items()}, body, time.time()
            )
            message = json.loads(body)
            kind = str(message["kind"])
        except Refused as error:
            self._answer(401, str(error))
            return
        except (ValueError, KeyError, TypeError):
            self._answer(400, "no message")
            return
        new = self.server.inbox.keep(message_id, message)
        self._answer(204)
        # Kinds that we do not know are kept and left alone: there will be more of them.
        say({"message": message_id, "kind": kind, "new": new})

    def _answer(self, status: int, why: str = "") -> None:
        text = why.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if status != 204:
            self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """No access log."""


def say(line: dict[str, Any]) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8091, help="0 takes a free one and prints it")
    parser.add_argument("--db", default="inbox.sqlite", help="SQLite file; made if missing")
    arguments = parser.parse_args()
    secret = os.environ.get("WEBHOOK_SECRET", "")
    if not secret.startswith("whsec_"):
        parser.error('set WEBHOOK_SECRET to the secret of [webhooks.TENANT], "whsec_…"')
    inbox = Inbox(arguments.db)
    server = Receiver((arguments.host, arguments.port), secret, inbox)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    say({"ready": True, "url": f"http://{arguments.host}:{server.server_address[1]}"})
    server.serve_forever()
    server.server_close()
    inbox.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
