"""What programs say and are told of a live call's recording."""

from __future__ import annotations

from cti.domain.pause import RecordCommand
from cti.web.parts import Body, RecordingLine, Request


class PauseRequest(Request):
    """A payment page is about to take a card number, or has it."""

    command: RecordCommand


class PauseState(Body):
    """Whether what is said now is kept."""

    call_id: str
    recording: RecordingLine
