"""The examples of docs/custom_data.md run as they stand: scripts, commands, configs, a training step."""

import argparse
import os
import re
import shlex
from pathlib import Path

import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from asea_mm.datasets.converters import CONVERTERS

ROOT = Path(__file__).parents[3]
DOC, _, EXAMPLES = (ROOT / 'docs' / 'custom_data.md').read_text().partition('# Examples')
BLOCKS = re.compile(r'```python\n(.*?)```', flags=re.DOTALL)
PREAMBLE = BLOCKS.findall(EXAMPLES)[0]
SECTIONS = dict(re.findall(r'\n## (.*)\n((?:(?!\n## )[\s\S])*)', EXAMPLES))


def parsed(command):
    parser = argparse.ArgumentParser()
    parser.add_argument('source', type=Path)
    for option, keywords in CONVERTERS['custom'].options.items():
        parser.add_argument(f'--{option.replace("_", "-")}', **keywords)
    return vars(parser.parse_args(shlex.split(command)[3:]))


def test_every_form_has_an_example():
    forms = re.findall(r'^\| \[.*?\]\(#(.*?)\)', DOC, flags=re.MULTILINE)
    anchors = [re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in SECTIONS]
    assert list(dict.fromkeys(forms)) == anchors
    assert len(forms) == 8


@pytest.mark.parametrize('title', SECTIONS)
def test_example(title, tmp_path, monkeypatch):
    script, *configs = BLOCKS.findall(SECTIONS[title])
    monkeypatch.chdir(tmp_path)
    exec(compile(PREAMBLE + script, title, 'exec'), {})
    commands = re.findall(r'`(asea prepare custom .*?)`', SECTIONS[title])
    assert commands
    for command in commands:
        options = parsed(command)
        conversion = CONVERTERS['custom'].convert(**options)
        assert len(conversion.save(CONVERTERS['custom'].out.format(name=options['source'].stem))) == 24

    for config in configs:
        assert len(config.splitlines()) <= 10
        (tmp_path / 'configs').mkdir()
        for name in ('asea_sbu.py', '_base_'):
            os.symlink(ROOT / 'configs' / name, tmp_path / 'configs' / name)
        Path('configs/mine.py').write_text(config)
        cfg = Config.fromfile('configs/mine.py')
        init_default_scope('mmaction')
        datasets = [DATASETS.build(loader.dataset) for loader in (cfg.train_dataloader, cfg.val_dataloader)]
        assert sum(map(len, datasets)) == 24
        assert f'{cfg.model.backbone.in_channels} for two' in conversion.notes[0]
        cfg.merge_from_dict(
            {'model.backbone.channels': [8], 'model.backbone.strides': None, 'model.cls_head.in_channels': 8}
        )
        model = MODELS.build(cfg.model)
        batch = model.data_preprocessor(pseudo_collate([datasets[0][0], datasets[0][1]]), training=True)
        loss, _ = model.parse_losses(model(**batch, mode='loss'))
        loss.backward()
        assert torch.isfinite(loss)
