"""Any annotation file, and the stores of before, as this package writes them."""

import os
from pathlib import Path

from ...errors import InputError
from ..files.annotations import load_annotations, save_annotations
from ..files.old_store import read_old_store
from ..recordings.compressed import decompress


def convert_annotations(path: str | os.PathLike, out: str | os.PathLike, layout: str | None = None) -> None:
    """Write any file that :func:`load_annotations` reads, or a store of before, as :func:`save_annotations` does.

    Samples in PYSKL's compressed form become two persons over frames (:func:`~..recordings.compressed.decompress`).

    Args:
        path: The file, or the folder of a store (:mod:`~..files.old_store`).
        out: File to write.
        layout: Layout to note in a file that does not name one.

    Raises:
        FileNotFoundError, InputError: If there is no such file, it is not as it should be, or has another layout.
    """
    path = Path(path)
    content = read_old_store(path) if path.is_dir() else load_annotations(path, lazy=True)
    meta = content['meta']
    if layout is not None:
        if meta.get('layout', layout) != layout:
            raise InputError(f'{path}: expected the layout {layout!r}, got {meta["layout"]!r} in the file')
        meta = {**meta, 'layout': layout}
    samples = (decompress(annotation, str(path)) for annotation in content['annotations'])
    save_annotations(out, samples, content['split'], meta)
