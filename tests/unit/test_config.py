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


def test_a_wide_trunk_is_declared_in_two_keys(tmp_path: Path) -> None:
    narrow = load_config(write(tmp_path, MINIMAL))
    assert (narrow.asterisk.trunk_codecs, narrow.recording.rate_hz) == (("ulaw", "alaw"), 8000)
    text = MINIMAL.replace("[asterisk]", '[recording]\nrate_hz = 16000\n[asterisk]\ntrunk_codecs = ["g722", "ulaw"]')
    wide = load_config(write(tmp_path, text))
    assert (wide.asterisk.trunk_codecs, wide.recording.rate_hz) == (("g722", "ulaw"), 16000)


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
        (
            "[database]",
            '[[s3.rules]]\nbucket = "all-of-it"\n[[s3.rules]]\nbucket = "b-2"\nqueue = "accident"\n[database]',
            "s3.rules[1]: rule 2 never counts: rule 1 fits whatever it fits; put it before that one",
        ),
        ("[database]", '[[s3.rules]]\nbucket = "My_Bucket"\n[database]', "write a bucket's name: 3 to 63 of a-z"),
        ("[database]", '[[s3.rules]]\nqueue = "a"\n[database]', "s3.rules[0].bucket: is missing"),
        ("[database]", '[[s3.rules]]\nbucket = "b-2"\nresult = "lost"\n[database]', '"answered", "unanswered" or'),
        ("[database]", '[[s3.rules]]\nbucket = "b-2"\nagent = "sato"\n[database]', "s3.rules[0].agent: "),
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
        (
            "[s3]",
            "[recording]\nrate_hz = 16000\n[s3]",
            'kakehashi.toml:8: recording.rate_hz: is 16000 and the trunk has no g722; write trunk_codecs = ["g722",',
        ),
        ("[s3]", "[recording]\nrate_hz = 11025\n[s3]", "recording.rate_hz: "),
        (
            "[asterisk]",
            '[asterisk]\ntrunk_codecs = ["g722"]',
            "kakehashi.toml:2: asterisk.trunk_codecs: has g722 alone",
        ),
        ("[asterisk]", '[asterisk]\ntrunk_codecs = ["ulaw", "ulaw"]', "asterisk.trunk_codecs: has ulaw twice"),
        (
            "[asterisk]",
            '[asterisk]\ntrunk_codecs = ["opus", "ulaw"]',
            'write of "g722", "ulaw", "alaw", the best first',
        ),
        ("[asterisk]", "[asterisk]\ntrunk_codecs = []", "asterisk.trunk_codecs: "),
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


# --- STUN and TURN ---


def ice(folder: Path, lines: str) -> Path:
    return write(folder, MINIMAL + "[asterisk.ice]\n" + lines)


def test_stun_and_turn_as_the_page_and_asterisk_need_them(tmp_path: Path) -> None:
    lines = """\
stun = ["stun:stun.example.com:3478", "stun:[2001:db8::1]"]
turn = ["turn:turn.example.com", "turns:turn.example.com:5349?transport=tcp"]
turn_secret = "shared"
relay_only = true
asterisk_stun = "stun.example.com:3478"
"""
    found = load_config(ice(tmp_path, lines)).asterisk.ice
    assert (len(found.stun), len(found.turn), found.relay_only, found.turn_lifetime_s) == (2, 2, True, 86_400)
    assert "shared" not in repr(found)


@pytest.mark.parametrize(
    ("lines", "named", "advice"),
    [
        ('stun = ["stun.example.com"]', "stun", "stun:stun.example.com:3478"),
        ('stun = ["stun://x"]', "stun", "stun:stun"),
        ('stun = ["turn:x"]', "stun", "stun:stun"),
        ('turn = ["https://turn.example.com"]\nturn_secret = "x"', "turn", "turn:turn.example.com"),
        ('turn = ["turn:x y"]\nturn_secret = "x"', "turn", "turn:turn.example.com"),
        ('turn = ["turn:x?transport=sctp"]\nturn_secret = "x"', "turn", "turn:turn.example.com"),
        ('turn = ["turn:x"]', "turn_secret", "needs turn_secret, or turn_user and turn_password"),
        ('turn = ["turn:x"]\nturn_user = "u"', "turn_password", "go together"),
        ('turn = ["turn:x"]\nturn_password = "p"', "turn_secret", "needs turn_secret"),
        ('turn = ["turn:x"]\nturn_user = "u"\nturn_password = "p"\nturn_secret = "s"', "turn_user", "one of the two"),
        ('turn_secret = "s"', "turn", "turn:turn.example.com"),
        ("relay_only = true", "turn", "turn:turn.example.com"),
        ('relay_only = "yes"', "relay_only", "true"),
        ('turn = ["turn:x"]\nturn_secret = "s"\nturn_lifetime_s = 60', "turn_lifetime_s", "3600"),
        ('asterisk_turn = "turn.example.com"', "asterisk_turn_user", "asterisk_turn_password"),
        ('asterisk_turn_user = "u"\nasterisk_turn_password = "p"', "asterisk_turn", "needs"),
        ('asterisk_turn = "turn:x"\nasterisk_turn_user = "u"\nasterisk_turn_password = "p"', "asterisk_turn", "3478"),
        ('asterisk_turn = "x"\nasterisk_turn_user = "u;"\nasterisk_turn_password = "p"', "asterisk_turn_user", "user"),
        (
            'asterisk_turn = "x"\nasterisk_turn_user = "u"\nasterisk_turn_password = "p\\n"',
            "asterisk_turn_password",
            "1 to 128",
        ),
    ],
)
def test_a_mistake_about_stun_and_turn_is_told_by_line_and_key(
    tmp_path: Path, lines: str, named: str, advice: str
) -> None:
    with pytest.raises(ConfigError) as told:
        load_config(ice(tmp_path, lines))
    (problem,) = [one for one in told.value.problems if f"asterisk.ice.{named}" in one]
    assert advice in problem
    assert "kakehashi.toml:" in problem
