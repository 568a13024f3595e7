"""How a message to another system is signed: Standard Webhooks (https://www.standardwebhooks.com), symmetric. Pure.

``webhook-signature`` holds, for each secret, ``v1,`` and the base64 of HMAC-SHA256 over ``<id>.<timestamp>.<body>``,
separated by spaces. Ready-made libraries of many languages verify it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
# The specification's bounds: shorter can be guessed, longer is no stronger than the hash.
SHORTEST, LONGEST = 24, 64


def secret_key(text: str) -> bytes:
    """The key of ``whsec_<base64>``. Raises ValueError, saying what to write."""
    if not text.startswith(PREFIX):
        raise ValueError(f"a secret of webhooks begins with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"what follows {PREFIX} is not base64") from error
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"it holds {len(key)} bytes; {SHORTEST} to {LONGEST} are asked for")
    return key


def sign(keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one message. Raises ValueError for an id with a dot, which ends it in what is signed."""
    if "." in message_id:
        raise ValueError("a message's id holds no dot")
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    made = (base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }
