"""How often the joints of each body part are active, by class: a table, JSON, Markdown and a heat map.

python tools/body_parts.py configs/asea_demo.py "$(cat work_dirs/asea_demo/last_checkpoint)"
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asea_mm.engine import load_config, parse_options, report_errors
from asea_mm.engine.running import working_tree_commit
from asea_mm.visualization import save_figure
from asea_mm.visualization.loading import load_model, load_test_data

from .pictures.body_parts import MEASURES, BodyPartTable, count_body_parts, draw_body_parts, percent

EXPLAINED = {
    'joints': 'mean over the joints of a part',
    'any': 'any joint of a part',
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='How often the joints of each body part are active')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--measure', choices=MEASURES, default='joints', help='of a part (default: %(default)s)')
    parser.add_argument('--out', type=Path, help='folder for the files (default: the work dir)')
    parser.add_argument('--format', choices=['png', 'svg', 'pdf'], default='png', help='default: %(default)s')
    parser.add_argument('--dpi', type=int, default=100, help='pixels of an inch of a PNG (default: %(default)s)')
    parser.add_argument('--batch-size', type=int, default=16, help='samples at once (default: %(default)s)')
    args = parse_options(parser)
    if args.batch_size < 1 or args.dpi < 1:
        parser.error('--batch-size and --dpi must be at least 1')
    return args


def print_table(table: BodyPartTable, measure: str) -> None:
    shown = Table(title=f'share of (person, frame, stage) in which joints are active, %: {EXPLAINED[measure]}')
    shown.add_column('class')
    shown.add_column('samples', justify='right')
    for part in table.skeleton.parts:
        shown.add_column(part.replace('_', ' '), justify='right')
    for name, samples, row in zip(table.classes, table.samples, table.part_shares(measure), strict=True):
        shown.add_row(name, str(samples), *map(percent, row))
    Console().print(shown)


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    out = args.out or Path(cfg.work_dir)
    model, dataset = load_model(cfg, args.checkpoint), load_test_data(cfg)
    with Console(stderr=True).status(f'{len(dataset)} samples'):
        table = count_body_parts(model, dataset, batch_size=args.batch_size)
    print_table(table, args.measure)
    out.mkdir(parents=True, exist_ok=True)
    source = dict(config=args.config, checkpoint=args.checkpoint, split=args.split, fold=args.fold)
    content = dict(commit=working_tree_commit(), **source, **table.as_dict())
    (out / 'body_parts.json').write_text(json.dumps(content, indent=1) + '\n')
    (out / 'body_parts.md').write_text(table.as_markdown(args.measure))
    save_figure(draw_body_parts(table, args.measure), out / f'body_parts.{args.format}', args.dpi)
    for name in ('json', 'md', args.format):
        print(out / f'body_parts.{name}')


if __name__ == '__main__':
    with report_errors():
        main()
