"""The server's configuration: defaults, secrets from files, and what each mistake is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.config import load_config
from cti.domain.errors import ConfigError

MINIMAL = """\
[asterisk]
ami_secret = "hush"

[database]
url = "postgresql://kakehashi@localhost/kakehashi"

[s3]
bucket = "recordings"
access_key = "key"
secret_key = "hush"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "kakehashi.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_fit_one_node_on_loopback(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL))
    assert (config.asterisk.ami_host, config.web.host) == ("127.0.0.1", "127.0.0.1")
    assert config.origins == ("http://127.0.0.1:8080",)


def test_a_secret_from_a_file_is_read_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n", encoding="utf-8")
    text = MINIMAL.replace('ami_secret = "hush"', f'ami_secret = {{ file = "{tmp_path / "secret"}" }}')
    config = load_config(write(tmp_path, text))
    assert config.asterisk.ami_secret.get_secret_value() == "from-the-file"
    assert "from-the-file" not in repr(config)


@pytest.mark.parametrize(
    ("written", "instead", "answer"),
    [
        ('ami_secret = "hush"', "", "asterisk.ami_secret: is missing; write the secret itself or"),
        ('ami_secret = "hush"', 'ami_secret = ""', "asterisk.ami_secret: is empty"),
        ('ami_secret = "hush"', 'ami_secret = { file = "/nowhere" }', "cannot read /nowhere"),
        ("[asterisk]", "[asterisk]\nami_port = 70000", "kakehashi.toml:2: asterisk.ami_port: "),
        ("[asterisk]", '[asterisk]\nami_host = "somewhere"', "'somewhere' is not an IP address"),
        (
            "[s3]",
            '[web]\ntls_key = "key.pem"\n[s3]',
            "web.tls_certificate: is missing; TLS needs certificate and key",
        ),
        ("[s3]", "[recording]\nfree_stop_mb = 0\n[s3]", "kakehashi.toml:8: recording.free_stop_mb: "),
        ("[s3]", '[recording]\nspool_max_mb = "9 GB"\n[s3]', "write megabytes that recordings on disk may take"),
        (
            "[s3]",
            "[recording]\nfree_warn_mb = 900\n[s3]",
            "recording.free_stop_mb: is 1000, not less than free_warn_mb (900); write at most 899, or raise that one",
        ),
        (
            "[s3]",
            "[recording]\nfree_warn_mb = 50\nfree_stop_mb = 50\n[s3]",
            "kakehashi.toml:9: recording.free_stop_mb: is 50, not less than free_warn_mb (50); write at most 49",
        ),
        ("[asterisk]", "[asteriks]", "kakehashi.toml:1: asteriks: unknown key; did you mean 'asterisk'?"),
    ],
)
def test_each_mistake_is_answered(tmp_path: Path, written: str, instead: str, answer: str) -> None:
    assert written in MINIMAL
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, MINIMAL.replace(written, instead, 1)))
    assert any(answer in problem for problem in caught.value.problems), caught.value.problems


def test_no_file_named_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAKEHASHI_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="say --config FILE or set KAKEHASHI_CONFIG"):
        load_config(None)
