"""Raw NTU RGB+D files: what is forgiven, what is refused with which message, and damage at random."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asea_mm.datasets.converters.ntu.convert import read_ntu_skeleton
from asea_mm.datasets.recordings.ntu_skeleton import parse_ntu_skeleton
from tests.datasets.ntu_files import clip_text, person, skeleton_text

JOINTS = person(0.0, frames=2)
# Line 1: frames. 2: bodies. 3: body. 4: joints. 5 to 29: joints. 30: bodies. 31: body. 32: joints. 33 to 57: joints.
GOOD = clip_text((72057594037931101, JOINTS))


def edited(line, change):
    """GOOD with one line changed, counted from 1; ``change`` is a text or a function of the line."""
    lines = GOOD.split('\n')
    lines[line - 1] = change(lines[line - 1]) if callable(change) else change
    return '\n'.join(lines)


def value(column, text):
    def change(line):
        values = line.split(' ')
        values[column - 1] = text
        return ' '.join(values)

    return change


def write(tmp_path, content):
    file = tmp_path / 'S001C001P001R001A050.skeleton'
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    'text',
    {
        'as it comes': GOOD,
        'Windows line ends': GOOD.replace('\n', '\r\n'),
        'old Macintosh line ends': GOOD.replace('\n', '\r'),
        'mixed line ends': GOOD.replace('\n', '\r\n', 20),
        'no line end': GOOD.rstrip(),
        'empty lines at the end': GOOD + '\n \n\r\n\n',
        'byte order mark': '\ufeff' + GOOD,
        'blanks at the end of lines': GOOD.replace('\n', '  \n'),
        'one blank at the end of lines': GOOD.replace('\n', ' \n'),
        'tabs': GOOD.replace(' ', '\t'),
        'wide blanks': GOOD.replace(' ', '   '),
        'indented': edited(6, lambda line: '  ' + line),
        'no pixel': edited(5, value(4, '-Infinity')),
        'no pixel, as Windows writes it': edited(5, value(7, '-1.#INF')),
        'no orientation': edited(9, value(9, 'NaN')),
        'anything that is not used': edited(5, value(8, '?')),
        'exponents': edited(5, value(4, '1.5E+02')),
    }.items(),
    ids=lambda item: item[0],
)
def test_forgiven(tmp_path, text):
    raw = parse_ntu_skeleton(write(tmp_path, text[1]))
    assert raw.num_frames == 2
    assert raw.frame.tolist() == [0, 1]
    assert list(raw.ids) == [72057594037931101] * 2
    np.testing.assert_array_equal(raw.joints, JOINTS)


REFUSED = {
    'empty': ('', ': expected a skeleton file that starts with the number of frames, got an empty file'),
    'blank': ('\r\n  \n', ': .* got an empty file'),
    'only a mark': ('\ufeff', ': .* got an empty file'),
    'binary': (b'\x80\x04\x95\xff', ', line 1: expected the number of frames'),
    'zeros': (b'\0' * 100, r", line 1: expected the number of frames, got '.*x00"),
    'words': ('hello\n', ", line 1: expected the number of frames, got 'hello'"),
    'negative frames': (edited(1, '-2'), ", line 1: expected the number of frames, got '-2'"),
    'half a frame': (edited(1, '2.5'), ", line 1: expected the number of frames, got '2.5'"),
    'too many frames': (edited(1, '3'), ', line 58: expected the number of bodies, got the end of the file: it is cut'),
    'absurd frames': (edited(1, '999999999'), ', line 1: expected at least 999999999 more lines .*, got 56'),
    'astronomic frames': (edited(1, '9' * 5000), ", line 1: expected the number of frames, got '999"),
    'too few frames': (edited(1, '1'), r", line 30: expected the end of the file after 1 frames, got '1'"),
    'negative bodies': (edited(2, '-1'), r", line 2: expected the number of bodies, got '-1' \(frame 1 of 2\)"),
    'absurd bodies': (edited(30, '100000000'), ', line 30: expected at least 2700000000 more lines .*, got 27'),
    'too many bodies': (
        edited(30, '2'),
        ', line 30: expected at least 54 more lines for 2 bodies, got 27: .*cut short',
    ),
    'too few bodies': (edited(2, '0'), r", line 3: expected the number of bodies, got '72057594037931101 0"),
    'empty line': (edited(30, '\n1'), ', line 30: expected the number of bodies, got an empty line'),
    'cut in a frame': ('\n'.join(GOOD.split('\n')[:40]), ', line 30: expected at least 27 more lines .*, got 10'),
    'cut between frames': ('\n'.join(GOOD.split('\n')[:29]), ', line 30: .* got the end of the file: it is cut short'),
    'cut in the last line': (GOOD[:-30], r', line 57: expected 12 values of a joint, got \d+:'),
    'short body line': (edited(3, '7205 0 1 1'), ", line 3: expected 10 values of a body, got 4: '7205 0 1 1'"),
    'long body line': (edited(3, lambda line: line + ' 1'), ', line 3: expected 10 values of a body, got 11'),
    'body without id': (edited(3, value(1, 'x')), ", line 3: expected a body id, .*, got 'x'"),
    'broken id': (edited(31, value(1, '1.5')), r", line 31: expected a body id, .*, got '1.5' \(frame 2 of 2\)"),
    'negative id': (edited(3, value(1, '-1')), ", line 3: expected a body id, .*, got '-1'"),
    'endless id': (edited(3, value(1, '1' * 21)), ", line 3: expected a body id, .* 20 digits, got '111"),
    '24 joints': (edited(4, '24'), ", line 4: expected the number of joints, 25, got '24'"),
    '20 joints of Kinect v1': (edited(32, '20'), ", line 32: expected the number of joints, 25, got '20'"),
    'a joint missing': (edited(29, ''), ', line 29: expected 12 values of a joint, got 0: an empty line'),
    '11 values': (edited(7, lambda line: line.rsplit(' ', 1)[0]), ', line 7: expected 12 values of a joint, got 11'),
    '13 values': (edited(7, lambda line: line + ' 0'), ', line 7: expected 12 values of a joint, got 13'),
    'a value moved to the next line': (
        edited(8, lambda line: line + ' 2').replace(' 2\n', '\n', 1),
        ', line 3: expected 10 values of a body, got 9',
    ),
    'not a number': (edited(5, value(2, 'abc')), ", line 5: expected a finite number for y, got 'abc'"),
    'decimal comma': (edited(5, value(1, '0,5')), ", line 5: expected a finite number for x, got '0,5'"),
    'two points': (edited(5, value(1, '1.2.3')), ", line 5: expected a finite number for x, got '1.2.3'"),
    'two numbers in one': (edited(5, value(1, '1-2')), ", line 5: expected a finite number for x, got '1-2'"),
    'underscore': (edited(5, value(1, '1_0')), ", line 5: expected a finite number for x, got '1_0'"),
    'hexadecimal': (edited(5, value(1, '0x10')), ", line 5: expected a finite number for x, got '0x10'"),
    'other digits': (edited(5, value(1, '١')), ", line 5: expected a finite number for x, got '١'"),
    'NaN': (edited(5, value(1, 'NaN')), ", line 5: expected a finite number for x, got 'NaN'"),
    'infinity': (edited(40, value(3, '-inf')), r", line 40: expected a finite number for z, got '-inf'"),
    'Windows NaN': (edited(5, value(2, '-1.#IND')), ", line 5: expected a finite number for y, got '-1.#IND'"),
    'millimetres': (edited(5, value(3, '3785.4')), ", line 5: expected z within 100 m, got '3785.4'"),
    'huge': (edited(5, value(1, '1e999')), ", line 5: expected x within 100 m, got '1e999'"),
    'more after the end': (GOOD + '0\n', ", line 58: expected the end of the file after 2 frames, got '0'"),
    'twice the file': (GOOD + GOOD, ", line 58: expected the end of the file after 2 frames, got '2'"),
}


@pytest.mark.parametrize(('content', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path, content, message):
    file = write(tmp_path, content)
    with pytest.raises(ValueError, match=f'^{file}{message}') as error:
        read_ntu_skeleton(file)
    assert error.value.__cause__ is None
    assert len(str(error.value)) < 400


def test_large_ids_differ(tmp_path):
    """Ids beyond 2 ** 53 differ in digits that floating point drops."""
    ids = (72057594037931101, 72057594037931102)
    raw = parse_ntu_skeleton(write(tmp_path, clip_text(*((i, JOINTS + n) for n, i in enumerate(ids)))))
    assert list(raw.ids) == [*ids] * 2


SMALL = [
    GOOD,
    skeleton_text([[], [(1, JOINTS[0]), (2, JOINTS[1])]]).replace('\n', '\r\n'),
    skeleton_text([[(1, JOINTS[0])], []]),
]
PIECES = ['', ' ', '\n', '\r\n', '-', '.', 'e', '1', '25', '99999999', 'NaN', 'inf', '\0', '\t', '\ufeff', '1-2', 'é']
edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(PIECES), st.floats(0, 1)), min_size=1, max_size=3
)


@given(st.sampled_from(SMALL), edits)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_damage_at_random(tmp_path_factory, text, changes):
    """An array of the right shape, or an error that names the file."""
    for where, how, piece, other in changes:
        start = int(where * len(text))
        if how == 0:  # a piece put in
            text = text[:start] + piece + text[start:]
        elif how == 1:  # a character or word replaced
            text = text[:start] + piece + text[start + max(len(piece), 1) :]
        elif how == 2:  # cut
            text = text[:start] if other < 0.3 else text[:start] + text[int(other * len(text)) :]
        else:  # a line left out or twice
            lines = text.split('\n')
            index = int(where * (len(lines) - 1))
            lines[index : index + 1] = [lines[index]] * (2 if other < 0.5 else 0)
            text = '\n'.join(lines)
    file = tmp_path_factory.getbasetemp() / 'damaged.skeleton'
    file.write_bytes(text.encode())
    keypoint, message = None, ''
    try:
        keypoint = read_ntu_skeleton(file)
    except ValueError as error:
        message = str(error)
    if keypoint is None:
        assert message.startswith(str(file))
    else:
        assert keypoint.shape[0] == 2
        assert keypoint.shape[2:] == (25, 3)
        assert keypoint.dtype == np.float32
        assert np.isfinite(keypoint).all()
        assert keypoint.any()


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_noise(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / 'noise.skeleton'
    file.write_bytes(data)
    with pytest.raises(ValueError, match='noise.skeleton'):
        read_ntu_skeleton(file)
