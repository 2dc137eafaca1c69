"""Cross-validate a config: every fold and seed, several at once if there are cores, and one summary.

    python tools/cross_validate.py configs/asea_sbu.py --folds all --seeds 0 1 2 --jobs 2 --out results/sbu_asea
    python tools/cross_validate.py configs/asea_sbu.py --streams joint bone    # each of them, for tools/fuse_streams.py

A dataset without folds, such as NTU RGB+D, is trained and tested on the split of the config, once for every seed.

Every run is ``tools/train.py`` followed by ``tools/test.py`` on the checkpoint of the last epoch. Runs that are
finished are not repeated, interrupted ones resume; a folder of runs with another recipe is refused. The summary tells
the last epoch (fixed schedule) from the best epoch (chosen on the test fold, as most papers of the field report), per
fold and pooled over all samples, and the cross-entropy of the last epoch, a finer measure than a count of errors.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, DictAction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lab.statistics.pages import markdown_table, write_result, write_whole

from ..datasets import load_annotations
from ..engine import report_errors
from ..engine.jobs import run_at_once
from ..engine.running import load_config, working_tree_commit
from ..errors import InputError
from ..evaluation.scores import read_runs, read_scores, run_folder, write_runs
from ..evaluation.statistics import as_percent, in_columns, run_name, summarise_runs, with_spread

TOOLS = Path(__file__).resolve().parent
COLUMNS = ('last epoch', 'best epoch', 'cross-entropy')
# What makes a result; the rest of a config is how it is logged.
RECIPE = (
    'model',
    'train_dataloader',
    'test_dataloader',
    'test_evaluator',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'custom_hooks',
)


def run(args: argparse.Namespace, fold: int, seed: int, environment: dict[str, str]) -> dict:
    """Train and test one fold and seed; returns its result, which is also kept as ``result.json``."""
    work_dir = args.work_dir / run_folder(fold, seed)
    finished = work_dir / 'result.json'
    options = [
        *(['--fold', str(fold)] if fold else []),
        '--seed',
        str(seed),
        *(['--stream', args.stream] if args.stream else []),
    ]
    options += ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    settings = {'config': args.config, 'options': options}
    refuse_other_recipe(work_dir / Path(args.config).name, args, fold, seed)
    if finished.exists():
        result = json.loads(finished.read_text())
        if result['settings'] != settings:
            raise InputError(f'{finished} is of other settings, {result["settings"]}; choose another --work-dir')
        return result
    work_dir.mkdir(parents=True, exist_ok=True)
    clock = work_dir / 'seconds'  # of the sittings before this one
    start = time.time() - (float(clock.read_text()) if clock.exists() else 0)
    with open(work_dir / 'output.log', 'a') as log:

        def call(tool: str, *arguments: str) -> None:
            command = [sys.executable, str(TOOLS / tool), args.config, *arguments, *options]
            try:
                done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False)
            finally:  # also when interrupted
                write_whole(clock, str(time.time() - start))
            if done.returncode:
                raise InputError(f'{tool} failed for {run_name(fold, seed)}; see {log.name}')

        call('train.py', '--work-dir', str(work_dir), '--resume')
        checkpoint = (work_dir / 'last_checkpoint').read_text().strip()
        call('test.py', checkpoint, '--work-dir', str(work_dir / 'test'))
    report = json.loads((work_dir / 'test' / 'report.json').read_text())
    curve = validation_curve(work_dir)
    last = int(Path(checkpoint).stem.rpartition('_')[2])  # not the curve's: an interruption may have cost a validation
    curve[last] = report['top1']  # with the test pipeline, which may be another
    best = max(curve, key=lambda epoch: (curve[epoch], epoch))
    result = {
        'settings': settings,
        'fold': fold,
        'seed': seed,
        'commit': working_tree_commit(),
        'device': device_name(),
        'num_samples': report['num_samples'],
        'last_top1': report['top1'],
        'last_cross_entropy': report['cross_entropy'],
        'best_top1': curve[best],
        'best_epoch': best,
        'epochs': last,
        'seconds': round(time.time() - start),
        'classes': report['classes'],
        'confusion': report['confusion'],
        'curve': [round(curve[epoch], 4) for epoch in sorted(curve)],
    }
    write_whole(finished, json.dumps(result) + '\n')
    return result


def device_name() -> str:
    """What the runs of this process are on: the name of the GPU, or CPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'


def config_of(args: argparse.Namespace, fold: int | None, seed: int | None) -> Config:
    """The config of a run, as ``tools/train.py`` reads it."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    options = vars(parser.parse_args(['--cfg-options', *args.cfg_options] if args.cfg_options else []))
    given = {'config': args.config, 'split': None, 'fold': fold or None, 'stream': args.stream, 'seed': seed, **options}
    return load_config(argparse.Namespace(**given, launcher='none', work_dir=None))


def all_folds(args: argparse.Namespace) -> list[int]:
    """The folds that the annotation file of the config has; fold 0 if its dataset has no option for them."""
    dataset = config_of(args, None, None).test_dataloader.dataset
    if 'fold' not in dataset:
        return [0]
    path = dataset.get('ann_file')
    if path is None:
        raise InputError(f'--folds all: the dataset of {args.config} has no annotation file; name the folds')
    split = load_annotations(path, lazy=True)['split']
    folds = sorted(int(name[1]) for key in split if (name := re.fullmatch(r'fold(\d+)_train', key)))
    if not folds:
        raise InputError(f'--folds all: expected splits fold1_train, fold2_train, ... in {path}, got {sorted(split)}')
    return folds


def refuse_other_recipe(dumped: Path, args: argparse.Namespace, fold: int, seed: int) -> None:
    """Raise if the run was started with another config, which may have changed under the same name since."""
    if not dumped.exists():
        return
    now = config_of(args, fold, seed).to_dict()
    before = Config.fromfile(dumped).to_dict()
    if other := [key for key in RECIPE if before.get(key) != now.get(key)]:
        raise InputError(f'{dumped} is of a run with another {", ".join(other)}; choose another --work-dir')


def validation_curve(work_dir: Path) -> dict[int, float]:
    """Top-1 accuracy of every epoch, from the logs of all sittings of a run."""
    curve = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # cut off by an interruption
                continue
            if 'acc/top1' in record:
                curve[record['step']] = record['acc/top1']
    if not curve:
        raise InputError(f'{work_dir}: no validation accuracy in the logs')
    return curve


def summarise(results: list[dict]) -> dict:
    """Accuracies per fold and pooled over all samples; mean and standard deviation over seeds."""
    folds, seeds = sorted({r['fold'] for r in results}), sorted({r['seed'] for r in results})
    num_samples = {(r['fold'], r['seed']): r['num_samples'] for r in results}
    confusion = sum(np.array(r['confusion']) for r in results)
    summary: dict = {'num_runs': len(results), 'folds': folds, 'seeds': seeds}
    for key in ('last_top1', 'best_top1'):
        summary[key] = summarise_runs({(r['fold'], r['seed']): r[key] for r in results}, num_samples)
    cross_entropy = {(r['fold'], r['seed']): r.get('last_cross_entropy') for r in results}
    if None not in cross_entropy.values():
        summary['last_cross_entropy'] = summarise_runs(cross_entropy, num_samples)
    classes = results[0]['classes']
    hits = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    summary['per_class_last'] = dict(zip(classes, hits.round(4).tolist(), strict=True))
    summary['confusion_last'] = confusion.tolist()
    summary['seconds'] = sum(r['seconds'] for r in results)
    return summary


def rows_of(summary: dict) -> list[tuple[str, ...]]:
    """The measures of every fold and of all: last and best epoch, cross-entropy of the last."""
    columns = [map(as_percent, in_columns(summary[key]).values()) for key in ('last_top1', 'best_top1')]
    titles = list(in_columns(summary['last_top1']))
    cross_entropy = summary.get('last_cross_entropy')
    columns.append(map(with_spread, in_columns(cross_entropy).values()) if cross_entropy else ['-'] * len(titles))
    return list(zip(titles, *columns, strict=True))


def title_of(result: dict) -> str:
    return ', '.join(filter(None, (result['config'], result['stream'])))


def markdown(summary: dict, result: dict) -> list[str]:
    classes = list(summary['per_class_last'].items())
    devices = sorted({r['device'] for r in result['runs'] if r.get('device')})
    where = f' on {", ".join(devices)}' if devices else ''  # results of before do not say
    folds = '' if summary['folds'] == [0] else f'{len(summary["folds"])} folds, '
    confusion = [[name, *map(str, row)] for (name, _), row in zip(classes, summary['confusion_last'], strict=True)]
    return [
        f'# {title_of(result)}: cross-validation',
        '',
        f'Command: `{result["command"]}`',
        '',
        f'Commit {result["commit"]}, {summary["num_runs"]} runs ({folds}seeds '
        f'{", ".join(map(str, summary["seeds"]))}), {summary["seconds"] / 3600:.1f} hours of runs{where}. '
        'Top-1 in %, mean ± standard deviation over seeds. The best epoch is chosen on the test fold. Cross-entropy is '
        'of the last epoch.',
        '',
        *markdown_table(['', *COLUMNS], rows_of(summary)),
        '',
        *markdown_table(['class', 'last epoch, all runs'], [(name, f'{100 * share:.2f}') for name, share in classes]),
        '',
        'Confusion of the last epoch, counts of all runs; true classes in rows, predicted ones in columns:',
        '',
        *markdown_table(['', *(name for name, _ in classes)], confusion),
    ]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument(
        '--folds', nargs='+', default=['all'], help='numbers, or all (default): those of the annotation file'
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument(
        '--streams',
        '--stream',
        nargs='+',
        metavar='STREAM',
        help='streams to cross-validate one after the other, each as --stream of tools/train.py; several get folders '
        'and summaries of their own, WORK_DIR_STREAM and OUT_STREAM',
    )
    parser.add_argument('--jobs', type=int, default=1, help='runs at once; they share the cores and GPUs')
    parser.add_argument(
        '--work-dir', type=Path, help='folder of the runs; default work_dirs/{config}_cv or {config}_{stream}_cv'
    )
    parser.add_argument(
        '--out', help='write the summary to OUT.json and OUT.md, and the scores, for tools/fuse_streams.py, to OUT.npz'
    )
    parser.add_argument('--cfg-options', nargs='+', help='as in tools/train.py')
    return parser.parse_args()


def of_streams(args: argparse.Namespace) -> list[argparse.Namespace]:
    """The options of one cross-validation for each stream, or of one without a stream, with folders of their own."""
    streams = args.streams or [None]
    if len(set(streams)) < len(streams):
        raise InputError(f'--streams: one is given twice, got {" ".join(streams)}')
    every = []
    for stream in streams:
        suffix = f'_{stream.replace(",", "+")}' if stream else ''
        own = suffix if len(streams) > 1 else ''
        work_dir = Path('work_dirs') / f'{Path(args.config).stem}{suffix}_cv'
        if args.work_dir:
            work_dir = args.work_dir.with_name(args.work_dir.name + own)
        out = f'{args.out}{own}' if args.out else None
        every.append(argparse.Namespace(**{**vars(args), 'stream': stream, 'work_dir': work_dir, 'out': out}))
    return every


def main() -> None:
    args = parse_args()
    if args.jobs < 1:
        raise InputError(f'--jobs must be at least 1, got {args.jobs}')
    if args.folds != ['all'] and not all(fold.isdecimal() and int(fold) for fold in args.folds):
        raise InputError(f"--folds: expected numbers from 1 on or 'all', got {' '.join(args.folds)}")
    every = of_streams(args)
    folds = all_folds(every[0]) if args.folds == ['all'] else [int(fold) for fold in args.folds]
    for options in every:  # all are looked at before the first is run
        config_of(options, folds[0], None)
    for options in every:
        cross_validate(options, folds)


def cross_validate(args: argparse.Namespace, folds: list[int]) -> None:
    """Run every fold and seed of a config and stream, print the summary and write it."""
    runs = [(fold, seed) for seed in args.seeds for fold in folds]
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task('runs', total=len(runs))
        for result in run_at_once(lambda of, environment: run(args, *of, environment), runs, args.jobs):
            results.append(result)
            progress.advance(task)
            progress.console.print(
                f'{run_name(result["fold"], result["seed"])}: last {result["last_top1"]:.2%}, '
                f'best {result["best_top1"]:.2%} (epoch {result["best_epoch"]}), {result["seconds"]} s'
            )
    summary = summarise(results)
    result = {
        'command': ' '.join(['python', 'tools/cross_validate.py', *sys.argv[1:]]),
        'config': args.config,
        'stream': args.stream,
        'commit': ', '.join(sorted({r['commit'] for r in results})),
        'summary': summary,
        'runs': results,
    }
    table = Table('', *COLUMNS, title=f'{title_of(result)}, top-1 in %')
    for row in rows_of(summary):
        table.add_row(*row)
    Console().print(table)
    if args.out:
        write_result(args.out, result, markdown(summary, result))
        keep_scores(args, results)


def keep_scores(args: argparse.Namespace, results: list[dict]) -> None:
    """Write the scores of all runs to ``OUT.npz``. Of runs whose work folder is gone it keeps those it has."""
    path = Path(f'{args.out}.npz')
    known = read_runs(path) if path.exists() else {}
    scores = {}
    for result in results:
        run = result['fold'], result['seed']
        file = args.work_dir / run_folder(*run) / 'test' / 'scores.npz'
        found = read_scores(file) if file.exists() else known.get(run)
        # those of a result that was replaced since would not fit
        if found and len(found.ids) == result['num_samples'] and np.isclose(found.top1, result['last_top1']):
            scores[run] = found
    if scores:
        write_runs(path, scores, results[0]['classes'])
    else:
        path.unlink(missing_ok=True)


if __name__ == '__main__':
    with report_errors():
        main()
