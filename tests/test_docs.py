"""What README and docs promise: links lead somewhere, Python examples run, and the table of transforms is whole."""

import inspect
import os
import re
from pathlib import Path

import pytest
from mmaction.registry import DATASETS, MODELS, TRANSFORMS
from mmengine.config import Config

from asea_mm.datasets import transforms

ROOT = Path(__file__).parents[1]
PAGES = [page for page in (*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')) if page.name != 'CHANGELOG.md']
PAGES.sort()
every_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
NEEDS_A_MODEL = ('model.pth', '.onnx', '.pt2', 'probe(')


def examples(page: Path) -> list[str]:
    return re.findall(r'^```python\n(.*?)^```', page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link can lead to in a page, as GitHub names its headings."""
    titles = re.findall(r'^#+ (.*)$', re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', title.lower()).strip().replace(' ', '-') for title in titles}


@every_page
def test_links_lead_somewhere(page):
    for link in re.findall(r'\]\(([^)\s]+)\)', page.read_text()):
        if re.match(r'[a-z]+:', link):
            continue  # the network
        name, _, anchor = link.partition('#')
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_python_examples_run(page, tmp_path, monkeypatch):
    """Those that make files are run, one after another, in an empty folder; configs are read, models of them built."""
    codes = examples(page)
    if not codes:
        pytest.skip('no Python on this page')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    for path in (ROOT / 'configs').iterdir():
        os.symlink(path, tmp_path / 'configs' / path.name)
    names: dict = {}  # examples of a page go on with what was made before
    for number, code in enumerate(codes):
        if '...' in code:
            continue
        compile(code, page.name, 'exec')
        if any(word in code for word in NEEDS_A_MODEL):
            continue
        if not re.search(r'^(_base_|model|custom_hooks) = ', code, flags=re.MULTILINE):
            exec(code, names)
            continue
        config = tmp_path / 'configs' / f'{page.stem}_{number}.py'
        config.write_text(code)
        cfg = Config.fromfile(config)
        if 'model' in cfg:
            MODELS.build(cfg.model)
        ann_file = Path(cfg.get('train_dataloader', {}).get('dataset', {}).get('ann_file', 'none'))
        if ann_file.exists():
            dataset = DATASETS.build(cfg.train_dataloader.dataset)
            assert len(dataset.metainfo['classes']) == cfg.model.cls_head.num_classes
            assert dataset[0]['inputs'].ndim == 5


def test_the_table_of_transforms_names_all_with_their_arguments():
    rows = dict(re.findall(r'^\| `(\w+)` (\|.*)$', (ROOT / 'docs' / 'transforms.md').read_text(), flags=re.MULTILINE))
    names = {name for name in transforms.__all__ if name in TRANSFORMS.module_dict}
    assert set(rows) == names
    for name in names:
        arguments = inspect.signature(getattr(transforms, name)).parameters
        assert not [argument for argument in arguments if f'`{argument}' not in rows[name]], name
