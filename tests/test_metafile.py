"""What OpenMMLab's tools read: every config is listed, every name leads somewhere."""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
META = yaml.safe_load((ROOT / 'metafile.yml').read_text())


def test_every_leaf_is_listed_once_and_exists():
    listed = [model['Config'] for model in META['Models']]
    assert sorted(listed) == sorted(f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py'))
    assert all(Path(model['Config']).stem == model['Name'] for model in META['Models'])


def test_collections_are_used_and_their_code_exists():
    names = [collection['Name'] for collection in META['Collections']]
    assert {model['In Collection'] for model in META['Models']} == set(names)
    code = [collection['Code']['URL'] for collection in META['Collections'] if 'Code' in collection]
    assert all((ROOT / path).is_file() for path in code)


def test_the_index_imports_the_metafile():
    assert yaml.safe_load((ROOT / 'model-index.yml').read_text()) == {'Import': ['metafile.yml']}


def test_accuracy_of_asea_on_sbu_is_that_of_the_results():
    (model,) = (model for model in META['Models'] if model['Name'] == 'asea_sbu')
    ((name, listed),) = model['Results'][0]['Metrics'].items()
    assert name == 'Top 1 Accuracy, last epoch, mean of five folds'
    summary = json.loads((ROOT / 'results' / 'sbu_asea.json').read_text())['summary']
    assert listed == round(100 * summary['last_top1']['mean_of_folds']['mean'], 2)
