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
    added = (DRN, f'{DRN}.drn', 'importlib_metadata')
    monkeypatch.setattr(sys, 'modules', {name: sys.modules[name] for name in sys.modules if name not in added})
    return sys.modules


@pytest.mark.parametrize('present', [False, True])
def test_missing_drn_gets_a_stand_in_that_refuses_to_be_built(modules, monkeypatch, tmp_path, present):
    (tmp_path / 'models' / 'localizers' / ('drn' if present else 'other')).mkdir(parents=True)
    installed = SimpleNamespace(origin=str(tmp_path / '__init__.py'))
    monkeypatch.setattr(importlib.util, 'find_spec', {'mmaction': installed}.get)
    compat.provide_localizer_drn()
    assert (DRN in modules) != present
    if not present:
        with pytest.raises(ImportError, match='DRN is missing .* install mmaction2 from source'):
            modules[DRN].drn.DRN(vocab_size=1, kwargs={})


@pytest.mark.parametrize('installed', [True, False])
def test_importlib_metadata_is_provided_only_when_missing(modules, monkeypatch, installed):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: SimpleNamespace() if installed else None)
    compat.provide_importlib_metadata()
    assert modules.get('importlib_metadata') is (None if installed else importlib.metadata)


def run(code, folder, **environment):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', **environment}
    return subprocess.run(
        [sys.executable, '-c', code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


PLAIN_CONFIG = """
custom_imports = dict(imports=['asea_mm'])
default_scope = 'mmaction'
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='ASEA', layout='nturgbd25', in_channels=3, channels=(8,), strides=(1,)),
    cls_head=dict(type='GCNHead', num_classes=12, in_channels=8),
)
pipeline = [dict(type='CentrePair'), dict(type='SampleClip', clip_len=8)]
pipeline += [dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs')]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='SyntheticInteractionDataset', num_samples=4, pipeline=pipeline),
)
val_dataloader = train_dataloader
val_evaluator = [dict(type='AccMetric'), dict(type='InteractionReport', out_dir='report')]
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
custom_hooks = [dict(type='ActiveJointsHook')]
work_dir = 'work'
"""
WAYS_IN = {
    'import': """
import sys, asea_mm.datasets
assert 'scipy.stats' not in sys.modules and 'asea_mm.models' not in sys.modules
from mmaction.registry import MODELS
assert MODELS.get('ASEA') is asea_mm.models.ASEA
import mmaction.apis
""",
    'custom_imports': """
from mmengine.config import Config
from mmengine.runner import Runner
Runner.from_cfg(Config.fromfile('plain.py')).train()
""",
    'scope': """
import asea_mm, mmaction.registry, mmengine.registry
for registry in (mmaction.registry.MODELS, mmengine.registry.MODELS):
    assert type(registry.build(dict(type='mmaction.ASEA', layout='sbu15'))) is asea_mm.models.ASEA
""",
    'registries used before': """
import contextlib
from mmaction.registry import HOOKS, MODELS, TRANSFORMS
with contextlib.suppress(ImportError):  # of what the wheel lacks
    MODELS.get('STGCN')
assert TRANSFORMS.get('FormatGCNInput') and HOOKS.get('IterTimerHook') and not TRANSFORMS.get('CentrePair')
import asea_mm
assert MODELS.get('ASEA') and MODELS.get('STGCN') and TRANSFORMS.get('CentrePair') and HOOKS.get('ActiveJointsHook')
""",
}


@pytest.mark.parametrize('way', WAYS_IN)
def test_ways_into_mmaction_in_a_fresh_process(way, tmp_path):
    (tmp_path / 'plain.py').write_text(PLAIN_CONFIG)
    done = run(WAYS_IN[way], tmp_path)
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
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    done = run(code, tmp_path, PYTHONPATH=path)
    assert done.stderr.rstrip().splitlines()[-1].startswith('ImportError: VindLU'), done.stderr


@pytest.mark.parametrize('missing', [None, 'transformers.modeling_utils', 'timm.models.layers'])
def test_video_text_models_stay_where_all_is_there_that_they_import(monkeypatch, missing):
    dependency = importlib.import_module('mmaction.utils.dependency')
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    for name, wanted in compat.VIDEO_TEXT_NEEDS.items():
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**dict.fromkeys(wanted[name == missing :])))
    compat.leave_out_video_text_models()
    assert dependency.WITH_MULTIMODAL is (missing is None)


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
    states = {'state_dict': model.state_dict(), 'optimizer': optimizer.state_dict(), 'message_hub': hub.state_dict()}
    return {'meta': {'epoch': 1, 'dataset_meta': {'classes': ('a', 'b')}}, **states}


def test_mmengine_checkpoints_load_safely(tmp_path):
    torch.save(mmengine_checkpoint(), tmp_path / 'epoch_1.pth')
    loaded = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    losses = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(losses, HistoryBuffer)
    assert losses.current() == 0.5
    assert loaded['message_hub']['runtime_info']['epoch'] == 3
    assert loaded['optimizer']['state'][0]['step'] == 1


NUMPY_VALUES = [np.float64(0.5), np.float32(0.5), np.int64(7), np.int32(7), np.bool_(True), np.ones((2, 3))]


@pytest.mark.parametrize('value', NUMPY_VALUES, ids=lambda value: f'{type(value).__name__}-{value.dtype}')
@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_logged_numpy_values_load_safely_from_any_numpy(tmp_path, value, core):
    torch.save({'value': value}, tmp_path / 'here.pth')
    named = re.compile(rb'numpy\._?core\.multiarray')
    with zipfile.ZipFile(tmp_path / 'here.pth') as here, zipfile.ZipFile(tmp_path / 'other.pth', 'w') as other:
        for name in here.namelist():
            other.writestr(name, named.sub(f'{core}.multiarray'.encode(), here.read(name)))
    loaded = torch.load(tmp_path / 'other.pth', weights_only=True)['value']
    assert np.array_equal(loaded, value)
    assert loaded.dtype == value.dtype


class Reaching:
    """Pickles as a call of ``getattr``, the way from an allowed class to anything."""

    def __init__(self, owner: object, name: str) -> None:
        self.call = getattr, (owner, name)

    def __reduce__(self) -> tuple:
        return self.call


INTRUDERS = {
    'function': print,
    'library': collections.UserDict(a=1),
    'init': Reaching(HistoryBuffer, '__init__'),
    'register': Reaching(HistoryBuffer, 'register_statistics'),
    'method': Reaching(np.ndarray, 'min'),
}


@pytest.mark.parametrize('intruder', INTRUDERS.values(), ids=INTRUDERS)
def test_other_objects_in_a_checkpoint_stay_refused(tmp_path, intruder):
    torch.save({**mmengine_checkpoint(), 'extra': intruder}, tmp_path / 'epoch_1.pth')
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
