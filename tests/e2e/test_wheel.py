"""The wheel holds everything: built from this checkout, unpacked elsewhere, run without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("cti", "ivr", "recording", "routing")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would install, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy of what git knows and of the built pages: the build writes beside its sources.
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    pages = [str(path.relative_to(ROOT)) for path in (ROOT / "cti/web/static").rglob("*") if path.is_file()]
    for name in filter(None, [*files, *pages]):
        path = ROOT / name
        if not path.is_file() or name.startswith(("tests/", "frontend/", "docs/")):
            continue
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (source / "cti" / "asterisk_conf").symlink_to("../asterisk-conf")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("kakehashi_cti-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, from the wheel's files alone."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    return subprocess.run(
        [sys.executable, "-m", "cti", *words],
        cwd=unpacked,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_has_the_four_packages_the_pages_and_the_templates(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir() if path.is_dir() and path.suffix != ".dist-info"} == set(PACKAGES)
    assert (unpacked / "cti/web/static/index.html").is_file()
    assert list((unpacked / "cti/web/static/assets").glob("*.js"))
    assert {path.name for path in (ROOT / "asterisk-conf").rglob("*") if path.is_file()} == {
        path.name for path in (unpacked / "cti/asterisk_conf").rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("pattern", ["*.sql", "*.json", "*.toml"])
def test_no_data_file_of_a_package_is_left_out(unpacked: Path, pattern: str) -> None:
    def of(folder: Path) -> set[str]:
        found = (path for package in PACKAGES for path in (folder / package).rglob(pattern))
        return {str(path.relative_to(folder)) for path in found if "static" not in path.parts}

    assert of(ROOT) == of(unpacked)


def test_the_command_runs_from_it(unpacked: Path) -> None:
    checked = run(unpacked, "config", "check", str(ROOT / "examples" / "desk.toml"))
    assert checked.returncode == 0, checked.stderr
    assert "nothing is wrong with it" in checked.stdout


def test_a_wrong_file_is_answered_with_its_line(unpacked: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "desk.toml"
    text = (ROOT / "examples" / "desk.toml").read_text(encoding="utf-8").replace("ring_s = 15", "ring_s = 1500", 1)
    wrong.write_text(text, encoding="utf-8")
    checked = run(unpacked, "config", "check", str(wrong))
    line = text[: text.index("ring_s = 1500")].count("\n") + 1
    assert checked.returncode == 2
    assert f"desk.toml:{line}: tenants.demo.queues[1].ring_s: " in checked.stderr
