"""``asea train``, from a clone: python tools/train.py CONFIG [options]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this clone, wherever another asea_mm is installed

from asea import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
