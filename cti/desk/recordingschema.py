"""The desk file's rules of recording: their shape. What they name is checked in cti.desk.recording."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cti.desk.shapes import Model, Slug


class RecordingRule(Model):
    """Which calls are recorded (docs/recording.md). The first rule that fits counts; what is left out fits all."""

    record: Literal["always", "on_demand", "never"] = Field(description='"always", "on_demand" or "never"')
    queue: Slug | None = Field(default=None, description="the id of one of the queues; leave it out: any")
    direction: Literal["inbound", "outbound", "callback"] | None = Field(
        default=None, description='"inbound", "outbound" or "callback"; leave it out: any'
    )
    agent: Slug | None = Field(default=None, description="the id of one of the agents; leave it out: any")
    answer: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}:[0-9*#]{0,16}$",
        description='what a caller chose in the menu, a node and its keys, e.g. "consent:2"; leave it out: any',
    )
