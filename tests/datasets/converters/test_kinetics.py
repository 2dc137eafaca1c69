"""Kinetics-10 from ST-GCN's files, written by hand in their exact format: what comes out, and every wrong input."""

import json
import re

import numpy as np
import pytest

from asea_mm.datasets.converters import convert_kinetics10
from asea_mm.datasets.converters.kinetics.convert import CLASSES, K400_CLASSES
from asea_mm.errors import InputError

BODY = np.random.default_rng(0).uniform(-0.1, 0.1, (18, 2))


def person(x: float, score: float = 0.5, missing: tuple = (), y: float = 0.5) -> dict:
    """A body at (x, y), as ST-GCN writes it; a missing joint is all zero."""
    pose, scores = (BODY + [x, y]).round(3), np.full(18, score)
    pose[list(missing)], scores[list(missing)] = 0, 0
    return {'pose': pose.ravel().tolist(), 'score': scores.tolist()}


def stgcn_recording(*frames: list, label: int = 158) -> dict:
    data = [{'frame_index': number, 'skeleton': list(persons)} for number, persons in enumerate(frames, 1)]
    return {'data': data, 'label': K400_CLASSES.get(label, 'abseiling'), 'label_index': label}


def write_tree(root, recordings: dict, part: str = 'train'):
    """kinetics_train with a label file and its recordings, and the same of val, empty unless written before."""
    for name in ('train', 'val'):
        (root / f'kinetics_{name}').mkdir(parents=True, exist_ok=True)
        if not (root / f'kinetics_{name}_label.json').exists():
            (root / f'kinetics_{name}_label.json').write_text('{}')
    labels = {}
    for name, content in recordings.items():
        labels[name] = {'has_skeleton': True, 'label': content['label'], 'label_index': content['label_index']}
        (root / f'kinetics_{part}' / f'{name}.json').write_text(json.dumps(content))
    (root / f'kinetics_{part}_label.json').write_text(json.dumps(labels))
    return root


def converted(root) -> dict[str, dict]:
    """The samples by their ids."""
    return {sample['frame_dir']: sample for sample in convert_kinetics10(root).annotations}


def centres(content: dict, tmp_path) -> np.ndarray:
    """Where the two persons are in every frame, (M, T); NaN where absent."""
    sample = converted(write_tree(tmp_path, {'a': content}))['a']
    seen = sample['keypoint_score'] > 0
    with np.errstate(invalid='ignore'):
        return ((sample['keypoint'][..., 0] - BODY[:, 0]) * seen).sum(-1) / seen.sum(-1)


LEFT, RIGHT, THIRD = person(0.3, 0.9), person(0.7, 0.8), person(0.5, 0.1)
nan = np.nan


def test_persons_keep_their_row(tmp_path):
    content = stgcn_recording([LEFT, RIGHT], [RIGHT, LEFT], [RIGHT], [RIGHT, THIRD, LEFT])
    rows = sorted(centres(content, tmp_path), key=np.nanmean)
    np.testing.assert_allclose(rows, [[0.3, 0.3, nan, 0.3], [0.7] * 4], atol=2e-3)


def test_missing_joints_are_zero_in_both(tmp_path):
    half = person(0.3)
    half['score'][3] = 0  # coordinates without a score, and a score without coordinates
    half['pose'][8:10] = 0, 0
    content = stgcn_recording([half, person(0.7, missing=(0, 17))])
    sample = converted(write_tree(tmp_path, {'a': content}))['a']
    keypoint, score = sample['keypoint'], sample['keypoint_score']
    assert set(np.flatnonzero(score[0] == 0)) == {3, 4}
    assert set(np.flatnonzero(score[1] == 0)) == {0, 17}
    assert (keypoint[score == 0] == 0).all()
    np.testing.assert_allclose(keypoint[0, 0, 5], BODY[5] + [0.3, 0.5], atol=1e-3)


def test_frames_that_are_not_listed_have_nobody(tmp_path):
    content = stgcn_recording([LEFT], [LEFT], [LEFT])
    for frame, index in zip(content['data'], (7, 4, 5), strict=True):  # from 4 to 7, in any order
        frame['frame_index'] = index
    np.testing.assert_allclose(centres(content, tmp_path)[0], [0.3, 0.3, nan, 0.3], atol=2e-3)


def test_the_ten_classes_only_relabelled(tmp_path):
    recordings = {f'r{old}': stgcn_recording([LEFT, RIGHT], label=old) for old in (*K400_CLASSES, 0, 45, 399)}
    write_tree(tmp_path, {'held_out': stgcn_recording([LEFT], label=314)}, 'val')
    file = write_tree(tmp_path, recordings) / 'kinetics_train_label.json'
    empty = {'has_skeleton': False, 'label': 'hugging', 'label_index': 158}
    file.write_text(json.dumps(json.loads(file.read_text()) | {'empty': empty}))
    conversion = convert_kinetics10(tmp_path)
    labels = {sample['frame_dir']: sample['label'] for sample in conversion.annotations}
    assert labels == {f'r{old}': new for new, old in enumerate(K400_CLASSES)} | {'held_out': 8}
    assert conversion.split == {'train': [f'r{old}' for old in K400_CLASSES], 'val': ['held_out']}
    meta = conversion.meta
    assert (meta['layout'], meta['units'], tuple(meta['classes'])) == ('openpose18', 'image share', CLASSES)


GOOD = json.dumps(stgcn_recording([LEFT, RIGHT], [LEFT, RIGHT]))


def changed(**values) -> str:
    """The good recording with values of its first person or frame changed."""
    content = json.loads(GOOD)
    frame = content['data'][0]
    for key, value in values.items():
        (frame if key in frame else frame['skeleton'][0])[key] = value
    return json.dumps(content)


NUMBERS = [0.5] * 36
WRONG = {
    'truncated': (GOOD[:-20], 'expected JSON'),
    'empty data': ('{"data": []}', 'at least one frame'),
    'no index': (changed(frame_index=None), 'data[0].frame_index: expected a whole number'),
    'same index': (changed(frame_index=2), 'data[1].frame_index: expected a whole number of its own'),
    'far index': (changed(frame_index=10**9), 'at most 3000 frames'),
    'short pose': (changed(pose=NUMBERS[:34]), 'skeleton[0].pose: expected numbers of shape (36,)'),
    'huge': (changed(pose=[10**400, *NUMBERS[1:]]), 'pose: expected finite numbers'),
    'nan': (changed(pose=[nan, *NUMBERS[1:]]), "'score' of at least 0"),
    'pixels': (changed(pose=[200.0, *NUMBERS[1:]]), 'shares of the image, 0 to 1, '),
    'other label': (GOOD.replace('"label_index": 158', '"label_index": 44'), 'expected label_index 158'),
    'nobody': (json.dumps(stgcn_recording([], [])), 'expected at least one person'),
    'missing': (None, 'wrong.json'),
}


@pytest.mark.parametrize(('text', 'message'), WRONG.values(), ids=WRONG)
def test_a_wrong_recording_is_named(tmp_path, text, message):
    root = write_tree(tmp_path, {'wrong': json.loads(GOOD), 'good': json.loads(GOOD)})
    file = root / 'kinetics_train' / 'wrong.json'
    file.unlink() if text is None else file.write_text(text)
    conversion = convert_kinetics10(root, skip_bad=True)
    assert [sample['frame_dir'] for sample in conversion.annotations] == ['good']
    (problem,) = conversion.problems
    assert message in problem
    assert 'wrong' in problem


ENTRY = {'has_skeleton': True, 'label': 'hugging', 'label_index': 158}
WRONG_LABELS = {
    'list': ('[]', 'expected {id:'),
    'truncated': ('{"a": ', 'expected JSON'),
    'none of the ten': (
        json.dumps({'a': ENTRY | {'label': 'abseiling', 'label_index': 0}}),
        'expected recordings of the ten classes',
    ),
    'no label': (json.dumps({'a': {'has_skeleton': True}}), "'a': expected a number"),
    'text label': (json.dumps({'a': ENTRY | {'label_index': 'hugging'}}), "'a': expected"),
    'numbers from 1': (json.dumps({'a': ENTRY | {'label_index': 159}}), "label 'hugging' has label_index 159"),
    'other order': (json.dumps({'a': ENTRY | {'label': 'skiing'}}), "label 'skiing' has label_index 158"),
}


@pytest.mark.parametrize(('text', 'message'), WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_label_files(tmp_path, text, message):
    root = write_tree(tmp_path, {})
    (root / 'kinetics_train_label.json').write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        convert_kinetics10(root)
    assert str(root) in str(error.value)


def test_a_missing_label_file(tmp_path):
    root = write_tree(tmp_path, {'a': json.loads(GOOD)})
    (root / 'kinetics_val_label.json').unlink()
    with pytest.raises(FileNotFoundError, match='kinetics_val_label.json: not found'):
        convert_kinetics10(root)
