"""Write an annotation file in the other form: a pickle as a store, a store as a pickle.

    python tools/convert_annotations.py data/ntu/ntu120_3d.pkl data/ntu/ntu120_3d.store --layout nturgbd25

The suffix of OUT decides: .store for a store, anything else for the pickle that mmaction2 and PYSKL read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ..datasets import load_annotations, save_annotations
from ..engine import report_errors
from ..errors import InputError
from ..skeletons import SKELETONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', help='annotation file or store')
    parser.add_argument('out', help='file to write, or folder that ends in .store')
    parser.add_argument('--layout', choices=sorted(SKELETONS), help='layout to note in a file that does not name one')
    args = parser.parse_args()
    if Path(args.out).resolve() == Path(args.file).resolve():
        raise InputError(f'{args.out}: input and output are the same')
    content = load_annotations(args.file, lazy=True)
    annotations, meta = content['annotations'], content['meta']
    if args.layout is not None:
        if meta.get('layout', args.layout) != args.layout:
            raise InputError(f'{args.file}: --layout {args.layout}, but the file says {meta["layout"]!r}')
        meta = {**meta, 'layout': args.layout}
    save_annotations(args.out, annotations, content['split'], meta)
    print(f'wrote {len(annotations)} samples to {args.out}')


if __name__ == '__main__':
    with report_errors():
        main()
