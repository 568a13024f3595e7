"""One exception tree, split by blame: who has to do something about it.

::

    KakehashiError
    ├── CallerError        the person or program that called us sent something wrong; tell them
    │   ├── ConfigError    a file the operator wrote: names file, line, key and what to write instead
    │   ├── NotAllowed     the right is missing
    │   └── NotFound       no such thing
    ├── PeerError          the other side broke its protocol; log, drop the connection, go on
    ├── Unavailable        the other side is away, slow or full; try again later
    └── IllegalMove        ours: an event that the state machine does not allow; nothing was changed
"""

from __future__ import annotations


class KakehashiError(Exception):
    """Root of everything this project raises on purpose."""


class CallerError(KakehashiError):
    """Whoever called us must change what they sent."""


class ConfigError(CallerError):
    """An operator's file is wrong.

    ``problems`` holds one sentence per problem, each with file, line (where known), key and what to write instead.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotAllowed(CallerError):
    """The right for this is missing."""


class NotFound(CallerError):
    """No such thing."""


class PeerError(KakehashiError):
    """The other side broke its protocol."""


class Unavailable(KakehashiError):
    """The other side is away, slow or full."""


class IllegalMove(KakehashiError):
    """An event that the state of a call does not allow. Nothing was changed."""

    def __init__(self, event: str, state: str, call_id: str) -> None:
        super().__init__(f"{event} is not allowed in state {state} (call {call_id})")
        self.event = event
        self.state = state
        self.call_id = call_id
