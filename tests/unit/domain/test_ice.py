"""Log-ins of TURN that lapse, as the server beside us will check them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from cti.domain.ice import IceServer, turn_log_in

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def taken(secret: str, user: str, password: str, at: datetime) -> bool:
    """What a TURN server with that secret does."""
    until, _, _ = user.partition(":")
    expected = base64.b64encode(hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()
    return hmac.compare_digest(expected, password) and int(until) > at.timestamp()


def test_it_opens_for_as_long_as_it_says_and_under_one_secret() -> None:
    user, password = turn_log_in("shared", "sato", T0, 3600)
    assert user == "1795147200:sato"
    assert taken("shared", user, password, T0)
    assert taken("shared", user, password, T0 + timedelta(minutes=59))
    assert not taken("shared", user, password, T0 + timedelta(hours=1))
    assert not taken("another", user, password, T0)
    assert not taken("shared", user.replace("1795147200", "1795150800"), password, T0)


def test_it_is_what_others_compute() -> None:
    """The example of RFC 2202 (HMAC-SHA1, test case 2), by way of the same function."""
    known = hmac.new(b"Jefe", b"what do ya want for nothing?", hashlib.sha1).hexdigest()
    assert known == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    assert (
        turn_log_in("s", "a", T0, 0)[1]
        == base64.b64encode(hmac.new(b"s", b"1795143600:a", hashlib.sha1).digest()).decode()
    )


def test_a_credential_is_not_in_what_is_printed() -> None:
    assert "hush" not in repr(IceServer(urls=("turn:x",), username="u", credential="hush"))
