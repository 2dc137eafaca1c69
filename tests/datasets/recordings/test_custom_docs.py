"""The examples of docs/custom_data.md run as they stand: script, command, config, a training step."""

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

from tests.datasets.converters.test_prepare_data import tool  # noqa: F401  (a fixture)

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / 'docs' / 'custom_data.md').read_text().partition('# Examples')[2]
SECTIONS = dict(re.findall(r'\n## (.*)\n((?:(?!\n## )[\s\S])*)', TEXT))
BLOCKS = re.compile(r'```(?:python|bash)\n(.*?)```', flags=re.DOTALL)


def test_every_form_has_an_example():
    forms = re.findall(r'^\| \[.*?\]\(#(.*?)\)', (ROOT / 'docs' / 'custom_data.md').read_text(), flags=re.MULTILINE)
    anchors = [re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in SECTIONS]
    assert forms == anchors
    assert len(forms) == 8


@pytest.mark.parametrize('title', SECTIONS)
def test_example(tool, title, tmp_path, monkeypatch, capsys):  # noqa: F811
    script, command, config, train = BLOCKS.findall(SECTIONS[title])
    monkeypatch.chdir(tmp_path)
    exec(compile(script, title, 'exec'), {})

    _, path, *arguments = shlex.split(command.replace('\\\n', ' '))
    assert path == 'tools/prepare_data.py'
    assert tool.main(arguments) == 0
    printed = capsys.readouterr()
    assert 'wrote 24 samples to data/custom/' in printed.out

    assert len(config.splitlines()) <= 10
    (tmp_path / 'configs').mkdir()
    for name in ('asea_sbu.py', '_base_'):
        os.symlink(ROOT / 'configs' / name, tmp_path / 'configs' / name)
    (name,) = re.findall(r'`(configs/\w+\.py)`:', SECTIONS[title])
    Path(name).write_text(config)
    assert train.split()[:3] == ['python', 'tools/train.py', name]

    cfg = Config.fromfile(name)
    init_default_scope('mmaction')
    datasets = [DATASETS.build(loader.dataset) for loader in (cfg.train_dataloader, cfg.val_dataloader)]
    assert sum(map(len, datasets)) == 24
    assert len(datasets[0]) >= cfg.train_dataloader.batch_size
    assert f'num_classes={len(datasets[0].metainfo["classes"])}, ' in printed.out
    assert f'{cfg.model.backbone.in_channels} for two' in printed.out
    cfg.merge_from_dict(
        {'model.backbone.channels': [8], 'model.backbone.strides': None, 'model.cls_head.in_channels': 8}
    )
    model = MODELS.build(cfg.model)
    batch = model.data_preprocessor(pseudo_collate([datasets[0][0], datasets[0][1]]), training=True)
    loss, _ = model.parse_losses(model(**batch, mode='loss'))
    loss.backward()
    assert torch.isfinite(loss)
