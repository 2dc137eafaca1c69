"""Train a model that ships with the package, measure what it is worth, and write its card.

  asea prepare sbu path/to/sbu && asea prepare k3hi path/to/k3hi
  python -m lab.shipped_weights pair3d --seeds 0 1 2
  python -m lab.shipped_weights pair2d --seeds 0 1 2 --steps weights card

Steps, in this order; what is finished is not repeated, and what was interrupted goes on:

  weights   trains configs/NAME.py on four folds of SBU and K3HI, with the first seed; the fold left out gives the
            temperature of its scores. Writes asea_mm/weights/NAME.pth.
  transfer  the same recipe, with every seed, trained on one of the sets alone and tested on the other, in the classes
            that both have: what a model is worth where nobody trained it.
  events    of the models of the first seed of "transfer", with the temperature of the shipped one: F1 of events and the
            AUROC of "no interaction", on clips of the set that they have not seen (lab/events.py).
  card      writes asea_mm/weights/NAME.json and, from it, NAME.md.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from asea_mm.datasets import load_annotations
from asea_mm.datasets.files.whole import write_whole, written_whole
from asea_mm.engine.calibrating import calibrate_checkpoint
from asea_mm.engine.checkpoints import SHIPPED, read_checkpoint
from asea_mm.engine.configs import read_config
from asea_mm.engine.cross_validation import CrossValidation
from asea_mm.engine.resuming import latest_checkpoint
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_scores, run_folder

from .commands import lab_parser, run_main
from .files import read_json
from .leave_one_out import DIRECTIONS, Recipe, measure_direction, summarise_direction, transfer_plan, whole_plan
from .model_card import card
from .training import run_plans

STEPS = ('weights', 'transfer', 'events', 'card')
FOLD = 1  # left out of the training of the shipped model


def main() -> None:
    """Run the steps."""
    parser = lab_parser(__doc__, jobs=True, seeds=(0, 1, 2), work_dir=Path('work_dirs/shipped'))
    parser.add_argument('model', choices=['pair3d', 'pair2d'])
    parser.add_argument('--sbu', default='data/sbu/sbu.pkl', help='annotation file; default: %(default)s')
    parser.add_argument('--k3hi', default='data/k3hi/k3hi.pkl', help='annotation file; default: %(default)s')
    parser.add_argument('--epochs', type=int, help="default: the config's; fewer make a stand-in, which the card says")
    parser.add_argument('--recordings', type=int, default=100, help='of simulated events; default: %(default)s')
    parser.add_argument('--steps', nargs='+', choices=STEPS, default=STEPS, help='default: all')
    parser.add_argument('--weights', type=Path, default=SHIPPED, help='folder to write; default: %(default)s')
    args = parser.parse_args()
    files = {'sbu': args.sbu, 'k3hi': args.k3hi}
    recipe = Recipe(args.model, files, args.epochs, args.work_dir / args.model)
    path = args.weights / f'{args.model}.pth'
    if 'weights' in args.steps:
        train_shipped(recipe, args.seeds[0], args.jobs, path)
    if 'transfer' in args.steps:
        for name in DIRECTIONS:
            plan = transfer_plan(recipe, name, args.seeds)
            runs = run_plans([plan], recipe.work_dir / 'jobs', args.jobs)
            put_step(recipe, 'transfer', name, summarise_direction(recipe, name, plan, runs))
    if 'events' in args.steps:
        for name in DIRECTIONS:
            measure_events_of(recipe, name, args.seeds[0], args.recordings)
    if 'card' in args.steps:
        words = [] if args.recordings == parser.get_default('recordings') else ['--recordings', str(args.recordings)]
        write_card(recipe, args.seeds, path, words)


def train_shipped(recipe: Recipe, seed: int, jobs: int, path: Path) -> None:
    """Train the model that ships, and write it with its temperature and without what only training needs."""
    plan = whole_plan(recipe, FOLD, seed)
    (run,) = run_plans([plan], recipe.work_dir / 'jobs', jobs)
    scores = read_scores(folder_of(plan, FOLD, seed) / 'test' / 'scores.npz')
    checkpoint = checkpoint_of(plan, FOLD, seed)
    slim = recipe.work_dir / 'slim.pth'
    write_slim(recipe, checkpoint, slim)
    calibration = calibrate_checkpoint(str(slim), scores.scores, scores.labels, path)
    report = read_json(folder_of(plan, FOLD, seed) / 'test' / 'report.json')
    kept = ('num_samples', 'top1', 'mean_class', 'per_class', 'cross_entropy')
    held_out = {key: report[key] for key in kept}
    facts = {'fold': FOLD, 'seed': seed, 'commit': run['commit'], 'seconds': run['seconds'], 'epochs': run['epochs']}
    put_step(recipe, 'weights', 'held_out', {**facts, **held_out, 'calibration': calibration})
    print(f'wrote {path}, {path.stat().st_size / 1e6:.1f} MB')


def measure_events_of(recipe: Recipe, name: str, seed: int, recordings: int) -> None:
    """Events and "no interaction" by a model that has not seen the clips; not repeated for as many recordings."""
    before = read_step(recipe, 'events').get(name, {})
    if before.get('recordings') == recordings and before.get('seed') == seed:
        print(f'events, {name}: measured before')
        return
    temperature = read_step(recipe, 'weights').get('held_out', {}).get('calibration', {}).get('temperature')
    if temperature is None:
        raise InputError(f'events, {name}: expected the step "weights" before, whose temperature the models take')
    plan = transfer_plan(recipe, name, [seed])
    if not (folder_of(plan, 0, seed) / 'result.json').exists():
        raise InputError(f'events, {name}: expected the step "transfer" before, with seed {seed}')
    model = recipe.work_dir / f'{name}.pth'
    write_slim(recipe, checkpoint_of(plan, 0, seed), model, {'temperature': temperature})
    figures = measure_direction(recipe, name, model, recordings, folder_of(plan, 0, seed), temperature)
    put_step(recipe, 'events', name, {'seed': seed, **figures})


def write_slim(recipe: Recipe, checkpoint: Path, path: Path, calibration: dict[str, Any] | None = None) -> None:
    """A checkpoint without the state of its training; its config names files as the package does."""
    content = read_checkpoint(checkpoint)
    cfg = read_config(recipe.model)
    if recipe.epochs:
        cfg.train_cfg.max_epochs = recipe.epochs
    about = {key: content['meta']['dataset_meta'][key] for key in ('classes', 'units')}
    meta: dict[str, Any] = {
        'cfg': cfg.pretty_text,
        'dataset_meta': {**about, 'layout': 'common13'},  # which all reach; the samples had sbu15
        'trained_on': content['meta']['trained_on'],
    }
    if calibration is not None:
        meta['calibration'] = calibration
    weights = {name: weight.clone() for name, weight in content['state_dict'].items()}
    with written_whole(path) as part:
        torch.save({'state_dict': weights, 'meta': meta}, part)


def write_card(recipe: Recipe, seeds: list[int], path: Path, words: list[str]) -> None:
    """Write what is known of the shipped file as JSON, and the card from it."""
    if not path.is_file():
        raise InputError(f'{path}: expected the step "weights" before the card')
    cfg = read_config(recipe.model)
    content = path.read_bytes()
    epochs = recipe.epochs or cfg.train_cfg.max_epochs
    facts = {
        'name': recipe.model,
        'command': ' '.join([command_of(recipe, seeds), *words]),
        'commit': working_tree_commit(),
        'bytes': len(content),
        'sha256': hashlib.sha256(content).hexdigest(),
        'parameters': sum(weight.numel() for weight in read_checkpoint(path)['state_dict'].values()),
        'classes': list(read_checkpoint(path)['meta']['dataset_meta']['classes']),
        'epochs': epochs,
        'epochs_of_recipe': cfg.train_cfg.max_epochs,
        'seeds': list(seeds),
        'clips': {name: len(load_annotations(file, lazy=True)['annotations']) for name, file in recipe.files.items()},
        **{step: read_step(recipe, step) for step in STEPS[:-1]},
    }
    write_whole(path.with_suffix('.json'), json.dumps(facts, indent=1, ensure_ascii=False) + '\n')
    write_whole(path.with_suffix('.md'), card(facts))
    print(f'wrote {path.with_suffix(".json")} and {path.with_suffix(".md")}')


def command_of(recipe: Recipe, seeds: list[int]) -> str:
    """What makes all of it, wherever the data lies; steps may have been called one by one."""
    words = ['python -m lab.shipped_weights', recipe.model, '--seeds', *map(str, seeds)]
    return ' '.join([*words, *(['--epochs', str(recipe.epochs)] if recipe.epochs else [])])


def put_step(recipe: Recipe, step: str, name: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a part of a step."""
    entries = {**read_step(recipe, step), name: figures}
    write_whole(recipe.work_dir / f'{step}.json', json.dumps(entries, indent=1) + '\n')


def read_step(recipe: Recipe, step: str) -> dict[str, Any]:
    """The figures of a step; nothing where it was not run."""
    path = recipe.work_dir / f'{step}.json'
    return read_json(path) if path.exists() else {}


def folder_of(plan: CrossValidation, fold: int, seed: int) -> Path:
    return plan.work_dir / run_folder(fold, seed)


def checkpoint_of(plan: CrossValidation, fold: int, seed: int) -> Path:
    """The last checkpoint of a finished run."""
    checkpoint = latest_checkpoint(folder_of(plan, fold, seed))
    if checkpoint is None:
        raise InputError(f'{folder_of(plan, fold, seed)}: expected the checkpoint of a training, there is none')
    return checkpoint


if __name__ == '__main__':
    run_main(main)
