"""Compiled kernels are kept on disk, and an edit of any of their sources recompiles them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import firth

SOURCE = Path(firth.__file__).parent

RUN = """
import sys
import numpy as np
from numba import njit
from firth.training import kernel_cache, simd
from firth.training.probe import double
flat = np.ones(16, np.float32)
double(flat)
print(flat[0], sum(double.stats.cache_hits.values()), sum(double.stats.cache_misses.values()))
"""

PROBE = """
from firth.training.kernel_cache import compiled
from firth.training.simd import load, splat, store

@compiled
def double(flat):
    store(flat, 0, load(flat, 0) * splat(2.0))
"""


def run(root: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "cache")}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_an_edit_of_another_source_recompiles(tmp_path) -> None:
    shutil.copytree(SOURCE, tmp_path / "firth", ignore=shutil.ignore_patterns("__pycache__"))
    training = tmp_path / "firth" / "training"
    (training / "probe.py").write_text(PROBE)
    assert run(tmp_path) == ["2.0", "0", "1"], "the first time it compiles"
    assert run(tmp_path) == ["2.0", "1", "0"], "the second time it comes from the cache"
    simd = training / "simd.py"
    edited = simd.read_text().replace('(operator.mul, "fmul")', '(operator.mul, "fadd")')
    assert edited != simd.read_text()
    simd.write_text(edited)
    assert run(tmp_path) == ["3.0", "0", "1"], "an edit in simd.py reaches probe.py's kernel"


def test_the_checked_build_has_a_cache_of_its_own(tmp_path, monkeypatch) -> None:
    shutil.copytree(SOURCE, tmp_path / "firth", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "firth" / "training" / "probe.py").write_text(PROBE)
    assert run(tmp_path)[1:] == ["0", "1"]
    monkeypatch.setenv("FIRTH_CHECKED_KERNELS", "1")
    assert run(tmp_path)[1:] == ["0", "1"]
