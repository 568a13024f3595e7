"""The command line: what it refuses to run on, what it leaves unimported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cti.cli.main import refuse_foreign_packages
from cti.domain.errors import ConfigError


def install(folder: Path, name: str, files: dict[str, str]) -> None:
    """A distribution as pip leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    for file, text in files.items():
        (info / file).write_text(text, encoding="utf-8")


def test_our_own_venv_is_accepted() -> None:
    assert refuse_foreign_packages() is None  # type: ignore[func-returns-value]  # that it returns is the point


@pytest.mark.parametrize(
    "files",
    [
        {"top_level.txt": "other\nrouting\n"},
        {"RECORD": "other/__init__.py,,\nrouting/__init__.py,sha256=x,0\n"},
        {"RECORD": "routing/__init__.py,sha256=x,0\n", "top_level.txt": "\n"},
        {"RECORD": "routing.py,sha256=x,0\n"},
    ],
)
def test_a_package_that_another_distribution_brings_too_is_named(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "roads", files)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="package 'routing' is also installed by roads; give kakehashi-cti a venv"):
        refuse_foreign_packages()


def test_names_that_only_look_like_ours_are_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "roads", {"RECORD": "routing_tools/routing.py,,\nother/routing/__init__.py,,\nmyrouting.py,,\n"})
    monkeypatch.syspath_prepend(tmp_path)
    assert refuse_foreign_packages() is None  # type: ignore[func-returns-value]


def test_serving_imports_neither_boto3_nor_jsonschema_before_callers_are_served() -> None:
    """They cost half a second of each start; S3's threads import what they need (docs/decisions/0135)."""
    late = "boto3", "botocore", "jsonschema"
    looked = f"import sys, cti.serve; print([m for m in {late!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
