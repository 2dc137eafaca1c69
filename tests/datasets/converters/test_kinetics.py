"""Kinetics-10 from ST-GCN's files, written by hand in their exact format: what comes out, and every wrong input."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations, validate_annotation
from asea_mm.datasets.converters import convert_kinetics10
from asea_mm.datasets.converters.kinetics.convert import CLASSES, K400_CLASSES, read_kinetics_skeleton
from asea_mm.datasets.recordings.persons import persons_in_film

BODY = np.random.default_rng(0).uniform(-0.1, 0.1, (18, 2))


def person(x: float, score: float = 0.5, missing: tuple = (), y: float = 0.5) -> dict:
    """A body at (x, y), as ST-GCN writes it; a missing joint is all zero."""
    pose, scores = (BODY + [x, y]).round(3), np.full(18, score)
    pose[list(missing)], scores[list(missing)] = 0, 0
    return {'pose': pose.ravel().tolist(), 'score': scores.tolist()}


def clip(*frames: list, label: int = 158) -> dict:
    data = [{'frame_index': number, 'skeleton': list(persons)} for number, persons in enumerate(frames, 1)]
    return {'data': data, 'label': K400_CLASSES.get(label, 'abseiling'), 'label_index': label}


def write_tree(root, clips: dict, part: str = 'train'):
    """kinetics_train with a label file and its clips, and the same of val, empty unless written before."""
    for name in ('train', 'val'):
        (root / f'kinetics_{name}').mkdir(parents=True, exist_ok=True)
        if not (root / f'kinetics_{name}_label.json').exists():
            (root / f'kinetics_{name}_label.json').write_text('{}')
    labels = {}
    for name, content in clips.items():
        labels[name] = {'has_skeleton': True, 'label': content['label'], 'label_index': content['label_index']}
        (root / f'kinetics_{part}' / f'{name}.json').write_text(json.dumps(content))
    (root / f'kinetics_{part}_label.json').write_text(json.dumps(labels))
    return root


def centres(content: dict, tmp_path) -> np.ndarray:
    """Where the two persons are in every frame, (M, T); NaN where absent."""
    path = tmp_path / 'clip.json'
    path.write_text(json.dumps(content))
    keypoint, score = persons_in_film(read_kinetics_skeleton(path))
    there = score > 0
    with np.errstate(invalid='ignore'):
        return ((keypoint[..., 0] - BODY[:, 0]) * there).sum(-1) / there.sum(-1)


LEFT, RIGHT, THIRD = person(0.3, 0.9), person(0.7, 0.8), person(0.5, 0.1)
nan = np.nan
TRACKS = {
    'same order': ([[LEFT, RIGHT]] * 4, [[0.3] * 4, [0.7] * 4]),
    'changing places in the list': ([[LEFT, RIGHT], [RIGHT, LEFT], [LEFT, RIGHT]], [[0.3] * 3, [0.7] * 3]),
    'a third person with low score': (
        [[THIRD, LEFT, RIGHT], [LEFT, RIGHT], [RIGHT, THIRD, LEFT]],
        [[0.3] * 3, [0.7] * 3],
    ),
    'nobody in a frame': ([[LEFT, RIGHT], [], [RIGHT, LEFT]], [[0.3, nan, 0.3], [0.7, nan, 0.7]]),
    'one is absent': ([[LEFT, RIGHT], [LEFT], [RIGHT, LEFT]], [[0.3] * 3, [0.7, nan, 0.7]]),
    'one person only': ([[RIGHT], [RIGHT]], [[0.7, 0.7], [nan, nan]]),
    'one leaves': ([[LEFT, RIGHT], [RIGHT], [RIGHT]], [[0.3, nan, nan], [0.7] * 3]),
    'walking past each other, one farther away': (
        [[person(0.2 + 0.05 * t, 0.9), person(0.8 - 0.05 * t, 0.8, y=0.56)][:: 1 - 2 * (t % 2)] for t in range(13)],
        [0.2 + 0.05 * np.arange(13), 0.8 - 0.05 * np.arange(13)],
    ),
    'after a cut nobody is where they were': (
        [[LEFT, RIGHT]] * 2 + [[person(0.1, 0.6), person(0.95, 0.6)]] * 2,
        [[0.3, 0.3, 0.1, 0.1], [0.7, 0.7, 0.95, 0.95]],
    ),
    'back after a long time': (
        [[LEFT, RIGHT]] + [[LEFT]] * 40 + [[LEFT, RIGHT]],
        [[0.3] * 42, [0.7] + [nan] * 40 + [0.7]],
    ),
    'poses without any joint': ([[person(0.2, missing=range(18)), LEFT]], [[0.3], [nan]]),
}


@pytest.mark.parametrize(('frames', 'expected'), TRACKS.values(), ids=TRACKS)
def test_persons_keep_their_row(tmp_path, frames, expected):
    np.testing.assert_allclose(centres(clip(*frames), tmp_path), np.array(expected, dtype=float), atol=2e-3)


def test_missing_joints_are_zero_in_both(tmp_path):
    path = tmp_path / 'a.json'
    half = person(0.3)
    half['score'][3] = 0  # coordinates without a score, and a score without coordinates
    half['pose'][8:10] = 0, 0
    path.write_text(json.dumps(clip([half, person(0.7, missing=(0, 17))])))
    keypoint, score = persons_in_film(read_kinetics_skeleton(path))
    assert set(np.flatnonzero(score[0] == 0)) == {3, 4}
    assert set(np.flatnonzero(score[1] == 0)) == {0, 17}
    assert (keypoint[score == 0] == 0).all()
    np.testing.assert_allclose(keypoint[0, 0, 5], BODY[5] + [0.3, 0.5], atol=1e-3)


def test_frames_that_are_not_listed_have_nobody(tmp_path):
    content = clip([LEFT], [LEFT], [LEFT])
    for frame, index in zip(content['data'], (7, 4, 5), strict=True):  # from 4 to 7, in any order
        frame['frame_index'] = index
    np.testing.assert_allclose(centres(content, tmp_path)[0], [0.3, 0.3, nan, 0.3], atol=2e-3)


def test_the_ten_classes_only_relabelled(tmp_path):
    clips = {f'clip{label}': clip([LEFT, RIGHT], label=label) for label in (*K400_CLASSES, 0, 45, 399)}
    write_tree(tmp_path, {'held_out': clip([LEFT], label=314)}, 'val')
    annotations, split, meta = convert_kinetics10(write_tree(tmp_path, clips))
    labels = {item['frame_dir']: item['label'] for item in annotations}
    assert labels == {f'clip{old}': new for new, old in enumerate(K400_CLASSES)} | {'held_out': 8}
    assert split == {'train': [f'clip{label}' for label in K400_CLASSES], 'val': ['held_out']}
    assert (meta['layout'], meta['units'], len(meta['classes'])) == ('openpose18', 'image share', 10)
    for item in annotations:
        validate_annotation(item, 18, 10)

    save_annotations(tmp_path / 'k10.pkl', annotations, split, meta)
    dataset = InteractionPoseDataset(str(tmp_path / 'k10.pkl'), [], split='val')
    assert dataset[0]['keypoint'].shape == (2, 1, 18, 2)
    assert dataset.metainfo['classes'] == CLASSES
    assert load_annotations(tmp_path / 'k10.pkl')['meta'] == meta


def test_clips_without_skeleton_are_left_out(tmp_path):
    root = write_tree(tmp_path, {'a': clip([LEFT])})
    labels = json.loads((root / 'kinetics_train_label.json').read_text())
    labels['b'] = {'has_skeleton': False, 'label': 'hugging', 'label_index': 158}
    (root / 'kinetics_train_label.json').write_text(json.dumps(labels))
    assert [item['frame_dir'] for item in convert_kinetics10(root)[0]] == ['a']


GOOD = json.dumps(clip([LEFT, RIGHT], [LEFT, RIGHT]))


def changed(**values) -> str:
    """The good clip with values of its first person or frame changed."""
    content = json.loads(GOOD)
    frame = content['data'][0]
    for key, value in values.items():
        (frame if key in frame else frame['skeleton'][0])[key] = value
    return json.dumps(content)


NUMBERS = [0.5] * 36
WRONG_CLIPS = {
    'truncated': (GOOD[:-20], 'damaged or truncated'),
    'empty': ('', 'damaged or truncated'),
    'binary': (b'\x80\x81', 'binary data'),
    'nested': ('[' * 100000, 'damaged or truncated'),
    'list': ('[]', "expected {'data'"),
    'no data': ('{"label_index": 158}', "expected {'data'"),
    'empty data': ('{"data": []}', 'at least one frame'),
    'frame': ('{"data": [3]}', 'entry 0 of data: expected'),
    'no index': (changed(frame_index=None), 'entry 0 of data: expected a frame_index'),
    'same index': (changed(frame_index=2), 'entry 1 of data: expected a frame_index of its own'),
    'far index': (changed(frame_index=10**9), 'at most 3000 frames'),
    'skeleton': (changed(skeleton=[[1]]), 'entry 0 of data, skeleton 0: expected'),
    'short pose': (changed(pose=NUMBERS[:34]), "skeleton 0: expected 36 numbers in 'pose' (18 joints), got 34"),
    'no pose': (changed(pose=None), "36 numbers in 'pose'"),
    'short score': (changed(score=NUMBERS[:17]), "expected 18 numbers in 'score' (18 joints), got 17"),
    'nan': (changed(pose=[nan, *NUMBERS[1:]]), r'finite number at pose[0], got float nan'),
    'infinite': (changed(score=[float('inf'), *NUMBERS[1:18]]), 'finite number at score[0]'),
    'text': (changed(pose=['a', *NUMBERS[1:]]), 'finite number at pose[0]'),
    'huge': (changed(pose=[10**400, *NUMBERS[1:]]), 'finite number at pose[0]'),
    'pixels': (changed(pose=[200.0, *NUMBERS[1:]]), 'shares of the image, 0 to 1, got 0.5 to 200'),
    'negative score': (changed(score=[-1, *NUMBERS[1:18]]), "'score' of at least 0, got -1"),
    'other label': (GOOD.replace('"label_index": 158', '"label_index": 44'), 'expected label_index 158'),
    'nobody': (json.dumps(clip([], [])), 'nobody is in any frame'),
}


@pytest.mark.parametrize(('text', 'message'), WRONG_CLIPS.values(), ids=WRONG_CLIPS)
def test_a_wrong_clip_is_named_and_does_not_lose_the_others(tmp_path, text, message):
    root = write_tree(tmp_path, {'wrong': json.loads(GOOD), 'good': json.loads(GOOD)})
    (root / 'kinetics_train' / 'wrong.json').write_bytes(text if isinstance(text, bytes) else text.encode())
    problems: list[str] = []
    annotations, split, _ = convert_kinetics10(root, report=problems.append)
    assert [item['frame_dir'] for item in annotations] == split['train'] == ['good']
    assert len(problems) == 1
    assert 'wrong' in problems[0]
    assert message in problems[0]
    with pytest.raises(ValueError, match='wrong'):
        convert_kinetics10(root)


def test_a_missing_clip_is_reported(tmp_path):
    root = write_tree(tmp_path, {'gone': json.loads(GOOD), 'good': json.loads(GOOD)})
    (root / 'kinetics_train' / 'gone.json').unlink()
    problems: list[str] = []
    assert len(convert_kinetics10(root, report=problems.append)[0]) == 1
    assert problems == [f'{root / "kinetics_train" / "gone.json"}: no such file']


def test_nothing_converted_is_an_error(tmp_path):
    root = write_tree(tmp_path, {'empty': {'data': [], 'label': 'hugging', 'label_index': 158}})
    with pytest.raises(ValueError, match='none of 1 clips could be converted; the first: .*empty.json'):
        convert_kinetics10(root, report=lambda message: None)


ENTRY = {'has_skeleton': True, 'label': 'hugging', 'label_index': 158}
WRONG_LABELS = {
    'list': ('[]', 'expected {id:'),
    'truncated': ('{"a": ', 'damaged or truncated'),
    'none of the ten': (json.dumps({'a': ENTRY | {'label': 'abseiling', 'label_index': 0}}), 'none of the clips'),
    'no label': (json.dumps({'a': {'has_skeleton': True}}), "'a': expected {'has_skeleton'"),
    'text label': (json.dumps({'a': ENTRY | {'label_index': 'hugging'}}), "'a': expected"),
    'numbers from 1': (json.dumps({'a': ENTRY | {'label_index': 159}}), "label 'hugging' has label_index 159"),
    'other order': (json.dumps({'a': ENTRY | {'label': 'skiing'}}), "label 'skiing' has label_index 158"),
    'folder': (json.dumps({'../a': ENTRY}), "expected the id of a clip, got '../a'"),
}


@pytest.mark.parametrize(('text', 'message'), WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_label_files(tmp_path, text, message):
    root = write_tree(tmp_path, {})
    (root / 'kinetics_train_label.json').write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        convert_kinetics10(root)
    assert str(root) in str(error.value)


@pytest.mark.parametrize('name', ['kinetics_val_label.json', 'kinetics_train'])
def test_missing_parts_of_the_tree_are_named(tmp_path, name):
    root = write_tree(tmp_path, {})
    (root / name).rmdir() if (root / name).is_dir() else (root / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'{name}: not found; expected kinetics_'):
        convert_kinetics10(root)


@settings(max_examples=2000, deadline=None, database=None)
@given(data=st.data())
def test_mutated_files_are_valid_annotations_or_value_errors(tmp_path_factory, data):
    content = bytearray(FUZZED)
    kind = data.draw(st.sampled_from(['bytes', 'cut', 'token']))
    if kind == 'cut':
        del content[data.draw(st.integers(0, len(content))) :]
    elif kind == 'bytes':
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
                st.sampled_from(b'0123456789-.e,:[]{}" \xff')
            )
    else:
        old = data.draw(
            st.sampled_from([b'0.5', b'1', b'2', b'[', b'"pose"', b'"score"', b'"skeleton"', b'158', b'"data"'])
        )
        new = data.draw(
            st.sampled_from([b'NaN', b'-0', b'null', b'1e999', b'"a"', b'[]', b'{}', b'true', b'-7', b'9' * 30])
        )
        content = content.replace(old, new, data.draw(st.integers(1, 3)))
    path = tmp_path_factory.getbasetemp() / 'fuzzed.json'
    path.write_bytes(content)
    try:
        keypoint, score = persons_in_film(read_kinetics_skeleton(path, 158))
    except ValueError as error:
        assert 'fuzzed.json' in str(error)  # noqa: PT017 (most files are wrong, some are not)
        return
    assert keypoint.shape == (2, keypoint.shape[1], 18, 2)
    assert np.isfinite(keypoint).all()
    assert np.isfinite(score).all()
    assert (score >= 0).all()
    assert (keypoint[score == 0] == 0).all()


FUZZED = json.dumps(clip([person(0.5, missing=range(2, 18))], [person(0.5)], [])).encode()
