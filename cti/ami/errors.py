"""What can go wrong at the AMI, split by who has to act."""

from __future__ import annotations

from cti.domain.errors import ConfigError, Unavailable


class AmiRefused(ConfigError):
    """The operator has to change something; trying again would not help. The link stays down."""

    def __init__(self, sentence: str) -> None:
        super().__init__([sentence])


class AmiLoginRefused(AmiRefused):
    """Asterisk does not accept user and secret."""


class AsteriskTooOld(AmiRefused):
    """Asterisk is older than the oldest release without known holes."""


class OutcomeUnknown(Unavailable):
    """An action was sent and no answer came: it may have been done or not. It is never sent again by itself."""
