"""From recordings to an annotation file and to labels; what is wrong with some of them does not stop the others."""

import json

import numpy as np
import pytest

from asea_mm.datasets import load_annotations
from tests.cli.tiny import annotations, check_one_line, save


@pytest.fixture
def recordings(tmp_path):
    """Folders ``push`` and ``hug`` of recordings of Kinect's joints in millimetres with z up, one of them damaged."""
    rng = np.random.default_rng(0)
    for name in ('push/a', 'push/b', 'push/c', 'hug/d', 'hug/e', 'hug/f'):
        path = tmp_path / 'recordings' / f'{name}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rng.uniform(0, 1700, size=(2, 20, 25, 3)).astype(np.float32))
    (tmp_path / 'recordings' / 'hug' / 'f.npy').write_bytes(b'damaged')
    return tmp_path / 'recordings'


def test_own_recordings_become_a_file_that_is_checked(command, recordings):
    words = ['prepare', 'custom', recordings, '--layout', 'nturgbd25', '--labels', 'folders', '--split', 'ratio:0.5']
    words += ['--units', 'millimetre', '--up', 'z']
    code, _, errors = command(*words)
    assert (code, 'f.npy' in errors) == (1, True)
    code, text, errors = command(*words, '--skip-bad')
    assert 'f.npy' in errors
    assert 'wrote 5 samples to data/custom/recordings.pkl' in text
    assert 'asea check data/custom/recordings.pkl' in text
    content = load_annotations('data/custom/recordings.pkl')
    assert content['meta']['classes'] == ['hug', 'push']
    (sample,) = [sample for sample in content['annotations'] if sample['frame_dir'].endswith('a')]
    raw = np.load(recordings / 'push' / 'a.npy')
    np.testing.assert_allclose(np.sort(sample['keypoint'][..., 1], axis=0), np.sort(raw[..., 2], axis=0) / 1000)

    checked, text, _ = command('check', 'data/custom/recordings.pkl', '--json', 'r.json', '--pictures', 'p.png')
    assert checked == code == int('not fit' in text)
    assert 'wrote r.json' in text
    check_one_line(command(*words, '--out', 'a.txt'), ['--out', 'a.txt'])


def test_a_file_of_mmaction2_is_written_anew_with_its_layout(command, tmp_path):
    save(tmp_path / 'a.pkl', annotations())
    assert command('prepare', 'convert', 'a.pkl', 'b.pkl')[0] == 0
    before, after = (load_annotations(tmp_path / name) for name in ('a.pkl', 'b.pkl'))
    assert after['split'] == before['split']
    assert after['meta'] == before['meta']
    check_one_line(command('prepare', 'convert', 'a.pkl', 'c.pkl', '--layout', 'coco17'), ['a.pkl', 'coco17', 'sbu15'])
    check_one_line(command('prepare', 'convert', 'a.pkl', 'a.pkl'), ['a.pkl', 'choose another'])


def test_a_damaged_recording_is_reported_and_the_others_are_recognised(command, tmp_path, recordings, trained):
    words = ['infer', recordings / 'hug', recordings / 'push' / 'a.npy', '--model', trained, '--up', 'z', '--explain']
    words += ['--units', 'millimetre', '--window', 10, '--json', 'all.json', '--picture', 'a.png']
    code, text, errors = command(*words)
    assert code == 1
    assert [line for line in errors.splitlines() if 'f.npy' in line and line.startswith('error: ')]
    results = json.loads((tmp_path / 'all.json').read_text())['results']
    assert len(results) == 3
    assert all(result['name'] in text for result in results)
    assert len(list(tmp_path.glob('a*.png'))) == 3
    assert sum(' 1, 2 ' in line for line in text.splitlines()) == 3, 'persons are counted as in pictures'
    assert text.count('most active joints') == 1
    assert max(map(len, text.splitlines())) <= 80
    code, _, errors = command(*words, '--pairs', '1-9')
    assert code == 1
    assert 'of 2 (1, 2) in a pair' in errors
    code, text, errors = command('infer', recordings / 'push' / 'a.npy', *words[3:], '--pairs', '2-1')
    assert code == 0
    assert '2, 1' in text
    code, _, errors = command(*words, '--pairs', '0-1')
    assert code == 1
    assert "got ('0', '1')" in errors
    check_one_line(command(*words, '--pairs', '1-'), ['--pairs', "'1-'"])


def test_recordings_of_another_layout_than_the_models(command, tmp_path, trained):
    rng = np.random.default_rng(0)
    np.save(tmp_path / 'kinect.npy', rng.uniform(0, 1.7, size=(2, 20, 20, 3)).astype(np.float32))
    words = ['infer', 'kinect.npy', '--model', trained, '--json', 'all.json', '--picture', 'a.png']
    code, _, errors = command(*words)
    assert (code, '25 joints' in errors) == (1, True)
    code, text, _ = command(*words, '--layout', 'kinect20')
    assert (code, 'kinect' in text, (tmp_path / 'a.png').exists()) == (0, True, True)
    (result,) = json.loads((tmp_path / 'all.json').read_text())['results']
    assert result['num_frames'] == 20
