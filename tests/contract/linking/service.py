"""The real reference service, as its own process, and ways to be unkind to it."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "lookup-service"
DEMO: dict[str, dict[str, Any]] = {
    caller["case"]: caller for caller in json.loads((FOLDER / "demo_callers.json").read_text(encoding="utf-8"))
}


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    token: str
    process: subprocess.Popen[str]

    def fault(self, kind: str, delay_s: float = 5.0) -> None:
        """Break it, or mend it with "none"."""
        self.request("PUT", "/faults", {"kind": kind, "delay_s": delay_s})

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request by somebody who is not the client under test: status and JSON body."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Errors())
        with opener.open(request, timeout=10) as response:
            return response.status, json.load(response)


class _Errors(urllib.request.HTTPErrorProcessor):
    """An error status is an answer like any other."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


@contextmanager
def running(folder: Path, *extra: str) -> Iterator[Service]:
    """Start it on a free port with a database in ``folder``, and stop it."""
    token = secrets.token_urlsafe(24)
    command = [sys.executable, str(FOLDER / "serve.py"), "--port", "0", "--db", str(folder / "lookup.sqlite")]
    with subprocess.Popen([*command, f"--token={token}", *extra], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield Service(ready["url"], token, process)
        finally:
            process.terminate()
            process.wait(timeout=10)
