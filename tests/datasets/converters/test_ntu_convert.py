"""NTU RGB+D converter: folders and pickles to a benchmark; stopped runs, several processes, what is refused."""

import importlib.util
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmaction.datasets import PoseDataset

from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations
from asea_mm.datasets.converters import convert_ntu
from asea_mm.datasets.converters.ntu import shards as ntu_shards
from asea_mm.datasets.converters.ntu.convert import find_ntu_files, read_ntu_skeleton
from tests.datasets.ntu_files import clip_text, person, write_clip

TOOL = Path(__file__).parents[3] / 'tools' / 'prepare_data.py'
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


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('prepare_data', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def raw(tmp_path):
    root = tmp_path / 'raw'
    for index, name in enumerate((*NAMES, *OTHER, BROKEN)):
        folder = root / ('nturgbd_skeletons_s001_to_s017' if name < 'S018' else 'nturgbd_skeletons_s018_to_s032')
        write_clip(folder, name, (1, A + 0.01 * index), (2, B))
    return root


def test_folder(raw, tmp_path):
    result = convert_ntu(raw, 'ntu26', tmp_path / 'cache')
    annotations = list(result.annotations)
    assert {item['frame_dir']: item['label'] for item in annotations} == NAMES
    assert [item['frame_dir'] for item in annotations] == sorted(NAMES)
    assert result.split == {
        'xsub_train': ['S001C001P001R001A050', 'S020C001P045R001A120'],
        'xsub_val': ['S001C002P003R002A060', 'S018C003P041R001A106'],
        'xset_train': ['S018C003P041R001A106', 'S020C001P045R001A120'],
        'xset_val': ['S001C001P001R001A050', 'S001C002P003R002A060'],
    }
    assert (result.broken, result.other_classes, result.refused) == ([BROKEN], 2, {})
    assert (result.meta['layout'], result.meta['units'], len(result.meta['classes'])) == ('nturgbd25', 'metre', 26)
    for item in annotations:
        assert item['total_frames'] == 6
        assert item['keypoint'].dtype == np.float32
        file = next(raw.rglob(f'{item["frame_dir"]}.skeleton'))
        np.testing.assert_array_equal(item['keypoint'], read_ntu_skeleton(file))
        np.testing.assert_allclose(item['keypoint'][1], B, atol=1e-6)


@pytest.mark.parametrize(
    ('benchmark', 'labels', 'splits'),
    [
        ('ntu11', {'S001C001P001R001A050': 0, 'S001C002P003R002A060': 10}, {'xsub', 'xview'}),
        ('ntu60', {OTHER[0]: 0, 'S001C001P001R001A050': 49, 'S001C002P003R002A060': 59}, {'xsub', 'xview'}),
        ('ntu120', {name: int(name[-3:]) - 1 for name in (*NAMES, *OTHER)}, {'xsub', 'xset'}),
    ],
)
def test_benchmarks(raw, tmp_path, benchmark, labels, splits):
    result = convert_ntu(raw, benchmark, tmp_path / 'cache')
    assert {item['frame_dir']: item['label'] for item in result.annotations} == labels
    assert {name.split('_')[0] for name in result.split} == splits


def test_broken_samples_on_request(raw, tmp_path):
    result = convert_ntu(raw, cache=tmp_path / 'cache', keep_broken=True)
    assert result.broken == []
    assert BROKEN in {item['frame_dir'] for item in result.annotations}


def test_half_precision(raw, tmp_path):
    result = convert_ntu(raw, cache=tmp_path / 'cache', dtype='float16')
    keypoint = next(iter(result.annotations))['keypoint']
    assert keypoint.dtype == np.float16
    assert np.abs(keypoint[0] - A).max() < 1.5e-3  # metres


def test_a_wrong_file_does_not_lose_the_others(raw, tmp_path):
    write_clip(raw, 'S001C001P001R001A051', text='')
    write_clip(raw, 'S001C001P001R001A052', text='2\n0\n0\n')
    write_clip(raw, 'S001C001P001R001A053', text=clip_text((1, A))[:5000])
    write_clip(raw, 'S001C001P001R001A054_copy', (1, A))
    write_clip(raw / 'again', 'S020C001P045R001A120', (1, A))
    write_clip(raw / '__MACOSX', '._S001C001P001R001A055', text='resource fork')
    (raw / 'readme.txt').write_text('not a clip')
    (raw / 'S001C001P001R001A056.skeleton').symlink_to(tmp_path / 'nowhere')
    result = convert_ntu(raw, cache=tmp_path / 'cache')
    assert {item['frame_dir'] for item in result.annotations} == set(NAMES)
    reasons = {Path(file).name: reason for file, reason in result.refused.items()}
    assert len(reasons) == 6
    for file, reason in result.refused.items():
        assert file in reason
    assert 'No such file' in reasons['S001C001P001R001A056.skeleton']
    assert 'got an empty file' in reasons['S001C001P001R001A051.skeleton']
    assert 'expected at least one body, got none in 2 frames' in reasons['S001C001P001R001A052.skeleton']
    assert 'cut short' in reasons['S001C001P001R001A053.skeleton']
    assert 'expected a name of the form' in reasons['S001C001P001R001A054_copy.skeleton']
    assert 'expected every sample once' in reasons['S020C001P045R001A120.skeleton']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda root: root / 'nowhere', 'nowhere: no such folder or file'),
        (lambda root: root.parent, r'expected files such as S001C002P003R002A050.skeleton, got none'),
        (lambda root: write_clip(root, 'x', text=''), 'expected a folder of .skeleton files or a pickle'),
        (lambda root: write_clip(root, OTHER[0], (1, A)).parent, '1 samples of other classes, 0 known as broken, 0 re'),
        (lambda root: write_clip(root, BROKEN, (1, A)).parent, '1 known as broken'),
        (lambda root: write_clip(root, 'S001C001P001R001A050', text='').parent, '1 refused; the first: .*empty file'),
    ],
)
def test_nothing_to_convert(tmp_path, change, message):
    root = tmp_path / 'one' / 'two'
    root.mkdir(parents=True)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        convert_ntu(change(root), cache=tmp_path / 'cache')


@pytest.mark.parametrize('wrong', [{'benchmark': 'ntu25'}, {'dtype': 'int8'}, {'jobs': 0}])
def test_wrong_arguments(raw, tmp_path, wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        convert_ntu(raw, cache=tmp_path / 'cache', **wrong)


def test_mmaction_reads_what_we_write(raw, tmp_path):
    out = tmp_path / 'ntu.pkl'
    result = convert_ntu(raw, cache=tmp_path / 'cache')
    save_annotations(out, result.annotations, result.split, result.meta)
    theirs = PoseDataset(str(out), pipeline=[], split='xsub_val')
    assert [theirs.get_data_info(i)['frame_dir'] for i in range(len(theirs))] == result.split['xsub_val']
    for index in range(len(theirs)):
        info = theirs.get_data_info(index)
        file = next(raw.rglob(f'{info["frame_dir"]}.skeleton'))
        np.testing.assert_array_equal(info['keypoint'], read_ntu_skeleton(file))
        assert info['label'] == NAMES[info['frame_dir']]
    ours = InteractionPoseDataset(str(out), pipeline=[], split='xset_train')
    assert [info['label'] for info in ours] == [11, 25]


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
    return {item['frame_dir']: item for item in annotations}


def test_pyskl(tmp_path):
    names = [*reversed(NAMES), *OTHER, BROKEN]
    theirs = pyskl(tmp_path / 'ntu120_3d.pkl', names)
    result = convert_ntu(tmp_path / 'ntu120_3d.pkl', 'ntu26')
    out = tmp_path / 'out.pkl'
    save_annotations(out, result.annotations, result.split, result.meta)
    content = load_annotations(out)
    assert {item['frame_dir']: item['label'] for item in content['annotations']} == NAMES
    for item in content['annotations']:
        expected = theirs[item['frame_dir']]['keypoint']
        assert item['keypoint'].dtype == expected.dtype
        np.testing.assert_array_equal(item['keypoint'], expected)
    assert content['split']['xsub_train'] == ['S020C001P045R001A120', 'S001C001P001R001A050']  # as in their file
    assert content['split']['xset_train'] == ['S020C001P045R001A120', 'S018C003P041R001A106']  # from the names
    assert (result.broken, result.other_classes) == ([BROKEN], 2)
    assert content['meta']['layout'] == 'nturgbd25'


def test_pyskl_refuses_single_samples(tmp_path):
    wrong = {'_0': {'label': 3}, '_1': {'keypoint': np.zeros((1, 5, 25, 3))}, '_2': {'frame_dir': 'clip7'}}
    pyskl(tmp_path / 'x.pkl', list(NAMES), **wrong)
    result = convert_ntu(tmp_path / 'x.pkl', 'ntu26')
    assert [item['frame_dir'] for item in result.annotations] == list(NAMES)[3:]
    reasons = list(result.refused.values())
    assert "expected 'label' 49, got 3" in reasons[0]
    assert 'all-zero' in reasons[1]
    assert 'expected a name of the form' in reasons[2]


def test_a_pickle_does_not_replace_itself(tool, tmp_path, capsys):
    path = tmp_path / 'ntu120_3d.pkl'
    pyskl(path, list(NAMES))
    before = path.read_bytes()
    (tmp_path / 'link.pkl').symlink_to(path)
    assert tool.main(['ntu', str(path), '--out', str(tmp_path / 'link.pkl')]) == 1
    assert 'link.pkl is what is converted; choose another file' in capsys.readouterr().err
    assert path.read_bytes() == before


def test_samples_of_other_classes_are_not_checked(tmp_path):
    pyskl(tmp_path / 'ntu120_3d.pkl', [*NAMES, *OTHER])
    content = pickle.loads((tmp_path / 'ntu120_3d.pkl').read_bytes())
    for annotation in content['annotations']:
        if annotation['frame_dir'] in OTHER:
            annotation['keypoint'][0, 0, 0, 0] = np.nan
    (tmp_path / 'ntu120_3d.pkl').write_bytes(pickle.dumps(content))
    result = convert_ntu(tmp_path / 'ntu120_3d.pkl', 'ntu26')
    assert (result.refused, result.other_classes) == ({}, 2)


def test_untrusted_pickle(tmp_path):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(os.getcwd))
    with pytest.raises(ValueError, match='refused, the pickle asks for'):
        convert_ntu(tmp_path / 'x.pkl')


# Stopped runs and several processes


@pytest.fixture
def many(tmp_path, monkeypatch):
    monkeypatch.setattr(ntu_shards, 'FILES_PER_SHARD', 3)
    root = tmp_path / 'many'
    for number in range(20):
        text = '1\n0\n' if number == 7 else None
        write_clip(root, f'S001C001P{number + 1:03d}R001A050', (1, A), (2, B + 0.01 * number), text=text)
    return root


def converted(tool, root, out, *options):
    assert tool.main(['ntu', str(root), '--benchmark', 'ntu11', '--out', str(out), *options]) == 0
    assert not Path(f'{out}.partial').exists()
    return out.read_bytes()


def test_processes_do_not_matter(tool, many, tmp_path):
    alone = converted(tool, many, tmp_path / 'a.pkl', '--jobs', '1')
    assert converted(tool, many, tmp_path / 'b.pkl', '--jobs', '2') == alone
    content = load_annotations(tmp_path / 'b.pkl')
    assert len(content['annotations']) == 19
    assert 'P008' in (tmp_path / 'b.pkl.report.txt').read_text()


@pytest.mark.parametrize(('jobs', 'after'), [('1', 1), ('1', 10), ('2', 4), ('1', 19)])
def test_a_stopped_run_goes_on(tool, many, tmp_path, monkeypatch, capsys, jobs, after):
    whole = converted(tool, many, tmp_path / 'whole.pkl', '--jobs', '2')
    parse, out, read = ntu_shards.parse_ntu_skeleton, tmp_path / 'out.pkl', []

    def stopping(path):
        read.append(path)
        if len(read) > after:
            raise KeyboardInterrupt
        return parse(path)

    monkeypatch.setattr(ntu_shards, 'parse_ntu_skeleton', stopping)
    with pytest.raises(SystemExit) as stop:
        tool.main(['ntu', str(many), '--benchmark', 'ntu11', '--out', str(out), '--jobs', jobs])
    assert stop.value.code == 130
    assert 'the same command goes on' in ' '.join(capsys.readouterr().err.split())
    assert not out.exists()
    read.clear()
    monkeypatch.setattr(ntu_shards, 'parse_ntu_skeleton', lambda path: read.append(path) or parse(path))
    assert converted(tool, many, out, '--jobs', '1') == whole
    if jobs == '1':
        assert len(read) == 20 - after // 3 * 3  # finished shards are not read again


def test_stopped_while_saving(tool, many, tmp_path, monkeypatch):
    whole = converted(tool, many, tmp_path / 'whole.pkl')
    out = tmp_path / 'out.pkl'
    with monkeypatch.context() as patch:
        patch.setattr(ntu_shards, 'read_keypoints', None)
        patch.setattr(tool, 'save_annotations', lambda *args: (_ for _ in ()).throw(OSError('disk full')))
        assert tool.main(['ntu', str(many), '--benchmark', 'ntu11', '--out', str(out)]) == 1
    monkeypatch.setattr(ntu_shards, 'parse_ntu_skeleton', None)  # nothing is read again
    assert converted(tool, many, out) == whole


@pytest.mark.parametrize('damage', ['keypoints', 'outcomes', 'input', 'half-written'])
def test_stale_and_damaged_caches_are_made_again(many, tmp_path, damage):
    cache = tmp_path / 'cache'
    convert_ntu(many, 'ntu11', cache)
    file = many / 'S001C001P002R001A050.skeleton'
    if damage == 'keypoints':
        (cache / '000000.npz').write_bytes(b'')
    elif damage == 'outcomes':
        (cache / '000000.json').write_text('{"key"')
    elif damage == 'half-written':
        (cache / '000000.json').rename(cache / '000000.tmp')
    else:
        file.write_text(clip_text((1, A[:4]), (2, B[:4])))
    annotations = {item['frame_dir']: item for item in convert_ntu(many, 'ntu11', cache).annotations}
    assert len(annotations) == 19
    np.testing.assert_array_equal(annotations[file.stem]['keypoint'], read_ntu_skeleton(file))


def test_killed(many, tmp_path):
    """A process that is killed leaves nothing that a later run takes for finished."""
    code = (
        'import sys, time; from asea_mm.datasets.converters import convert_ntu, ntu_shards\n'
        'ntu_shards.FILES_PER_SHARD = 3\n'
        'slow = ntu_shards.parse_ntu_skeleton\n'
        'ntu_shards.parse_ntu_skeleton = lambda path: time.sleep(0.05) or slow(path)\n'
        "convert_ntu(sys.argv[1], 'ntu11', sys.argv[2], progress=lambda done, total: print(done, flush=True))\n"
    )
    cache = tmp_path / 'cache'
    command = [sys.executable, '-W', 'ignore', '-c', code, str(many), str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while (line := process.stdout.readline()) and int(line) < 6:
        time.sleep(0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = []
    resumed = convert_ntu(many, 'ntu11', cache, progress=lambda finished, total: done.append(finished))
    assert done[0] >= 6
    fresh = convert_ntu(many, 'ntu11', tmp_path / 'fresh')
    for one, other in zip(resumed.annotations, fresh.annotations, strict=True):
        np.testing.assert_array_equal(one.pop('keypoint'), other.pop('keypoint'))
        assert one == other


def test_only_shards_are_removed(many, tmp_path):
    cache = tmp_path / 'cache'
    result = convert_ntu(many, 'ntu11', cache)
    (cache / 'mine.json').touch()
    result.remove_cache()
    assert [file.name for file in cache.iterdir()] == ['mine.json']


# The command


def test_command(tool, raw, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_clip(raw, 'S001C001P001R001A052', text='2\n0\n0\n')
    assert tool.main(['ntu', str(raw)]) == 0
    printed = capsys.readouterr()
    content = load_annotations(tmp_path / 'data' / 'ntu' / 'ntu26.pkl')
    assert len(content['annotations']) == 4
    rows = {line.split()[0]: line.split() for line in printed.out.splitlines() if line.split()}
    assert rows['A050'][-6:] == ['1', '0', '0', '1', '1', '6/6/6']
    assert rows['all'][1:] == ['2', '2', '2', '2', '4', '6/6/6']
    assert 'wrote 4 samples to data/ntu/ntu26.pkl' in printed.out
    assert '2 samples of other classes' in printed.err
    assert '1 samples left out that the authors list' in printed.err
    assert 'expected at least one body' in printed.err
    assert 'S001C001P001R001A052' in (tmp_path / 'data/ntu/ntu26.pkl.report.txt').read_text()


def test_strict(tool, raw, tmp_path, capsys):
    out = tmp_path / 'x.pkl'
    wrong = write_clip(raw, 'S001C001P001R001A052', text='')
    assert tool.main(['ntu', str(raw), '--out', str(out), '--strict']) == 1
    assert not out.exists()
    assert '1 refused, so nothing is written' in capsys.readouterr().err
    wrong.unlink()
    assert tool.main(['ntu', str(raw), '--out', str(out), '--strict']) == 0
    assert not Path(f'{out}.report.txt').exists()


def test_find_files_in_the_order_of_names(raw):
    files, refused = find_ntu_files(raw)
    assert list(files) == sorted((*NAMES, *OTHER, BROKEN))
    assert refused == {}


def test_links_to_other_disks_are_followed(raw, tmp_path):
    (root := tmp_path / 'all').mkdir()
    (root / 'one').symlink_to(raw)
    (root / 'again').symlink_to(raw)
    (raw / 'back').symlink_to(root)
    files, refused = find_ntu_files(root)
    assert sorted(files) == sorted((*NAMES, *OTHER, BROKEN))
    assert refused == {}
