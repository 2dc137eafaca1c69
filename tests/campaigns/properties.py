"""The property tests with many seeds: what they draw is new each time."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
USES = 'from hypothesis import'
SEEDS = 200


def files() -> list[Path]:
    """The files that have property tests."""
    return [path for path in sorted(TESTS.rglob('test_*.py')) if USES in path.read_text(encoding='utf-8')]


def fails(seed: int) -> str:
    """The end of what the tests say with a seed, if one fails."""
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', f'--hypothesis-seed={seed}']
    command += [*map(str, files())]
    run = subprocess.run(command, cwd=TESTS.parent, capture_output=True, encoding='utf-8', errors='replace')
    return run.stdout[-3000:] if run.returncode else ''


def main(quick: bool, seeds: range | None = None) -> dict[str, object]:
    """Figures: how many seeds, and those with which a test fails.

    Args:
        quick: One seed.
        seeds: Others than the first :data:`SEEDS`.
    """
    seeds = range(1 if quick else SEEDS) if seeds is None else seeds
    failed = []
    for seed in seeds:
        if said := fails(seed):
            failed.append(seed)
            print(f'seed {seed}:\n{said}', file=sys.stderr, flush=True)
    return {'seeds': len(seeds), 'files': len(files()), 'failed': failed}
