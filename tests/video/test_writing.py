"""Annotated videos: what is drawn where, and files that are whole."""

import cv2
import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS
from asea_mm.video.drawing import Annotator, Bar, PairLabel, draw_people
from asea_mm.video.lettering import letters
from asea_mm.video.source import open_source
from asea_mm.video.writer import LONGEST_PAUSE, VideoWriter

from .clips import STEP, body, coloured, pictures

SKELETON = SKELETONS['coco17']


def read(path) -> list[int]:
    """The numbers of :func:`pictures` in a file."""
    with open_source(path) as source:
        return [round(frame.picture.mean() / STEP) for frame in source]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_pictures_come_back(tmp_path, suffix):
    with VideoWriter(tmp_path / f'a{suffix}', 20) as video:
        for picture in pictures(10):
            video.write(picture)
    assert read(tmp_path / f'a{suffix}') == list(range(10))
    assert [path.name for path in tmp_path.iterdir()] == [f'a{suffix}']


def test_uneven_pictures_fill_their_time(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 10) as video:
        for picture, time in zip(pictures(5), [0.0, 0.1, 0.14, 0.5, 0.6], strict=True):
            video.write(picture, time)
    assert read(tmp_path / 'a.mp4') == [0, 1, 2, 2, 2, 3, 4]


def test_a_long_pause_does_not_fill_the_disk(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 2) as video:
        for picture, time in zip(pictures(3), [0.0, 1e6, 1e6 + 0.5], strict=True):
            video.write(picture, time)
    assert len(read(tmp_path / 'a.mp4')) == 3 + 2 * LONGEST_PAUSE


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, error):
    (tmp_path / 'a.mp4').write_bytes(b'before')

    def fail():
        with VideoWriter(tmp_path / 'a.mp4', 20) as video:
            video.write(coloured())
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / 'a.mp4').read_bytes() == b'before'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(('name', 'fps'), [('a.gif', 20), ('a', 20), ('a.mp4', 0), ('a.mp4', float('nan'))])
def test_wrong_files(tmp_path, name, fps):
    with pytest.raises(InputError, match=name), VideoWriter(tmp_path / name, fps) as video:
        video.write(coloured())
    assert not list(tmp_path.iterdir())


def test_no_picture(tmp_path):
    with pytest.raises(InputError, match='no|none'), VideoWriter(tmp_path / 'a.mp4', 20):
        pass
    assert not list(tmp_path.iterdir())


class FullDisk:
    """OpenCV's writer where there is no room: it says nothing."""

    def __init__(self, *_):
        pass

    fourcc = staticmethod(lambda *_: 0)

    def isOpened(self):
        return True

    def write(self, _):
        pass

    def release(self):
        pass


def test_a_video_that_could_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoWriter', FullDisk)

    def fail():
        with VideoWriter(tmp_path / 'a.mp4', 20) as video:
            for picture in pictures(5):
                video.write(picture)

    with pytest.raises(InputError, match='disk'):
        fail()
    assert not list(tmp_path.iterdir())


def test_people_are_drawn_where_they_are():
    picture = coloured((200, 300))
    draw_people(picture, {1: body(80), 2: body(220)}, SKELETON)
    assert picture[60:140, 60:100].any()
    assert picture[60:140, 200:240].any()
    assert not picture[:, 120:180].any()
    # The first two persons differ in colour.
    assert np.abs(picture[60:140, 60:100].mean((0, 1)) - picture[60:140, 200:240].mean((0, 1))).max() > 5


def test_joints_of_low_scores_are_not_drawn():
    picture = coloured((200, 300))
    draw_people(picture, {1: body(80, score=0.1), 2: np.full((17, 3), np.nan), 3: np.full((17, 3), 1e30)}, SKELETON)
    assert not picture.any()


@pytest.mark.parametrize(('height', 'width'), [(200, 301), (1920, 1088), (48, 64)])
@pytest.mark.parametrize('duration', [None, 10.0])
def test_a_picture_with_everything(height, width, duration):
    annotator = Annotator(SKELETON, duration)
    picture, people = coloured((height, width)), {1: body(20, 40, 30), 2: body(width - 10, 40, 30)}
    labels = [
        PairLabel((1, 2), 'shaking hands', 0.9),
        PairLabel((1, 2), 'Händeschütteln 握手'),
        PairLabel((1, 7), 'gone'),
    ]
    bars = [Bar((1, 2), 'pushing', 0.0, 2.0), Bar((1, 3), 'pushing', 1.0), Bar((1, 2), 'later', 9.0)]
    shapes = set()
    for now in (0.0, 1.5, 40.0):
        drawn = annotator.draw(picture, people, now, labels, bars)
        shapes.add(drawn.shape)
        assert drawn.dtype == np.uint8
    ((drawn_height, drawn_width, _),) = shapes  # the same for all of a video
    assert drawn_height % 2 == drawn_width % 2 == 0
    assert max(drawn_width, drawn_height / 1.2) <= 1280
    assert not picture.any()


def test_bars_are_at_their_times():
    annotator = Annotator(SKELETON, 10.0)
    drawn = annotator.draw(coloured((400, 1000)), {}, 10.0, bars=[Bar((1, 2), 'pushing', 2.0, 4.0)])
    strip = drawn[400:]
    columns = np.flatnonzero((strip[5] == annotator.colour('pushing')).all(axis=-1))
    assert columns.min() == pytest.approx(10 + 0.2 * 980, abs=3)
    assert columns.max() == pytest.approx(10 + 0.4 * 980, abs=3)
    early = annotator.draw(coloured((400, 1000)), {}, 3.0, bars=[Bar((1, 2), 'pushing', 2.0, 4.0)])[400:]
    columns = np.flatnonzero((early[5] == annotator.colour('pushing')).all(axis=-1))
    assert columns.max() == pytest.approx(10 + 0.3 * 980, abs=3)  # nothing is known of what comes


def test_text_has_its_height_and_grows():
    assert letters('push', 20).shape[0] == 20
    assert letters('pushing', 20).shape[1] > letters('push', 20).shape[1]
    assert letters('pushing', 20).max() == pytest.approx(1, abs=0.1)
    assert letters('', 20).shape[0] == 20
