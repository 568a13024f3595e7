"""Bodies of the routes about one's own phone. PURE: models only."""

from __future__ import annotations

from typing import Literal

from cti.web.parts import Body


class MyPhone(Body):
    """What the agent speaks with."""

    phone: Literal["sip", "browser"]  # "browser": the page registers at Asterisk, and asks for a log-in to do so


class PhoneLogInBody(Body):
    """With what the page registers at Asterisk. For this page's memory only."""

    url: str  # Asterisk's WebSocket
    user: str  # of the SIP address and of the digest
    domain: str  # of the SIP address
    secret: str
