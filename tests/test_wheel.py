"""The wheel: what is in it, and that it works in an environment that has nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source]
    subprocess.run(words, check=True)
    return next(folder.glob("pdgn-*.whl"))


@pytest.mark.slow
def test_nothing_but_pdgn_lands_in_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"pdgn"}
    assert {"pdgn/configs/demo.yaml", "pdgn/recipes/demo.yaml", "pdgn/py.typed"} <= set(names)
    packaged = {name for name in names if name.startswith("pdgn/") and name.endswith(".py")}
    own = {str(path.relative_to(ROOT)) for path in (ROOT / "pdgn").rglob("*.py")}
    assert own <= packaged


@pytest.mark.slow
def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python, pdgn = tmp_path / "env/bin/python", tmp_path / "env/bin/pdgn"
    constraints = ["--quiet", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", *constraints, "torch"], check=True)
    subprocess.run([python, "-m", "pip", "install", *constraints, wheel], check=True)
    for words in (
        ["generate", "--config", "tiny", "--output", "data/tiny.h5"],
        ["check", "data/tiny.h5"],
        ["train", "--config", "tiny"],
        ["evaluate", "--checkpoint", "runs/tiny/best.ckpt"],
    ):
        done = subprocess.run([pdgn, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/tiny/report.html").is_file()
    code = (
        "import importlib.resources as r; "
        "assert r.files('pdgn.configs').joinpath('demo.yaml').is_file(); "
        "assert r.files('pdgn.recipes').joinpath('demo.yaml').is_file()"
    )
    subprocess.run([python, "-c", code], cwd=tmp_path, check=True)
