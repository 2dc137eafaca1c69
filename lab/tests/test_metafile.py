"""What OpenMMLab's tools read: every config is listed, every name leads somewhere, results are those of the lab."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[2]
META = yaml.safe_load((ROOT / 'metafile.yml').read_text())
WITH_RESULTS = [model for model in META['Models'] if 'Results' in model]


def test_every_leaf_is_listed_once_and_exists():
    configs = ROOT / 'configs'
    leaves = [path for path in configs.rglob('*.py') if '_base_' not in path.relative_to(configs).parts]
    assert sorted(model['Config'] for model in META['Models']) == sorted(str(path.relative_to(ROOT)) for path in leaves)
    assert all(Path(model['Config']).stem == model['Name'] for model in META['Models'])


def test_collections_are_used_and_their_code_exists():
    names = [collection['Name'] for collection in META['Collections']]
    assert {model['In Collection'] for model in META['Models']} == set(names)
    code = [collection['Code']['URL'] for collection in META['Collections'] if 'Code' in collection]
    assert all((ROOT / path).is_file() for path in code)


def test_weights_and_their_cards_come_along():
    shipped = [model for model in META['Models'] if 'Weights' in model]
    weights = {str(path.relative_to(ROOT)) for path in (ROOT / 'asea_mm' / 'weights').glob('*.pth')}
    assert {model['Weights'] for model in shipped} == weights
    assert all((ROOT / model['README']).is_file() for model in shipped)


def test_the_index_imports_the_metafile():
    assert yaml.safe_load((ROOT / 'model-index.yml').read_text()) == {'Import': ['metafile.yml']}


@pytest.mark.parametrize('model', WITH_RESULTS, ids=lambda model: model['Name'])
def test_accuracies_are_those_of_the_results(model):
    entry = json.loads((ROOT / model['Metadata']['Results In']).read_text())[model['Metadata']['Entry']]
    assert Path(entry['settings']['config']).stem == model['Name']
    assert len({run['fold'] for run in entry['runs']}) == 5
    mean = 100 * np.mean([run['last_top1'] for run in entry['runs']])
    assert model['Results'][0]['Metrics'] == {'Top 1 Accuracy': pytest.approx(mean, abs=0.005)}
