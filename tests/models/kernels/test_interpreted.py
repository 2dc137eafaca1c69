"""Run the tests of ``interpreted/`` in a process of their own: Triton decides when it is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asea_mm.models.kernels.support import HAS_TRITON


@pytest.mark.skipif(not HAS_TRITON, reason='Triton is not installed')
def test_what_kernels_compute():
    folder = Path(__file__).parent / 'interpreted'
    command = [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider', str(folder)]
    environment = {**os.environ, 'TRITON_INTERPRET': '1', 'OMP_NUM_THREADS': '1'}
    root = folder.parents[3]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, encoding='utf-8', errors='replace')
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
