"""What OpenMMLab's tools read: our own models are listed, and every name leads somewhere."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
META = yaml.safe_load((ROOT / 'metafile.yml').read_text())


def test_every_leaf_of_ours_is_listed_once():
    listed = [model['Config'] for model in META['Models']]
    assert sorted(listed) == sorted(f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py'))
    assert all(Path(model['Config']).stem == model['Name'] for model in META['Models'])


def test_collections_are_used_and_their_code_exists():
    names = {collection['Name'] for collection in META['Collections']}
    assert {model['In Collection'] for model in META['Models']} == names
    assert all((ROOT / collection['Code']['URL']).is_file() for collection in META['Collections'])
    (index,) = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    assert (ROOT / index).is_file()
