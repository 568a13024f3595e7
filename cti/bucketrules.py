"""The configuration's rules about buckets: their shape, and what must hold of them together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cti.domain.placing import BucketRule, never_counts
from cti.tomlfile import TomlFile

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
NEVER = "rule {at} never counts: rule {before} fits whatever it fits; put it before that one, or take it out"


class PlacingRule(BaseModel):
    """Into which bucket new recordings go (docs/recording.md). The first rule that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # As every S3 server takes it; an underscore or a capital letter is refused when the first recording comes.
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="a bucket's name: 3 to 63 of a-z, 0-9, - and .; it is made when it is not there",
    )
    tenant: Slug | None = Field(default=None, description="the name of a tenant; leave it out: any")
    queue: Slug | None = Field(default=None, description="the id of a queue; leave it out: any")
    direction: Literal["inbound", "outbound", "callback"] | None = Field(
        default=None, description='"inbound", "outbound" or "callback"; leave it out: any'
    )
    result: Literal["answered", "unanswered", "voicemail"] | None = Field(
        default=None, description='"answered", "unanswered" or "voicemail"; leave it out: any'
    )

    def placed(self) -> BucketRule:
        """The rule as it is carried out."""
        return BucketRule(
            bucket=self.bucket, tenant=self.tenant, queue=self.queue, direction=self.direction, result=self.result
        )


def bucket_problems(file: TomlFile, rules: tuple[PlacingRule, ...]) -> list[str]:
    """One sentence for a rule that can never count."""
    found = never_counts([rule.placed() for rule in rules])
    if found is None:
        return []
    at, before = found
    return [file.problem(("s3", "rules", at), NEVER.format(at=at + 1, before=before + 1))]
