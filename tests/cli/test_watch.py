"""``asea watch`` on videos that the test makes, with a pose estimator that sees coloured boxes; ``asea calibrate``."""

import csv
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS

from asea_mm.apis import InteractionInferencer
from asea_mm.cli import watch
from asea_mm.engine import load_config
from asea_mm.skeletons import get_skeleton
from tests.cli.tiny import ROOT

FPS, SIZE = 30, (240, 320)
COCO = get_skeleton('coco17')
COLOURS = ((255, 0, 0), (0, 0, 255), (0, 255, 0))


class BoxEstimator:
    """A person is a box of one colour, whose skeleton fills it."""

    layout = 'coco17'

    def __call__(self, picture):
        bodies = []
        for colour in COLOURS:
            near = (np.abs(picture.astype(int) - colour) < 90).all(axis=-1)
            if near.sum() > 50:
                rows, columns = np.nonzero(near)
                shape = np.random.default_rng(0).uniform(size=(COCO.num_joints, 2))
                low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
                bodies.append(np.column_stack([low + shape * (high - low), np.full(COCO.num_joints, 0.9)]))
        return np.array(bodies, np.float32).reshape(-1, COCO.num_joints, 3)


def write_clip(path: Path, places, frames: int = 75) -> Path:
    """Boxes with their left edges at these places of every frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), FPS, SIZE[::-1])
    assert writer.isOpened()
    for number in range(frames):
        picture = np.full((*SIZE, 3), 128, np.uint8)
        for colour, left in zip(COLOURS, places(number), strict=False):
            cv2.rectangle(picture, (int(left), 80), (int(left) + 30, 200), colour, -1)
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture
def two_d(tmp_path, monkeypatch) -> Path:
    """A model of poses in images that takes anything for pushing; poses come from boxes."""
    cfg = load_config(ROOT / 'configs' / 'asea_sbu_to_k3hi_2d.py')
    small = {'model.backbone.channels': (8, 16), 'model.backbone.strides': None, 'model.cls_head.in_channels': 16}
    cfg.merge_from_dict({**small, 'model.cls_head.num_classes': 2})
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        model.cls_head.fc.weight.zero_()
        model.cls_head.fc.bias[:] = torch.tensor([2.0, 0.0])
    about = dict(classes=['pushing', 'no interaction'], layout='common13', units='pixel')
    path = tmp_path / 'two_d.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=cfg.pretty_text, dataset_meta=about)), path)
    monkeypatch.setattr('asea_mm.apis.watch_job.open_estimator', lambda *_: BoxEstimator())
    return path


def table(path: Path) -> list[dict]:
    with path.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_all_that_is_written(command, two_d, tmp_path):
    clip = write_clip(tmp_path / 'clip.mp4', lambda number: (60 + number / 10, 120))
    code, out, errors = command(
        *('watch', clip, '--model', two_d, '--out', 'seen', '--video', 'seen.mp4'),
        *('--page', 'seen.html', '--keypoints', 'seen.npz'),
    )
    assert code == 0, errors
    (event,) = table(Path('seen/clip/events.csv'))
    assert event['label'] == 'pushing'
    assert {event['person_1'], event['person_2']} == {'1', '2'}
    assert float(event['start']) == 0
    assert float(event['end']) == pytest.approx(2.5, abs=0.1)
    assert float(event['score']) == pytest.approx(np.exp(2) / (1 + np.exp(2)), abs=0.01)
    assert 'pushing' in out
    content = json.loads(Path('seen/clip/events.json').read_text(encoding='utf-8'))
    assert content['persons'] == [1, 2]
    assert not content['stopped']
    assert content['frames'] == 38
    assert content['events'][0]['label'] == 'pushing'
    video = cv2.VideoCapture('seen.mp4')
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 38
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(15)
    with np.load('seen.npz') as keypoints:
        assert keypoints['keypoint'].shape == (2, 38, 17, 2)
        assert keypoints['fps'] == 15
    assert 'pushing' in Path('seen.html').read_text(encoding='utf-8')
    result = InteractionInferencer(two_d, layout='coco17')('seen.npz')  # the keypoints are a recording
    assert result.label_name == 'pushing'
    assert result.num_person == 2


@pytest.mark.parametrize('places', [lambda number: (5, 280), lambda number: (60,), lambda number: ()])
def test_no_interaction(command, two_d, tmp_path, places):
    """Persons far apart, one person, nobody."""
    clip = write_clip(tmp_path / 'clip.mp4', places)
    code, out, errors = command('watch', clip, '--model', two_d, '--page', 'seen.html', '--video', 'seen.mp4')
    assert code == 0, errors
    assert 'no interaction' in out
    assert table(Path('watched/clip/events.csv')) == []
    assert Path('seen.mp4').exists()


def test_several_are_resumed_and_one_that_is_wrong_is_told(command, two_d, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, 'run_jobs', lambda function, tasks, *_, **__: ((task, function(task)) for task in tasks))
    (tmp_path / 'clips').mkdir()
    for name in ('a', 'b'):
        write_clip(tmp_path / 'clips' / f'{name}.mp4', lambda number: (60, 120), frames=30)
    (tmp_path / 'clips' / 'broken.mp4').write_bytes(b'no video at all')
    words = ['watch', 'clips', '--model', two_d, '--keypoints', 'bodies.npz']
    code, out, errors = command(*words)
    assert code == 1
    assert 'broken.mp4' in errors
    assert 'Traceback' not in errors
    assert out.count('pushing') == 2
    assert {path.parent.name for path in Path('watched').rglob('bodies.npz')} == {'a', 'b'}
    written = Path('watched/a/events.json').stat().st_mtime_ns
    Path('watched/b/events.csv').unlink(), Path('watched/b/events.json').unlink()
    assert command(*words)[0] == 1
    assert Path('watched/a/events.json').stat().st_mtime_ns == written
    assert Path('watched/b/events.json').exists()
    command(*words, '--window', 1)  # other settings make other events
    assert Path('watched/a/events.json').stat().st_mtime_ns > written


def test_interrupted(command, two_d, tmp_path, monkeypatch):
    """Ctrl-C ends it with what it has."""
    clip, seen = write_clip(tmp_path / 'clip.mp4', lambda number: (60, 120)), []
    estimate = BoxEstimator.__call__

    def interrupted(self, picture):
        seen.append(1)
        if len(seen) == 20:
            os.kill(os.getpid(), signal.SIGINT) if os.name == 'posix' else signal.raise_signal(signal.SIGINT)
        return estimate(self, picture)

    monkeypatch.setattr(BoxEstimator, '__call__', interrupted)
    before = signal.getsignal(signal.SIGINT)
    code, out, errors = command('watch', clip, '--model', two_d, '--video', 'seen.mp4')
    assert code == 128 + signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    content = json.loads(Path('watched/clip/events.json').read_text(encoding='utf-8'))
    assert content['stopped']
    assert content['frames'] == 20
    assert len(content['events']) == 1
    assert int(cv2.VideoCapture('seen.mp4').get(cv2.CAP_PROP_FRAME_COUNT)) == 20


def test_live(command, two_d, tmp_path):
    """A file as a camera: in real time, frames that come too fast are dropped and counted."""
    clip = write_clip(tmp_path / 'clip.mp4', lambda number: (60, 120), frames=45)
    code, out, errors = command('watch', clip, '--model', two_d, '--live', '--video', 'seen.mp4')
    assert code == 0, errors
    content = json.loads(Path('watched/clip/events.json').read_text(encoding='utf-8'))
    assert content['frames'] + content['dropped'] <= 45
    assert content['duration'] == pytest.approx(1.5, abs=0.3)
    assert [event['label'] for event in content['events']] == ['pushing']
    assert Path('seen.mp4').exists()


@pytest.mark.parametrize('words', [['no_such.mp4'], ['--page', 'x.txt'], ['--fps', '0'], ['--enter', '0.1']])
def test_mistakes_are_one_line(command, two_d, tmp_path, words):
    clip = write_clip(tmp_path / 'clip.mp4', lambda number: (60, 120), frames=5)
    source = [] if words[0].endswith('.mp4') else [clip]
    code, _, errors = command('watch', *source, *words, '--model', two_d)
    assert code == 1
    assert errors.splitlines()[-1].startswith('error: ')
    assert 'Traceback' not in errors


def test_names_of_sources():
    names = watch.names_of(['a/clip.mp4', 'b/clip.mp4', '0', 'rtsp://host:554/live?x=1'])
    assert len(set(names)) == 4
    assert names[0] == 'clip'
    assert all(name.isprintable() for name in names)


def test_calibrate(command, two_d):
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=200)
    sure = np.where(rng.random(200) < 0.7, labels, 1 - labels)
    scores = np.where(np.arange(2) == sure[:, None], 0.99, 0.01)
    np.savez('scores.npz', ids=np.arange(200).astype(str), scores=scores, labels=labels)
    code, out, errors = command('calibrate', two_d, 'scores.npz', '--out', 'calibrated.pth')
    assert code == 0, errors
    calibration = torch.load('calibrated.pth', weights_only=True)['meta']['calibration']
    assert calibration['temperature'] > 2
    assert calibration['ece'] < 0.05 < calibration['ece_before']
    keypoint = np.random.default_rng(0).normal(500, 50, size=(2, 20, 13, 2))
    before, after = (
        InteractionInferencer(path)(keypoint, img_shape=(1080, 1920)).score for path in (two_d, 'calibrated.pth')
    )
    odds = before / (1 - before)
    assert after / (1 - after) == pytest.approx(odds ** (1 / calibration['temperature']), rel=1e-3)
