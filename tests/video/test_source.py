"""Videos and folders of pictures: frames and their times, turned ones, damaged ones, and none."""

import http.server
import threading
from functools import partial

import cv2
import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.video.source import open_source

from .clips import STEP, coloured, make_noise, make_video, pictures, space_unevenly, turn, write_picture


def brightness(frame) -> float:
    return float(frame.picture.mean())


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_frames_and_times_of_a_video(tmp_path, suffix):
    with open_source(make_video(tmp_path / f'clip{suffix}')) as source:
        frames = list(source)
        assert (source.live, source.dropped, source.notes) == (False, 0, [])
        assert source.fps == pytest.approx(20)
        assert source.num_frames == 20
    assert [frame.number for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / 20, atol=1e-3)
    np.testing.assert_allclose([brightness(frame) for frame in frames], STEP * np.arange(20), atol=5)


def test_uneven_times_are_those_of_the_file(tmp_path):
    space_unevenly(make_video(tmp_path / 'clip.mp4'))
    with open_source(tmp_path / 'clip.mp4') as source:
        times = [frame.time for frame in source]
        assert source.notes == []
    np.testing.assert_allclose(np.diff(times), [0.025] * 10 + [0.075] * 9, atol=1e-3)


def test_a_turned_video_is_upright(tmp_path):
    turn(make_video(tmp_path / 'clip.mp4', count=5, height=48, width=64))
    with open_source(tmp_path / 'clip.mp4') as source:
        assert {frame.picture.shape for frame in source} == {(64, 48, 3)}


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_a_damaged_end_is_said(tmp_path, suffix):
    path = make_noise(tmp_path / f'clip{suffix}')
    content = path.read_bytes()
    if suffix == '.mp4':  # whose index is at the end
        data, index = content.index(b'mdat'), content.index(b'moov') - 4
        half = (data + index) // 2
        path.write_bytes(content[:half] + bytes(index - half) + content[index:])
    else:
        path.write_bytes(content[: len(content) // 2])
    with open_source(path) as source:
        count = len(list(source))
        assert 10 < count < 40
        assert len(source.notes) == 1
        assert str(path) in source.notes[0]
        assert f'{count} of 60' in source.notes[0]


@pytest.mark.parametrize(
    'name',
    ['none.mp4', 'empty.mp4', 'text.mp4', 'cut.mp4', 'picture.png', 'folder', '73', 'rtsp://127.0.0.1:1/none'],
)
def test_what_is_no_video(tmp_path, name):
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'text.mp4').write_text('no video' * 1000, encoding='utf-8')
    (tmp_path / 'cut.mp4').write_bytes(make_noise(tmp_path / 'whole.mp4', 5).read_bytes()[:3000])
    write_picture(tmp_path / 'picture.png', coloured())
    (tmp_path / 'folder').mkdir()
    source = name if name == '73' or '://' in name else tmp_path / name
    with pytest.raises(InputError) as caught:
        open_source(source)
    assert str(source) in str(caught.value)
    assert 'expected' in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_closed_source_ends(tmp_path):
    source = open_source(make_video(tmp_path / 'clip.mp4'))
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


def test_a_folder_is_read_by_its_numbers(tmp_path):
    for number, picture in enumerate(pictures(12)):
        write_picture(tmp_path / f'bild ü {number}.png', picture)
    (tmp_path / 'notes.txt').touch()
    with open_source(tmp_path, fps=10) as source:
        frames = list(source)
        assert (source.num_frames, source.fps, source.notes) == (12, 10, [])
    assert [brightness(frame) for frame in frames] == [STEP * number for number in range(12)]
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(12) / 10)


def test_pictures_that_cannot_be_used_are_said_and_keep_their_time(tmp_path):
    for number, picture in enumerate(pictures(6)):
        write_picture(tmp_path / f'{number}.png', picture)
    (tmp_path / '2.png').write_bytes(b'no picture')
    write_picture(tmp_path / '4.png', coloured((10, 10)))
    with open_source(tmp_path, fps=10) as source:
        assert [frame.number for frame in source] == [0, 1, 3, 5]
        assert len(source.notes) == 1
        assert '2.png' in source.notes[0]


def test_a_folder_without_a_good_picture(tmp_path):
    (tmp_path / '1.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match='cannot be read'):
        open_source(tmp_path)


@pytest.mark.parametrize('fps', [0, -1, float('nan'), 1e6])
def test_wrong_fps(tmp_path, fps):
    write_picture(tmp_path / '1.png', coloured())
    with pytest.raises(InputError, match='fps'):
        open_source(tmp_path, fps=fps)


def test_turned_photographs_are_upright(tmp_path):
    orientation = bytes.fromhex(
        'ffe1002245786966000049492a00080000000100120103000100000006000000 00000000'.replace(' ', '')
    )
    plain = cv2.imencode('.jpg', coloured((48, 64)))[1].tobytes()
    (tmp_path / '1.jpg').write_bytes(plain[:2] + orientation + plain[2:])
    with open_source(tmp_path) as source:
        assert next(iter(source)).picture.shape == (64, 48, 3)


def test_an_address_of_a_file_is_read_like_a_file(tmp_path):
    make_video(tmp_path / 'clip.mp4')

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_source(f'http://127.0.0.1:{server.server_port}/clip.mp4') as source:
            assert not source.live
            assert len(list(source)) == 20
        server.shutdown()
