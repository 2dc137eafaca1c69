"""tools/check_data.py: one ugly file per finding, exit codes, reports, pictures; and the other tools of files."""

import json
import os
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from asea_mm.datasets import SyntheticInteractionDataset, load_annotations, save_annotations
from asea_mm.datasets.check import KINDS, check_annotations
from asea_mm.datasets.converters import convert_sbu
from asea_mm.skeletons import get_skeleton
from asea_mm.visualization.contact_sheet import plot_contact_sheet

TOOLS = Path(__file__).parents[3] / 'tools'
CLASSES = ['push', 'hug']
META = {'layout': 'nturgbd25', 'classes': CLASSES, 'source': 'test', 'units': 'm'}
HEAD, LEFT_HAND = 3, 7


@pytest.fixture(scope='module')
def poses():
    """Eight people-like clips: 25 joints, metres, y up."""
    dataset = SyntheticInteractionDataset(pipeline=[], num_samples=8)
    return [dataset.get_data_info(index)['keypoint'] for index in range(8)]


def content_of(poses):
    annotations = [
        {'frame_dir': f's{index}', 'label': index % 2, 'total_frames': pose.shape[1], 'keypoint': pose.copy()}
        for index, pose in enumerate(poses)
    ]
    return {'annotations': annotations, 'split': {'train': ['s0', 's1', 's2', 's3'], 'val': ['s4', 's5', 's6', 's7']}}


@pytest.fixture
def run(monkeypatch, capsys):
    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            runpy.run_path(str(TOOLS / tool), run_name='__main__')
        except SystemExit as exit_:
            code = exit_.code
        return code, *capsys.readouterr()

    return run


def one(**changes):
    """Changes fields of sample s0; a function changes its keypoints in place or returns others."""

    def change(content):
        sample = content['annotations'][0]
        for name, value in changes.items():
            if callable(value):
                new = value(sample['keypoint'])
                value = sample['keypoint'] if new is None else new
            sample[name] = value

    return change


def every(function):
    def change(content):
        for sample in content['annotations']:
            sample['keypoint'] = function(sample['keypoint'])
            sample['total_frames'] = sample['keypoint'].shape[1] if sample['keypoint'].ndim > 1 else 0

    return change


def put(index, value):
    return lambda keypoint: keypoint.__setitem__(index, value)


def of(part, *keys, value):
    def change(content):
        target = content[part]
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value(target[keys[-1]]) if callable(value) else value

    return change


def with_confidence(keypoint):
    pixels = 500 - 200 * keypoint[..., :2]
    return np.concatenate([pixels, np.full_like(keypoint[..., :1], 0.9)], axis=-1)


def image(keypoint, scale, shift):
    return (keypoint[..., :2] * scale * (1, -1) + shift).astype(np.float32)


def swap_joints(keypoint):
    return keypoint[:, :, list(get_skeleton('nturgbd25').flip_order)]


def jumping(keypoint):
    moved = keypoint.copy()
    moved[:, ::2] *= 0.1
    return moved


def third_person(keypoint):
    return np.concatenate([keypoint, keypoint[:1]])


# what is done to the file: the findings that follow, with their numbers of samples
UGLY = {
    'nothing': (lambda content: None, {}),
    'no samples': (of('annotations', slice(None), value=[]), {'no samples': 1}),
    'no layout': (of('meta', 'layout', value=None), {'layout': 1}),
    'unknown layout': (of('meta', 'layout', value='ntu'), {'layout': 1}),
    'another layout': (of('meta', 'layout', value='coco17'), {'joints': 8}),
    'no array': (one(keypoint=[[1, 2]]), {'keypoint': 1}),
    'objects': (one(keypoint=np.array(['x'])), {'keypoint': 1}),
    'complex': (one(keypoint=lambda keypoint: keypoint + 1j), {'keypoint': 1}),
    'three axes': (one(keypoint=lambda keypoint: keypoint[0]), {'shape': 1}),
    'four coordinates': (one(keypoint=lambda keypoint: np.repeat(keypoint, 2, -1)[..., :4]), {'shape': 1}),
    'no frames': (one(keypoint=lambda keypoint: keypoint[:, :0], total_frames=0), {'no frame': 1}),
    'frames miscounted': (one(total_frames=3), {'total_frames': 1}),
    'score of another shape': (one(keypoint_score=np.ones((2, 3, 25))), {'score': 1, 'mixed scores': 1}),
    'score with NaN': (
        one(keypoint_score=lambda keypoint: keypoint[..., 0] * np.nan),
        {'score': 1, 'mixed scores': 1},
    ),
    'score of one': (one(keypoint_score=lambda keypoint: keypoint[..., 0] * 0 + 1), {'mixed scores': 1}),
    'NaN': (one(keypoint=put((0, 1, 2, 0), np.nan)), {'not finite': 1}),
    'infinity': (one(keypoint=put((0, 1, 2, 0), np.inf)), {'not finite': 1}),
    'nobody': (one(keypoint=put(..., 0)), {'nobody': 1}),
    'float64': (every(lambda keypoint: keypoint.astype(np.float64)), {'dtype': 8}),
    'mixed': (
        one(keypoint=lambda keypoint: image(keypoint, 200, 500)),
        {'mixed': 1},
    ),
    'repeated id': (one(frame_dir='s2'), {'repeated id': 1, 'split: unknown': 1}),
    'label of text': (one(label='push'), {'label': 1}),
    'negative label': (one(label=-1), {'label': 1}),
    'enormous label': (one(label=10**12), {'label': 1}),
    'label without class': (one(label=2), {'no class': 1}),
    'class without samples': (of('meta', 'classes', value=[*CLASSES, 'kick']), {'class without samples': 1}),
    'class not in split': (of('split', 'val', value=['s4', 's6']), {'class not in split': 1, 'split: none': 2}),
    'no class names': (of('meta', 'classes', value=None), {'class names': 1}),
    'class names of another kind': (of('meta', 'classes', value=5), {'class names': 1}),
    'ids of another kind': (of('split', 'val', value=lambda ids: [*ids, 3, [4]]), {'split: unknown': 2}),
    'named twice': (of('split', 'val', value=lambda ids: [*ids, 's4']), {'split: repeated': 1}),
    'unknown': (of('split', 'val', value=lambda ids: [*ids, 'gone']), {'split: unknown': 1}),
    'empty split': (of('split', 'test', value=[]), {'split: empty': 1}),
    'in no split': (of('split', 'val', value=['s4', 's5', 's6']), {'split: none': 1}),
    'overlap': (of('split', 'val', value=lambda ids: [*ids, 's0']), {'split: overlap': 1}),
    'overlap by another name': (
        lambda content: content['split'].update(validation=[*content['split'].pop('val'), 's0']),
        {'split: overlap': 1},
    ),
    'copy across splits': (
        lambda content: one(**{k: content['annotations'][4][k] for k in ('keypoint', 'total_frames')})(content),
        {'split: same keypoints': 1},
    ),
    'copy within a split': (
        lambda content: one(**{k: content['annotations'][2][k] for k in ('keypoint', 'total_frames')})(content),
        {'same keypoints': 1},
    ),
    'millimetres': (every(lambda keypoint: keypoint * 1000), {'units': 8}),
    'half metres': (every(lambda keypoint: keypoint / 10), {'small': 8}),
    'far away': (one(keypoint=put((0, 1, LEFT_HAND), 50)), {'far': 1}),
    'confidence for z': (every(with_confidence), {'confidence': 8}),
    'pixels': (every(lambda keypoint: image(keypoint, 200, 500)), {}),
    'shares of the image': (every(lambda keypoint: image(keypoint, 0.1, 0.5)), {'image shares': 8}),
    'y up in an image': (every(lambda keypoint: image(keypoint, (200, -200), 500)), {'y up': 8}),
    'y down': (every(lambda keypoint: keypoint * np.float32([1, -1, -1])), {'y down': 8}),
    'z up': (every(lambda keypoint: keypoint[..., [0, 2, 1]] * np.float32([1, -1, 1])), {'y not vertical': 8}),
    'one upside down': (one(keypoint=lambda keypoint: keypoint * np.float32([1, -1, -1])), {'upside down': 1}),
    'mirrored axis': (every(lambda keypoint: keypoint * np.float32([-1, 1, 1])), {'mirrored': 8}),
    'mirrored joints': (every(swap_joints), {'mirrored': 8}),
    'jumping bones': (one(keypoint=jumping), {'bones': 1}),
    'constant': (one(keypoint=lambda keypoint: np.repeat(keypoint[:, :1], keypoint.shape[1], 1)), {'constant': 1}),
    'one frame': (one(keypoint=lambda keypoint: keypoint[:, :1], total_frames=1), {'one frame': 1}),
    'missing joints': (one(keypoint=put((slice(None), slice(None), slice(10, 20)), 0)), {'missing joints': 1}),
    'empty frames': (one(keypoint=put((slice(None), slice(2, None)), 0)), {'empty frames': 1}),
    'never two': (one(keypoint=put(1, 0)), {'never two': 1}),
    'more than two': (one(keypoint=third_person), {'more than two': 1}),
}


@pytest.mark.parametrize('name', UGLY)
def test_every_finding(tmp_path, poses, name):
    change, expected = UGLY[name]
    content = {**content_of(poses), 'meta': dict(META)}
    change(content)
    path = tmp_path / 'ugly.pkl'
    path.write_bytes(pickle.dumps(content))
    report = check_annotations(path)
    assert {kind: finding.count for kind, finding in report.findings.items()} == expected
    assert report.fit == all(KINDS[kind][0] == 'warning' for kind in expected)
    for finding in report.findings.values():
        assert len(finding.named) == min(finding.count, 3) or finding.kind in (
            *('no samples', 'mixed', 'mixed scores', 'class names'),
        )


def test_no_kind_without_a_test():
    assert {kind for _, expected in UGLY.values() for kind in expected} == set(KINDS)


def test_all_problems_are_gathered(tmp_path, poses, run):
    content = {**content_of(poses), 'meta': META}
    content['annotations'][1]['keypoint'][0, 0, 0] = np.nan
    content['annotations'][1]['label'] = 5
    content['annotations'][2]['total_frames'] = 1
    content['split']['val'].append('s0')
    (tmp_path / 'ugly.pkl').write_bytes(pickle.dumps(content))
    code, out, _ = run('check_data.py', tmp_path / 'ugly.pkl', '--json', tmp_path / 'report.json')
    assert code == 1
    assert 'not fit for training (4 kinds of errors, 0 of warnings)' in out
    assert 's0 (train and val)' in out
    report = json.loads((tmp_path / 'report.json').read_text())
    assert not report['fit']
    assert {finding['kind']: finding['named'] for finding in report['findings']} == {
        'not finite': ['s1'],
        'no class': ['s1 (label 5)'],
        'total_frames': ['s2'],
        'split: overlap': ['s0 (train and val)'],
    }
    assert all(finding['advice'] for finding in report['findings'])


@pytest.mark.parametrize('name', ['good.pkl', 'good.store'])
def test_a_good_file(tmp_path, poses, run, name):
    content = content_of(poses)
    content['annotations'][0]['keypoint'][0, :, HEAD] = 0
    save_annotations(tmp_path / name, content['annotations'], content['split'], META)
    code, out, _ = run('check_data.py', tmp_path / name, '--pictures', tmp_path / 'new' / 'sheet.png')
    assert code == 0
    assert 'fit for training (0 kinds of errors, 0 of warnings)' in out
    assert 'nturgbd25 (25 joints, 3-D)' in out
    assert '2: 100.0%' in out
    assert (tmp_path / 'new' / 'sheet.png').read_bytes().startswith(b'\x89PNG')
    facts = check_annotations(tmp_path / name).facts
    frames = sorted(pose.shape[1] for pose in poses)
    assert facts['frames'] == [frames[0], (frames[3] + frames[4]) / 2, frames[-1]]
    assert facts['classes'] == {
        '0 push': {'samples': 4, 'train': 2, 'val': 2},
        '1 hug': {'samples': 4, 'train': 2, 'val': 2},
    }
    assert list(facts['most often missing']) == ['head']
    bodies = 2 * sum(frames)
    assert facts['most often missing']['head'] == pytest.approx(poses[0].shape[1] / bodies)


def test_a_file_of_pyskl(tmp_path, poses, run):
    path = tmp_path / 'ntu.pkl'
    path.write_bytes(pickle.dumps(content_of(poses)))
    code, out, _ = run('check_data.py', path)
    assert code == 1
    assert 'give --layout here and layout= in the config' in out
    code, out, err = run('check_data.py', path, '--layout', 'nturgbd25')
    assert code == 0
    assert 'the file does not name its classes' in out


def test_what_cannot_be_read(tmp_path, run, poses):
    (tmp_path / 'text.pkl').write_text('hello')
    save_annotations(tmp_path / 'x.store', content_of(poses)['annotations'], {}, META)
    os.truncate(tmp_path / 'x.store' / 'keypoint.bin', 7)
    for name, message in (
        ('gone.pkl', 'no such annotation file'),
        ('text.pkl', 'not a pickle'),
        ('x.store', 'truncated or damaged annotation store'),
    ):
        code, _, err = run('check_data.py', tmp_path / name)
        assert code == 2
        assert err.startswith(f'error: {tmp_path / name}: ')
        assert message in err


def test_sbu_has_no_errors(tmp_path):
    root = os.environ.get('ASEA_SBU_ROOT')
    if not root:
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    convert_sbu(root).save(tmp_path / 'sbu.store')
    report = check_annotations(tmp_path / 'sbu.store')
    assert report.level('error') == []
    assert report.facts['samples'] == 282
    assert len(report.pictures) == 8


@pytest.mark.parametrize('classes', [1, 60])
def test_contact_sheets(tmp_path, poses, classes):
    moments = {f'class {number}': [poses[number % 8][:, 0]] * (number % 4) for number in range(classes)}
    plot_contact_sheet(moments, 'nturgbd25', tmp_path / 'sheet.png')
    assert (tmp_path / 'sheet.png').stat().st_size > 1000
    with pytest.raises(ValueError, match='expected at least one class'):
        plot_contact_sheet({}, 'nturgbd25', tmp_path / 'none.png')


def test_conversion_both_ways(tmp_path, poses, run):
    content = content_of(poses)
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    code, out, _ = run('convert_annotations.py', tmp_path / 'a.pkl', tmp_path / 'b.store', '--layout', 'nturgbd25')
    assert (code, out) == (0, f'wrote 8 samples to {tmp_path / "b.store"}\n')
    assert run('convert_annotations.py', tmp_path / 'b.store', tmp_path / 'c.pkl')[0] == 0
    read = load_annotations(tmp_path / 'c.pkl')
    assert read['split'] == content['split']
    assert read['meta'] == {'layout': 'nturgbd25'}
    for one, other in zip(content['annotations'], read['annotations'], strict=True):
        np.testing.assert_array_equal(one['keypoint'], other['keypoint'])
    for arguments, message in (
        ((tmp_path / 'a.pkl', tmp_path / 'a.pkl'), 'input and output are the same'),
        ((tmp_path / 'c.pkl', tmp_path / 'd.pkl', '--layout', 'coco17'), "--layout coco17, but the file says 'nturgbd"),
        ((tmp_path / 'gone.pkl', tmp_path / 'd.pkl'), 'no such annotation file'),
    ):
        code, _, err = run('convert_annotations.py', *arguments)
        assert code == 1
        assert message in err


def test_benchmark_of_loading(tmp_path, run):
    code, out, _ = run('benchmark_loading.py', '--samples', 200, '--folder', tmp_path, '--out', tmp_path / 'out.json')
    assert code == 0
    result = json.loads((tmp_path / 'out.json').read_text())
    assert [row['samples'] for row in result['loading'].values()] == [200, 200, 200]
    assert all(row['samples_per_s'] > 0 for row in result['loading'].values())
    assert os.listdir(tmp_path) == ['out.json']
    assert "mmaction2's PoseDataset, pickle" in out
