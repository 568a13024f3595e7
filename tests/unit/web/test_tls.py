"""TLS by configuration, and a certificate of one's own."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from cti.domain.errors import ConfigError
from cti.web import selfsigned
from cti.web.context import WebSettings
from cti.web.passwords import Passwords
from cti.web.server import WebServer, tls_context
from tests.unit.web.fakes import Fakes


def test_the_certificate_names_its_hosts_and_is_kept(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    certificate, key = selfsigned.write(tmp_path / "tls", ["cti.test", "127.0.0.1"], now)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cti.test"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=398)
    before = certificate.read_bytes()
    selfsigned.write(tmp_path / "tls", ["other.test"], now)
    assert certificate.read_bytes() == before
    with pytest.raises(ValueError, match="host"):
        selfsigned.make([], now)


async def test_a_browser_that_trusts_it_is_served_over_tls(tmp_path: Path) -> None:
    certificate, key = selfsigned.write(tmp_path, ["127.0.0.1"], datetime.now(UTC))
    settings = WebSettings(port=0, origins=("https://cti.test",), tls_certificate=certificate, tls_key=key)
    server = WebServer(settings, Fakes().parts(), stream_id="s", passwords=Passwords(time_cost=1, memory_kib=64))
    await server.start()
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with aiohttp.ClientSession() as client:
        async with client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusting) as answer:
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        with pytest.raises(aiohttp.ClientError):
            await client.get(f"https://127.0.0.1:{server.port}/healthz")
    await server.stop()


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    missing = WebSettings(tls_certificate=tmp_path / "no.crt", tls_key=tmp_path / "no.key")
    with pytest.raises(ConfigError, match=r"no\.crt.*PEM"):
        tls_context(missing)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing")
    with pytest.raises(ConfigError, match=r"garbage\.pem"):
        tls_context(WebSettings(tls_certificate=garbage, tls_key=garbage))
