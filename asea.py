"""The command ``asea``; also ``python -m asea``. A subcommand's code is imported when it is chosen."""

import sys
from collections.abc import Sequence

COMMANDS = {
    'prepare': 'make an annotation file from a data set or your own recordings',
    'check': 'check an annotation file before you train on it',
    'train': 'train a model',
    'test': 'test a checkpoint: accuracy, scores, confusion matrix',
    'calibrate': 'have a checkpoint say how sure it is',
    'watch': 'see who does what to whom in videos and cameras',
    'infer': 'recognise interactions in recordings',
    'cross-validate': 'train and test every fold and seed, mean and spread',
    'fuse': 'fuse the scores of several models or streams',
    'visualize': 'draw what a model looks at, and how training went',
    'export': 'export a checkpoint to ONNX or torch.export',
    'benchmark': 'measure parameters, GFLOPs and speed of models, or of a stream',
}
# Packages that are not called as what is imported from them, or that need a certain one.
PACKAGES = {'mmaction': "'mmaction2==1.2.0'", 'mmcv': "'mmcv-lite<2.2'", 'cv2': 'opencv-python', 'yaml': 'pyyaml'}

USAGE = """usage: asea SUBCOMMAND ...

Recognise what two people do to each other from their skeletons.

subcommands:
{subcommands}

examples:
  asea train asea_demo
  asea test asea_demo work_dirs/asea_demo/epoch_8.pth
  asea infer recording.json --model work_dirs/asea_demo/epoch_8.pth

Options and examples of a subcommand: asea SUBCOMMAND --help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ('-h', '--help'):
        print(USAGE.format(subcommands='\n'.join(f'  {name:16}{text}' for name, text in COMMANDS.items())))
        return 0 if words else 2
    name = words[0]
    if name == '--version':
        from importlib.metadata import version

        print(f'asea_mm {version("asea_mm")}')
        return 0
    if name not in COMMANDS:
        from difflib import get_close_matches

        guesses = get_close_matches(name, COMMANDS, n=1)
        hint = f'did you mean {guesses[0]}?' if guesses else f'there are {", ".join(COMMANDS)}'
        print(f'error: no subcommand {name!r}; {hint}', file=sys.stderr)
        return 1

    try:
        from asea_mm.cli.run import run_subcommand

        return run_subcommand(name, words[1:])
    except ModuleNotFoundError as error:
        missing = (error.name or '').partition('.')[0]
        if '--debug' in words or missing in ('', 'asea', 'asea_mm'):
            raise
        how = f'; pip install {PACKAGES.get(missing, missing)}'
        print(f'error: asea {name} needs the package {missing}, which is not installed{how}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
