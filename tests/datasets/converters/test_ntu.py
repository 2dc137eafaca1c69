"""NTU RGB+D converter: folders and pickles to a benchmark; several processes; what is left out."""

import pickle

import numpy as np
import pytest

from asea_mm.datasets.converters import convert_ntu
from asea_mm.datasets.converters.protocol import CHUNK
from asea_mm.errors import InputError
from tests.datasets.ntu_files import clip_text, person, write_clip

A, B = person(-0.5, 6, sway=0.2), person(0.5, 6)
# name: label in NTU-26
NAMES = {
    'S001C001P001R001A050': 0,
    'S001C002P003R002A060': 10,
    'S018C003P041R001A106': 11,
    'S020C001P045R001A120': 25,
}
OTHER = ('S001C001P001R001A001', 'S018C001P041R001A105')
BROKEN = 'S001C003P002R001A055'


@pytest.fixture
def raw(tmp_path):
    root = tmp_path / 'raw'
    for index, name in enumerate((*NAMES, *OTHER, BROKEN)):
        folder = root / ('nturgbd_skeletons_s001_to_s017' if name < 'S018' else 'nturgbd_skeletons_s018_to_s032')
        write_clip(folder, name, (1, A + 0.01 * index), (2, B))
    return root


def labels(conversion):
    return {sample['frame_dir']: sample['label'] for sample in conversion.annotations}


def test_folder(raw):
    conversion = convert_ntu(raw, 'ntu26')
    samples = list(conversion.annotations)
    assert [sample['frame_dir'] for sample in samples] == sorted(NAMES)
    assert conversion.split == {
        'xsub_train': ['S001C001P001R001A050', 'S020C001P045R001A120'],
        'xsub_val': ['S001C002P003R002A060', 'S018C003P041R001A106'],
        'xset_train': ['S018C003P041R001A106', 'S020C001P045R001A120'],
        'xset_val': ['S001C001P001R001A050', 'S001C002P003R002A060'],
    }
    assert conversion.notes == [
        'left out 2 samples of other classes',
        'left out 1 samples that the authors list as missing skeletons',
        'got 5 of the 24828 samples of NTU RGB+D 120, the 26 mutual actions',
    ]
    assert conversion.problems == []
    for sample in samples:
        assert sample['keypoint'].dtype == np.float32
        np.testing.assert_allclose(sample['keypoint'][1], B, atol=1e-6)


def test_other_benchmarks(raw):
    assert labels(convert_ntu(raw, 'ntu11')) == {'S001C001P001R001A050': 0, 'S001C002P003R002A060': 10}
    assert labels(convert_ntu(raw, 'ntu120')) == {name: int(name[-3:]) - 1 for name in (*NAMES, *OTHER)}


def test_a_wrong_file_does_not_lose_the_others(raw, tmp_path):
    write_clip(raw, 'S001C001P001R001A051', text='')
    write_clip(raw, 'S001C001P001R001A052', text='2\n0\n0\n')
    write_clip(raw, 'S001C001P001R001A053', text=clip_text((1, A))[:5000])
    write_clip(raw, 'S001C001P001R001A054_copy', (1, A))
    write_clip(raw / 'z' / 'again', 'S020C001P045R001A120', (1, A))
    write_clip(raw / '__MACOSX', '._S001C001P001R001A055', text='resource fork')
    (raw / 'readme.txt').write_text('not a recording')
    (raw / 'S001C001P001R001A056.skeleton').symlink_to(tmp_path / 'nowhere')
    conversion = convert_ntu(raw, skip_bad=True)
    assert labels(conversion) == NAMES
    expected = {
        'S001C001P001R001A051.skeleton': 'got an empty file',
        'S001C001P001R001A052.skeleton': 'expected at least one body, got none in 2 frames',
        'S001C001P001R001A053.skeleton': 'cut short',
        'S001C001P001R001A054_copy.skeleton': 'expected a name of the form',
        'S001C001P001R001A056.skeleton': 'No such file',
        'S020C001P045R001A120': 'expected every sample once',
    }
    assert len(conversion.problems) == len(expected)
    for file, message in expected.items():
        assert any(file in problem and message in problem for problem in conversion.problems)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda root: root.parent, r'expected samples of NTU .*, e.g. S001C002P003R002A050.skeleton, got none'),
        (lambda root: write_clip(root, 'x', text=''), 'expected a folder of .skeleton files or a pickle'),
        (lambda root: write_clip(root, OTHER[0], (1, A)).parent, 'got none; left out 1 samples of other classes'),
        (lambda root: write_clip(root, BROKEN, (1, A)).parent, 'left out 1 samples that the authors list'),
    ],
)
def test_nothing_to_convert(tmp_path, change, message):
    root = tmp_path / 'one' / 'two'
    root.mkdir(parents=True)
    with pytest.raises(InputError, match=message):
        convert_ntu(change(root))


@pytest.mark.parametrize('wrong', [{'benchmark': 'ntu25'}, {'jobs': 0}])
def test_wrong_arguments(tmp_path, wrong):
    with pytest.raises(InputError, match=str(next(iter(wrong.values())))):
        convert_ntu(tmp_path, **wrong)


def test_folders_that_are_links_to_other_disks_are_read(raw, tmp_path):
    (root := tmp_path / 'all').mkdir()
    for folder in raw.iterdir():
        (root / folder.name).symlink_to(folder)
    assert labels(convert_ntu(root)) == NAMES


def test_processes_do_not_matter(tmp_path):
    for number in range(2 * CHUNK + 3):
        text = '1\n0\n' if number == 7 else None
        write_clip(tmp_path / 'raw', f'S001C001P{number + 1:03d}R001A050', (1, A), (2, B + 0.01 * number), text=text)
    results = []
    for jobs in (1, 2):
        conversion = convert_ntu(tmp_path / 'raw', 'ntu11', jobs, skip_bad=True)
        results.append((list(conversion.annotations), conversion.split))
        assert len(results[-1][0]) == 2 * CHUNK + 2
        assert 'P008' in conversion.problems[0]
    np.testing.assert_equal(*results)


# PYSKL's pickles


def pyskl(path, names, **changes):
    """A pickle in PYSKL's format: half precision, one person where one is enough, labels of NTU RGB+D 120."""
    rng = np.random.default_rng(0)
    annotations = [
        {
            'frame_dir': name,
            'label': int(name[-3:]) - 1,
            'keypoint': rng.normal(size=(1 + index % 2, 5, 25, 3)).astype(np.float16),
            'total_frames': 5,
        }
        for index, name in enumerate(names)
    ]
    for index, change in changes.items():
        annotations[int(index[1:])] |= change
    split = {'xsub_train': [name for name in names if name[8:12] in ('P001', 'P045')]}
    path.write_bytes(pickle.dumps({'split': split, 'annotations': annotations}))
    return {sample['frame_dir']: sample for sample in annotations}


def test_pyskl(tmp_path):
    wrong_but_of_no_benchmark = {'keypoint': np.full((1, 5, 25, 3), np.nan)}
    theirs = pyskl(tmp_path / 'ntu120_3d.pkl', [*reversed(NAMES), *OTHER, BROKEN], _4=wrong_but_of_no_benchmark)
    conversion = convert_ntu(tmp_path / 'ntu120_3d.pkl', 'ntu26')
    samples = list(conversion.annotations)
    assert {sample['frame_dir']: sample['label'] for sample in samples} == NAMES
    for sample in samples:
        expected = theirs[sample['frame_dir']]['keypoint']
        assert sample['keypoint'].dtype == expected.dtype
        np.testing.assert_array_equal(sample['keypoint'], expected)
    assert conversion.split['xsub_train'] == ['S020C001P045R001A120', 'S001C001P001R001A050']  # as in their file
    assert conversion.split['xset_train'] == ['S020C001P045R001A120', 'S018C003P041R001A106']  # from the names


@pytest.mark.parametrize(
    ('label', 'shown'), [(3, '3'), (np.zeros(0), 'array([]'), (np.array([49]), 'array([49])'), ('49', "'49'")]
)
def test_wrong_samples_of_a_pickle_are_named(tmp_path, label, shown):
    wrong = {'_0': {'label': label}, '_1': {'keypoint': np.zeros((1, 5, 25, 3))}, '_2': {'frame_dir': 'clip7'}}
    pyskl(tmp_path / 'x.pkl', list(NAMES), **wrong)
    conversion = convert_ntu(tmp_path / 'x.pkl', 'ntu26', skip_bad=True)
    assert list(labels(conversion)) == list(NAMES)[3:]
    assert 'expected a name of the form' in conversion.problems[0]
    assert f"expected 'label' 49, got {shown}" in conversion.problems[1]
    assert 'all-zero' in conversion.problems[2]
