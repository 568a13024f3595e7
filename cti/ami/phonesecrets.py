"""SIP secrets of phones in browsers, in Asterisk's own database: written and taken away by the dialplan (cti-secret).

AMI may not write that database, and needs no right to: a channel that the server places does it, and leaves a mark in
a global variable, so that no secret is sent back. A restart of Asterisk forgets the marks and keeps the secrets.
"""

from __future__ import annotations

import asyncio
import hashlib

from cti.ami import actions
from cti.ami.client import AmiClient
from cti.domain.errors import Unavailable

# What the mark is when there is no secret.
NONE = "none"
# Looked for after: a channel takes some 2 ms, a busy Asterisk longer. 2 s in all.
LOOKS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.1)


def mark_of(secret: str) -> str:
    """Says which secret it is without saying it: the secrets are random, so nobody finds one by its mark."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16] if secret else NONE


class AmiPhoneSecrets:
    """One Asterisk's. Both methods raise Unavailable."""

    def __init__(self, client: AmiClient, *, epoch: str) -> None:
        self._client = client
        self._epoch = epoch

    async def mark(self, endpoint: str) -> str:
        """Which secret was written last, as :func:`mark_of`; "" when none was since Asterisk began."""
        (asked,) = self._client.submit_all([actions.phone_secret_mark(endpoint)])
        return str((await asked).headers.get("Value", ""))

    async def put(self, endpoint: str, secret: str) -> None:
        """Write a secret (hex digits), "" takes it away; returns when Asterisk has done it.

        Raises Unavailable also when it was not seen to: it may be done all the same, and doing it again does no harm.
        """
        wanted = mark_of(secret)
        (placed,) = self._client.submit_all([actions.phone_secret(endpoint, secret, wanted, self._epoch)])
        await placed
        for look_s in LOOKS_S:
            await asyncio.sleep(look_s)
            if await self.mark(endpoint) == wanted:
                return
        raise Unavailable("Asterisk did not take a phone's secret: is its dialplan ours, and of this version?")
