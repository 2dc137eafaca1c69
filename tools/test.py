"""``asea test``, from a clone: python tools/test.py CONFIG CHECKPOINT [options]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this clone, wherever another asea_mm is installed

from asea import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
