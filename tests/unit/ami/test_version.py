"""The oldest Asterisk we work with."""

from __future__ import annotations

import pytest

from cti.ami import version
from cti.ami.errors import AsteriskTooOld


@pytest.mark.parametrize(
    "text", ["22.10.1", "22.10.1+dfsg+~cs6.17.60671434-1", "22.10.2", "22.11.0-rc1", "23.0.0", "Asterisk 22.10.1"]
)
def test_new_enough(text: str) -> None:
    version.check(text)
    assert version.parse(text) is not None


@pytest.mark.parametrize("text", ["22.10.0", "22.9.9", "21.99.99", "20.11.1~dfsg", "1.8.0"])
def test_too_old_says_why_and_what_to_do(text: str) -> None:
    with pytest.raises(AsteriskTooOld, match=r"security holes .* upgrade Asterisk to 22\.10\.1"):
        version.check(text)


@pytest.mark.parametrize("text", ["", "GIT-master-1234", "certified/22.8-cert1", "22"])
def test_what_is_no_release_is_refused_too(text: str) -> None:
    with pytest.raises(AsteriskTooOld, match="no release we know"):
        version.check(text)
