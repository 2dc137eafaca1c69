"""Wrong input: one message that names the sample and what was expected."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from asea_mm.apis import InteractionInferencer
from asea_mm.datasets import save_annotations
from asea_mm.engine.checkpoints import parse_config
from asea_mm.errors import InputError

TAILS = dict(name='tails', joints=[f'tail{k}' for k in range(25)], bones=[[f'tail{k}', 'tail0'] for k in range(1, 25)])
GOOD = np.ones((2, 10, 25, 3), np.float32)


def changed(value, *place):
    keypoint = GOOD.copy()
    keypoint[place] = value
    return keypoint


WRONG_INPUTS = {
    'joints': (np.ones((2, 10, 15, 3)), "input: expected 25 joints of layout 'nturgbd25'"),
    'shape': (np.ones((2, 10, 25, 4)), r'expected an array .*got shape \(2, 10, 25, 4\)'),
    'nan': (changed(np.nan, 1, 4, 7), "input: frame 4, person 1, joint 'left_hand': expected all joints"),
    'absurd': (changed(1e30, 0, 0, 0), "input: frame 0, person 0, joint 'spine_base': expected finite"),
    'nobody': (np.zeros((2, 10, 25, 3)), 'at least one person'),
    'text': (np.array(['a', 'b']), 'expected keypoint to be an array of numbers'),
    'ragged': ([[[1, 2], [3]]], 'expected .*array'),
    'nothing': (None, 'expected keypoint to be an array of numbers, got NoneType'),
    'second of a list': ([GOOD, changed(np.nan, 0, 1, 2)], 'input 1: frame 1, person 0'),
    'no keypoint': (dict(frame_dir='clip7', label=0), "clip7: expected an annotation with 'keypoint'"),
    'joints of an annotation': (dict(keypoint=GOOD[:, :, :15]), 'input: expected 25 joints'),
    'nan of an annotation': (dict(keypoint=changed(np.nan, 1, 4, 7)), 'person 1, frame 4, joint 7'),
    'score': (dict(keypoint=GOOD, keypoint_score=np.ones((2, 10))), 'expected keypoint_score of shape'),
    'scores the model does not know': (
        dict(frame_dir='clip7', keypoint=GOOD, keypoint_score=np.ones((2, 10, 25))),
        'clip7: expected keypoints that give 6 channels.*got 7 from 3 coordinates and their scores',
    ),
}


@pytest.mark.parametrize(('inputs', 'message'), WRONG_INPUTS.values(), ids=WRONG_INPUTS)
def test_wrong_inputs(inferencer, inputs, message):
    with pytest.raises(InputError, match=message):
        inferencer(inputs)


WRONG_ARGUMENTS = {
    'overlap alone': (dict(overlap=3), 'overlap: expected frames .* window of None'),
    'overlap': (dict(window=8, overlap=8), 'overlap: expected frames from 0 to below the window of 8, got 8'),
    'merge': (dict(merge='median'), "merge: expected 'mean' or 'max'"),
    'topk': (dict(topk=1.5), 'topk'),
    'pairs': (dict(pairs='some'), "pairs: expected None, 'all' or pairs"),
    'same person': (dict(pairs=[(1, 1)]), 'different persons'),
    'no group': (dict(pairs=(0, 1)), r'pairs: expected up to 2 .*such as \[\(0, 1\)\], got 0'),
    'unit': (dict(units='inch'), "units: expected one of .*'metre'.*got 'inch'"),
    'axis': (dict(up='x'), "up: expected one of .*got 'x'"),
    'split of an array': (dict(split='val'), "input: split: expected for annotation files only, got 'val'"),
    'scores': (dict(keypoint_score=np.ones((2, 3))), 'keypoint_score'),
    'scores of a list': (dict(inputs=[GOOD], keypoint_score=GOOD[..., 0]), 'keypoint_score: expected one array'),
}


@pytest.mark.parametrize(('options', 'message'), WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS)
def test_wrong_arguments(inferencer, options, message):
    with pytest.raises(InputError, match=message):
        inferencer(**{'inputs': GOOD, **options})


def test_scores_that_are_not_finite_are_an_error(checkpoint):
    inferencer = InteractionInferencer(checkpoint)
    inferencer.model.cls_head.fc.bias.data.fill_(np.nan)
    with pytest.raises(InputError, match='input: the scores are not finite.*values up to 1'):
        inferencer(GOOD)


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('nothing.npy', {}, 'nothing.npy: no such file'),
        ('movie.mp4', {}, 'movie.mp4: expected an array.*.skeleton'),
        ('nan.npy', {}, "nan.npy: frame 4, person 1, joint 'left_hand'"),
        ('other.pkl', {}, "layout 'tails' has no joints that give .*'left_wrist'.* of layout 'nturgbd25'"),
        ('same.pkl', {'split': 'test'}, "same.pkl: no split 'test'"),
        ('same.pkl', {'up': 'z'}, "same.pkl: up: expected for recordings only, got 'z'"),
        ('good.npy', {'fold': 1}, 'good.npy: fold: expected for annotation files only, got 1'),
    ],
)
def test_wrong_files(inferencer, tmp_path, name, options, message):
    (tmp_path / 'movie.mp4').write_bytes(b'')
    np.save(tmp_path / 'nan.npy', changed(np.nan, 1, 4, 7))
    np.save(tmp_path / 'good.npy', GOOD)
    sample = dict(frame_dir='a', label=0, total_frames=10, keypoint=GOOD)
    for file, layout in (('other', TAILS), ('same', 'nturgbd25')):
        meta = dict(layout=layout, classes=['x'], source='x', units='m')
        save_annotations(tmp_path / f'{file}.pkl', [sample], dict(val=['a']), meta)
    with pytest.raises((InputError, FileNotFoundError), match=message):
        inferencer(tmp_path / name, **options)


@pytest.mark.parametrize('device', ['foo', 'cuda:99'])
def test_a_device_that_is_not_there(checkpoint, device):
    with pytest.raises(InputError, match=f"device: expected one that is there, such as 'cpu', got '{device}'"):
        InteractionInferencer(checkpoint, device=device)


BAD_IMPORT = dict(imports=['asea_mm', 'no_such_module'])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'custom_imports': BAD_IMPORT}, "asks for the module 'no_such_module'; .* --allow-import no_such_module"),
        ({'custom_imports': {**BAD_IMPORT, 'allow_failed_imports': True}}, None),
        ({'custom_imports': dict(imports='asea_mm')}, None),
        ({'model.cls_head.average_clips': None}, 'the head must average clips by .*got average_clips=None'),
    ],
)
def test_configs_of_checkpoints(checkpoint, config, tmp_path, changes, message):
    content = torch.load(checkpoint, weights_only=True)
    changed = config.copy()
    changed.pop('custom_imports', None)
    changed.merge_from_dict(changes)
    content['meta']['cfg'] = changed.pretty_text
    torch.save(content, tmp_path / 'other.pth')
    if message is None:
        assert InteractionInferencer(tmp_path / 'other.pth').num_person == 2
    else:
        with pytest.raises(InputError, match=message):
            InteractionInferencer(tmp_path / 'other.pth')


def test_config_and_weights(checkpoint, config, tmp_path, samples):
    path = tmp_path / 'tiny.py'
    config.dump(path)
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content['state_dict'], tmp_path / 'bare.pth')
    expected = InteractionInferencer(checkpoint)(samples[0])
    for model, weights in ((path, checkpoint), (config, tmp_path / 'bare.pth')):
        inferencer = InteractionInferencer(model, weights)
        assert inferencer(samples[0]).scores == expected.scores
    assert inferencer.classes == [str(number) for number in range(12)], 'nothing names them'
    for arguments, message in (
        ((path,), 'weights: expected a checkpoint'),
        ((checkpoint, checkpoint), 'model: expected a config'),
        ((tmp_path / 'bare.pth',), 'carries no config'),
    ):
        with pytest.raises(InputError, match=message):
            InteractionInferencer(*arguments)
    with pytest.raises(FileNotFoundError, match='none.py does not exist'):
        InteractionInferencer(tmp_path / 'none.py', checkpoint)
    with pytest.raises(FileNotFoundError, match='none.pth does not exist'):
        InteractionInferencer(tmp_path / 'none.pth')
    other = config.copy()
    other.merge_from_dict({'model.cls_head.num_classes': 3})
    with pytest.raises(InputError, match='does not fit the model of its config'):
        InteractionInferencer(other, checkpoint)
    with pytest.raises(InputError, match="'tails' has no joints that give"):
        InteractionInferencer(checkpoint, layout=TAILS)


REFUSED = {
    'import': 'import os\nmodel = dict()',
    'call': "model = __import__('os').system('touch pwned')",
    'expression': 'model = [x for x in (1, 2)]',
    'part': "model = dict(type='os.system', command='touch pwned')",
    'attribute of a scope': "model = dict(type='mmengine.load', file='payload.pkl')",
    'function without a scope': "model = dict(type='print')",
    'nested attribute of a scope': "model = dict(type='InteractionRecognizer', backbone=dict(type='mmengine.load'))",
    'step': "model = dict(type='InteractionRecognizer')\n"
    "test_dataloader = dict(dataset=dict(pipeline=[dict(type='mmengine.load', file='payload.pkl')]))",
    'syntax': 'model = (',
}


class Payload:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return os.system, ('touch pwned',)


@pytest.mark.parametrize('text', REFUSED.values(), ids=REFUSED)
def test_configs_in_checkpoints_run_no_code(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=dict(weight=torch.ones(1)), meta=dict(cfg=text)), 'bad.pth')
    Path('payload.pkl').write_bytes(pickle.dumps(Payload()))
    with pytest.raises(InputError, match='checkpoint bad.pth: refused, its config'):
        InteractionInferencer('bad.pth')
    assert not (tmp_path / 'pwned').exists()


def test_configs_in_checkpoints_are_what_was_written(config):
    assert parse_config(config.pretty_text, 'x').to_dict() == config.to_dict()
    odd = Config(dict(model=dict(a=[1, (2, -3.5)], b={1: None, 'two words': float('inf')}, c='quo\'te "s" \n')))
    assert parse_config(odd.pretty_text, 'x').to_dict() == odd.to_dict()
