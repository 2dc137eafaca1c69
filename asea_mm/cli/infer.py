"""Recognise interactions in recordings, with a trained model, which carries its config.

INPUT is a recording as docs/custom_data.md lists them, NTU's .skeleton, an annotation file or store, or a folder of
recordings. One that cannot be read is reported, and the others go on; the exit code is then 1.

Examples:
  asea infer recording.json --model work_dirs/mine/epoch_80.pth
  asea infer long.npz --model epoch_80.pth --window 48 --overlap 36 --picture long.png --json long.json
  asea infer recordings/ --model epoch_80.pth --pairs all --up z --units millimetre
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from ..apis import InteractionInferencer, InteractionResult
from ..datasets.files.whole import write_whole
from ..datasets.recordings.samples import ReadOptions, Sample, read_samples
from ..engine import find_config
from ..errors import InputError
from .options import add_model_options, add_recording_options, add_subset_options, console, say_written
