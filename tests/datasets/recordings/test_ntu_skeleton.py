"""Raw NTU RGB+D files: what is forgiven, what is refused with which message."""

import numpy as np
import pytest

from asea_mm.datasets.converters.ntu.convert import read_ntu_skeleton
from asea_mm.datasets.recordings.ntu_skeleton import parse_ntu_skeleton
from tests.datasets.ntu_files import clip_text, person

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
    'binary': (b'\x80\x04\x95\xff', ', line 1: expected the number of frames'),
    'words': ('hello\n', ", line 1: expected the number of frames, got 'hello'"),
    'too many frames': (edited(1, '3'), ', line 58: expected the number of bodies, got the end of the file: it is cut'),
    'absurd frames': (edited(1, '999999999'), ', line 1: expected at least 999999999 more lines .*, got 56'),
    'too few frames': (edited(1, '1'), r", line 30: expected the end of the file after 1 frames, got '1'"),
    'negative bodies': (edited(2, '-1'), r", line 2: expected the number of bodies, got '-1' \(frame 1 of 2\)"),
    'absurd bodies': (edited(30, '100000000'), ', line 30: expected at least 2700000000 more lines .*, got 27'),
    'too many bodies': (
        edited(30, '2'),
        ', line 30: expected at least 54 more lines for 2 bodies, got 27: .*cut short',
    ),
    'empty line': (edited(30, '\n1'), ', line 30: expected the number of bodies, got an empty line'),
    'cut in a frame': ('\n'.join(GOOD.split('\n')[:40]), ', line 30: expected at least 27 more lines .*, got 10'),
    'cut in the last line': (GOOD[:-30], r', line 57: expected 12 values of a joint, got \d+:'),
    'short body line': (edited(3, '7205 0 1 1'), ", line 3: expected 10 values of a body, got 4: '7205 0 1 1'"),
    'body without id': (edited(3, value(1, 'x')), ", line 3: expected a body id, .*, got 'x'"),
    'broken id': (edited(31, value(1, '1.5')), r", line 31: expected a body id, .*, got '1.5' \(frame 2 of 2\)"),
    'endless id': (edited(3, value(1, '1' * 21)), ", line 3: expected a body id, .* 20 digits, got '111"),
    '24 joints': (edited(4, '24'), ", line 4: expected the number of joints, 25, got '24'"),
    'a joint missing': (edited(29, ''), ', line 29: expected 12 values of a joint, got 0: an empty line'),
    '11 values': (edited(7, lambda line: line.rsplit(' ', 1)[0]), ', line 7: expected 12 values of a joint, got 11'),
    'not a number': (edited(5, value(2, 'abc')), ", line 5: expected a finite number for y, got 'abc'"),
    'two points': (edited(5, value(1, '1.2.3')), ", line 5: expected a finite number for x, got '1.2.3'"),
    'underscore': (edited(5, value(1, '1_0')), ", line 5: expected a finite number for x, got '1_0'"),
    'NaN': (edited(5, value(1, 'NaN')), ", line 5: expected a finite number for x, got 'NaN'"),
    'Windows NaN': (edited(5, value(2, '-1.#IND')), ", line 5: expected a finite number for y, got '-1.#IND'"),
    'millimetres': (edited(5, value(3, '3785.4')), ", line 5: expected z within 100 m, got '3785.4'"),
    'huge': (edited(5, value(1, '1e999')), ", line 5: expected x within 100 m, got '1e999'"),
    'more after the end': (GOOD + '0\n', ", line 58: expected the end of the file after 2 frames, got '0'"),
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
