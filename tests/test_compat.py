"""The host's gaps are closed where they are, and only there."""

import collections
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from asea_mm import compat

DRN = 'mmaction.models.localizers.drn'


@pytest.fixture
def modules(monkeypatch):
    """``sys.modules`` without what compat may have put there; whatever a test puts there goes with it."""
    found = dict(sys.modules)
    for name in (DRN, f'{DRN}.drn', 'importlib_metadata'):
        found.pop(name, None)
    monkeypatch.setattr(sys, 'modules', found)
    return found


@pytest.fixture
def find_spec(monkeypatch):
    """Lets a test say what ``importlib.util.find_spec`` finds."""

    def pretend(**specs):
        monkeypatch.setattr(importlib.util, 'find_spec', lambda name: specs.get(name))

    return pretend


@pytest.fixture
def mmaction(tmp_path, find_spec):
    """An installed mmaction2 without its localizer ``drn``."""
    package = tmp_path / 'mmaction'
    (package / 'models' / 'localizers').mkdir(parents=True)
    find_spec(mmaction=SimpleNamespace(origin=str(package / '__init__.py')))
    return package


def test_missing_drn_gets_a_stand_in_that_refuses_to_be_built(modules, mmaction):
    compat.provide_localizer_drn()
    assert modules[DRN].drn is modules[f'{DRN}.drn']
    with pytest.raises(ImportError, match='DRN is missing .* install mmaction2 from source'):
        modules[f'{DRN}.drn'].DRN(vocab_size=1, kwargs={})


def test_drn_that_is_there_is_left_alone(modules, mmaction):
    (mmaction / 'models' / 'localizers' / 'drn').mkdir()
    compat.provide_localizer_drn()
    assert DRN not in modules


def test_drn_that_was_imported_is_left_alone(modules, mmaction):
    modules[DRN] = imported = SimpleNamespace()
    compat.provide_localizer_drn()
    assert modules[DRN] is imported


@pytest.mark.parametrize('spec', [None, SimpleNamespace(origin=None)])
def test_without_mmaction_nothing_is_done(modules, find_spec, spec):
    find_spec(mmaction=spec)
    compat.provide_localizer_drn()
    assert DRN not in modules


@pytest.mark.parametrize('installed', [True, False])
def test_importlib_metadata_is_provided_only_when_missing(modules, find_spec, installed):
    find_spec(importlib_metadata=SimpleNamespace() if installed else None)
    compat.provide_importlib_metadata()
    assert modules.get('importlib_metadata') is (None if installed else importlib.metadata)


def test_closing_the_gaps_twice_changes_nothing():
    stand_in = sys.modules.get(DRN)
    compat.apply()
    assert sys.modules.get(DRN) is stand_in


@pytest.mark.parametrize('code', ['import asea_mm, mmaction.models', 'import mmaction, asea_mm; import mmaction.apis'])
def test_mmaction_imports_in_a_fresh_process(code, tmp_path):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_mmaction_imports_beside_a_transformers_that_it_cannot_use(tmp_path):
    """mmaction2's video-text models import what transformers 5 has dropped."""
    for name, text in {
        'transformers/__init__.py': '',
        'transformers/file_utils.py': 'ModelOutput = add_start_docstrings = replace_return_docstrings = None',
        'transformers/modeling_utils.py': 'PreTrainedModel = None',
        'transformers-5.0.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: transformers\nVersion: 5.0.0\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    code = """
import asea_mm, mmaction.models, mmaction.utils.dependency, transformers
from mmaction.registry import MODELS
assert not mmaction.utils.dependency.WITH_MULTIMODAL
MODELS.get('VindLUVQA')()
"""
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(tmp_path)}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().splitlines()[-1].startswith('ImportError: VindLU'), done.stderr
    assert 'requires extra multi-modal dependencies' in done.stderr


@pytest.mark.parametrize('missing', [None, 'transformers.modeling_utils', 'timm.models.layers'])
def test_video_text_models_stay_where_all_is_there_that_they_import(monkeypatch, missing):
    dependency = importlib.import_module('mmaction.utils.dependency')
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    for name, wanted in compat.VIDEO_TEXT_NEEDS.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**dict.fromkeys(wanted[name == missing :])))
    compat.leave_out_video_text_models()
    assert dependency.WITH_MULTIMODAL is (missing is None)


class Other:
    """Something that no checkpoint of mmengine holds."""


def mmengine_checkpoint() -> dict:
    """What mmengine's CheckpointHook saves."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    hub = MessageHub('test_compat')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/lr', np.float32(0.1))
    hub.update_info('epoch', np.int64(3))
    return {
        'meta': {'epoch': 1, 'iter': 3, 'seed': 0, 'cfg': 'text', 'dataset_meta': {'classes': ('a', 'b')}},
        'state_dict': model.state_dict(),
        'message_hub': hub.state_dict(),
        'optimizer': optimizer.state_dict(),
        'param_schedulers': [{'base_values': [0.1], 'last_step': 3}],
    }


def test_mmengine_checkpoints_load_safely(tmp_path):
    torch.save(mmengine_checkpoint(), tmp_path / 'epoch_1.pth')
    loaded = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    losses = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(losses, HistoryBuffer)
    assert losses.current() == 0.5
    assert loaded['message_hub']['runtime_info']['epoch'] == 3
    assert loaded['optimizer']['state'][0]['step'] == 1


NUMPY_VALUES = [
    *(np.float64(0.5), np.float32(0.5), np.int64(7), np.int32(7), np.bool_(True)),
    *(np.arange(3), np.ones((2, 3), dtype=np.float32), np.array([True, False])),
]


@pytest.mark.parametrize('value', NUMPY_VALUES, ids=lambda value: f'{type(value).__name__}-{value.dtype}')
def test_logged_numpy_values_load_safely(tmp_path, value):
    torch.save({'value': value}, tmp_path / 'value.pth')
    loaded = torch.load(tmp_path / 'value.pth', weights_only=True)['value']
    assert np.array_equal(loaded, value)
    assert loaded.dtype == value.dtype


@pytest.mark.parametrize('value', [np.float64(0.5), np.arange(3)], ids=['scalar', 'array'])
@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_checkpoints_of_another_numpy_load_safely(tmp_path, value, core):
    torch.save({'value': value}, tmp_path / 'here.pth')
    named = re.compile(rb'numpy\._?core\.multiarray')
    with zipfile.ZipFile(tmp_path / 'here.pth') as here, zipfile.ZipFile(tmp_path / 'other.pth', 'w') as other:
        assert sum(len(named.findall(here.read(name))) for name in here.namelist()) == 1
        for name in here.namelist():
            other.writestr(name, named.sub(f'{core}.multiarray'.encode(), here.read(name)))
    assert np.array_equal(torch.load(tmp_path / 'other.pth', weights_only=True)['value'], value)


@pytest.mark.parametrize('intruder', [Other(), print, collections.UserDict(a=1)], ids=['class', 'function', 'library'])
def test_other_objects_in_a_checkpoint_stay_refused(tmp_path, intruder):
    torch.save({**mmengine_checkpoint(), 'extra': intruder}, tmp_path / 'epoch_1.pth')
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(tmp_path / 'epoch_1.pth', weights_only=True)


class Reaching:
    """Pickles as a call of ``getattr``, the way from an allowed class to anything."""

    def __init__(self, owner: object, name: str) -> None:
        self.call = getattr, (owner, name)

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize(
    'call', [(HistoryBuffer, '__init__'), (HistoryBuffer, 'register_statistics'), (np.ndarray, 'min')]
)
def test_getattr_reaches_only_the_statistics_of_the_log(tmp_path, call):
    torch.save({**mmengine_checkpoint(), 'extra': Reaching(*call)}, tmp_path / 'epoch_1.pth')
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
