"""Users' own recordings: classes, splits and their guarantees; one message for everything that is wrong."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets.converters import convert_custom
from asea_mm.datasets.converters.custom.labels import (
    RecordingLabel,
    labels_from_table,
    number_classes,
)
from asea_mm.datasets.converters.custom.splits import make_split
from asea_mm.datasets.converters.protocol import grouped, listed
from asea_mm.errors import InputError

REFUSE = ()  # takes no problem


def table_of(**columns):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {f'r{index}': RecordingLabel(**{'class_name': 'a', 'where': 't', **row}) for index, row in enumerate(rows)}


@pytest.mark.parametrize(
    ('labels', 'classes', 'numbers', 'names'),
    [
        (['push', 'hug', 'push'], None, [1, 0, 1], ['hug', 'push']),
        (['2', '0', '1'], None, [2, 0, 1], ['0', '1', '2']),
        (['push', 'hug'], ['push', 'wave', 'hug'], [0, 2], ['push', 'wave', 'hug']),
        (['2', 'push'], ['push', 'wave', 'hug'], [2, 0], ['push', 'wave', 'hug']),
        (['1'], ['7', '1'], [1], ['7', '1']),  # a name first, then a number
    ],
)
def test_classes(labels, classes, numbers, names):
    assert number_classes(table_of(class_name=labels), classes, REFUSE) == (
        {f'r{index}': number for index, number in enumerate(numbers)},
        names,
    )


def test_class_names_and_numbers_do_not_mix():
    with pytest.raises(InputError, match="'3' and 'hug'"):
        number_classes(table_of(class_name=['hug', '3']), None, REFUSE)


def test_table_finds_recordings_by_any_of_their_names(tmp_path):
    recordings = {name: Path('raw', name + '.npy') for name in ('x/a', 'x/b', 'y/b', 'y/c', 'd')}
    table = tmp_path / 'labels.csv'
    table.write_text(
        'Label,name,comment,subject\nl1,a,,1\nl2,x/b.npy,"a, b",2\n\nl3,y\\b,,3\nl4,c.npy,,4\nl5,./d,,5;6\n'
    )
    read = labels_from_table(table, recordings, REFUSE)
    assert {name: (label.class_name, label.subject) for name, label in read.items()} == {
        'x/a': ('l1', '1'), 'x/b': ('l2', '2'), 'y/b': ('l3', '3'), 'y/c': ('l4', '4'), 'd': ('l5', '5;6')
    }  # fmt: skip
    assert read['x/b'].where == f'{table}, line 3'


def named(tmp_path, text, *names):
    """What a table says of recordings."""
    (tmp_path / 'labels.csv').write_text(text, encoding='utf-8')
    problems, notes = [], []
    recordings = {name: Path('raw', name + '.npy') for name in names}
    return labels_from_table(tmp_path / 'labels.csv', recordings, problems, notes), problems, notes


@pytest.mark.parametrize('header', ['video,class,set', 'Filename,Action,Subset', 'name,label,partition'])
def test_other_words_of_tables(tmp_path, header):
    text = f'{header}\nclip0.mp4,push,training\nx/clip1.AVI,hug,Validation\nclip2.npy,hug,testing\n'
    read, problems, notes = named(tmp_path, text, 'clip0', 'x/clip1', 'clip2')
    assert not problems
    assert {name: (label.class_name, label.split) for name, label in read.items()} == {
        'clip0': ('push', 'train'), 'x/clip1': ('hug', 'val'), 'clip2': ('hug', 'test')
    }  # fmt: skip
    (note,) = notes
    assert all(word in note for word in header.lower().split(',') if word not in ('name', 'label'))


def test_what_a_table_could_mean_twice_is_asked(tmp_path):
    with pytest.raises(InputError, match=r"one column for 'name', got \['video', 'file'\]"):
        named(tmp_path, 'video,file,label\na,b,c', 'a', 'b')
    _, problems, _ = named(tmp_path, 'name,label\nclip.1,a\n', 'clip')
    assert "expected the name of a recording, got 'clip.1'" in problems[0]  # no extension of a video


def test_names_are_compared_as_they_look(tmp_path, raw):
    composed, decomposed = '\u00fcbung', 'u\u0308bung'
    for number in range(4):
        (raw / f'r{number}.npy').rename(raw / f'{(composed, decomposed)[number % 2]}{number}.npy')
    lines = [
        f'{(decomposed, composed)[number % 2]}{number},{(composed, decomposed)[number // 2]},{number // 2 + 1}'
        for number in range(4)
    ]
    samples, conversion = convert(raw, '\n'.join(['name,label,fold', *lines]))
    assert [sample['frame_dir'] for sample in samples] == [f'{composed}{number}' for number in range(4)]
    assert conversion.meta['classes'] == [composed]
    assert sorted(conversion.split['fold1_val']) == [f'{composed}0', f'{composed}1']


def test_whole_numbers_with_a_point(tmp_path):
    names = [f'r{number}' for number in range(12)]
    lines = [f'{name},{number}.0,{number % 3}.0;9.0,{number % 2 + 1}.00' for number, name in enumerate(names)]
    read, _, _ = named(tmp_path, '\n'.join(['name,label,subject,fold', *lines]), *names)
    numbers, classes = number_classes(read, None, REFUSE)
    assert numbers == {name: number for number, name in enumerate(names)}
    assert classes == [str(number) for number in range(12)]
    assert (read['r4'].subject, read['r4'].fold) == ('1;9', '1')
    assert number_classes(table_of(class_name=['1.0', '2']), ['1.0', 'b', 'c'], REFUSE)[0] == {'r0': 0, 'r1': 2}


@pytest.mark.parametrize(('separator', 'encoding'), [(';', 'utf-8'), ('\t', 'utf-16'), (',', 'utf-16'), ('|', 'utf-8')])
def test_tables_of_spreadsheets(tmp_path, separator, encoding):
    text = 'name,label,comment\nr0,grüßen,"a, b"\n'.replace(',', separator)
    (tmp_path / 'labels.csv').write_bytes(text.encode(encoding))
    read = labels_from_table(tmp_path / 'labels.csv', {'r0': Path('r0.npy')}, REFUSE)
    assert read['r0'].class_name == 'grüßen'


def test_columns():
    table = table_of(split=['train', 'VAL', 'train'], fold=['1', 'fold2', '3'])
    assert make_split('column', table, dict.fromkeys(table, 0), 0, REFUSE) == {
        'train': ['r0', 'r2'], 'val': ['r1'],
        'fold1_train': ['r1', 'r2'], 'fold1_val': ['r0'],
        'fold2_train': ['r0', 'r2'], 'fold2_val': ['r1'],
        'fold3_train': ['r0', 'r1'], 'fold3_val': ['r2'],
    }  # fmt: skip


def test_subjects_are_tested_as_pairs():
    table = table_of(subject=['1;2', '3', '4; 5', '5;4', ' 3 '])
    split = make_split('subject:3, 4,5', table, dict.fromkeys(table, 0), 0, REFUSE)
    assert split == {'train': ['r0'], 'val': ['r1', 'r2', 'r3', 'r4']}
    bad = []
    split = make_split('subject:3,4', table, dict.fromkeys(table, 0), 0, bad)
    assert split == {'train': ['r0'], 'val': ['r1', 'r4']}
    assert len(bad) == 2
    assert "expected all of ['4', '5'] to be test subjects or none" in bad[0]


@pytest.mark.parametrize('share', [0.05, 0.5, 0.8])
def test_ratio_is_of_every_class(share):
    numbers = {f'r{index}': index % 7 % 3 for index in range(40)} | {'rare': 3}
    split = make_split(f'ratio:{share}', dict.fromkeys(numbers), numbers, 1, REFUSE)
    assert split == make_split(f'ratio:{share}', dict.fromkeys(numbers), numbers, 1, REFUSE)
    assert sorted(split['train'] + split['val']) == sorted(numbers)
    trained = Counter(numbers[name] for name in split['train'])
    for label, count in Counter(numbers.values()).items():
        assert abs(trained[label] - share * count) <= 1
        assert 0 < trained[label] < max(count, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=5, max_size=40), st.integers(2, 5), st.integers(0, 5))
def test_folds_are_even(labels, folds, seed):
    table = table_of(class_name=[str(label) for label in labels])
    numbers = dict(zip(table, labels, strict=True))
    split = make_split(f'kfold:{folds}', table, numbers, seed, REFUSE)
    assert sorted(name for fold in range(1, folds + 1) for name in split[f'fold{fold}_val']) == sorted(table)
    for fold in range(1, folds + 1):
        assert sorted(split[f'fold{fold}_val'] + split[f'fold{fold}_train']) == sorted(table)
    for label in set(labels):
        counts = [sum(numbers[name] == label for name in split[f'fold{fold}_val']) for fold in range(1, folds + 1)]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=2), min_size=1, max_size=30), st.integers(2, 4))
def test_nobody_is_in_two_folds(subjects, folds):
    table = table_of(subject=[';'.join(map(str, sorted(pair))) for pair in subjects])
    try:
        split = make_split(f'kfold:{folds}', table, dict.fromkeys(table, 0), 0, REFUSE)
    except ValueError as error:
        assert 'groups of subjects who share no recording, got' in str(error)  # noqa: PT017
        return
    people = [
        {who for name in split[f'fold{fold}_val'] for who in table[name].subject.split(';')}
        for fold in range(1, folds + 1)
    ]
    assert all(people)
    assert sum(map(len, people)) == len(set().union(*people))


@pytest.fixture
def raw(tmp_path):
    (folder := tmp_path / 'raw').mkdir()
    for number in range(4):
        np.save(folder / f'r{number}.npy', np.ones((2, 3, 15, 3)) * (number + 1))
    return folder


TABLE = 'name,label,split,subject\nr0,hug,train,1\nr1,push,train,1\nr2,hug,val,2\nr3,push,val,2\n'


def convert(raw, table=TABLE, split='column', layout='sbu15', **options):
    (raw.parent / 'labels.csv').write_text(table)
    conversion = convert_custom(raw, layout, raw.parent / 'labels.csv', split, **options)
    return list(conversion.annotations), conversion


@pytest.mark.parametrize(
    ('table', 'split', 'message'),
    [
        ('', 'column', 'labels.csv: expected a header line'),
        ('name\nr0', 'column', r"labels.csv, line 1: expected the columns .* got \['name'\]"),
        (TABLE.replace('r3', 'r9'), 'column', "line 5, column 'name': expected the name of a recording, got 'r9'"),
        (TABLE.replace('r3', 'r2'), 'column', "labels.csv, line 5: expected every recording once, got 'r2' again"),
        (TABLE.replace('r3,push,val,2\n', ''), 'column', r'r3.npy: expected a line for it in .*, got none'),
        (TABLE.replace('hug,val', ',val'), 'column', "line 4: expected one of the 2 classes .* got ''"),
        (TABLE.replace('hug', '1').replace('push', '3'), 'column', r'from 0 to 3, got none of \[0, 2\]'),
        (
            TABLE.replace('push,val', 'push,vla'),
            'column',
            "line 5, column 'split': expected train, val or test, got 'vla'",
        ),
        (TABLE.replace('train', 'val'), 'column', r"expected recordings in every split, got none in \['train'\]"),
        ('name,label\nr0,0\nr1,0\nr2,0\nr3,0', 'column', "expected a column 'split' or 'fold'"),
        ('name,label,fold\nr0,0,1\nr1,0,2\nr2,0,x\nr3,0,1', 'column', "line 4, column 'fold': .* got 'x'"),
        ('name,label\nr0,0\nr1,0\nr2,0\nr3,0', 'subject:1', "and a column 'subject'"),
        (TABLE, 'subject:1,7', r"expected subjects of the table, \['1', '2'\], got \['7'\]"),
        (TABLE, 'subject:', 'expected the subjects to test on'),
        (TABLE.replace('train,1\nr1', 'train,\nr1'), 'subject:1', "line 2, column 'subject': expected who is in"),
        (TABLE, 'kfold:3', 'expected at least 3 groups of subjects who share no recording, got 2'),
        (TABLE, 'kfold:1', 'expected a number of folds from 2'),
        (TABLE, 'ratio:1.5', 'expected a share between 0 and 1'),
        (TABLE, 'half', '--split half: expected column, ratio:0.8, subject:3,7,9 or kfold:5'),
    ],
)
def test_wrong_labels_and_splits(raw, table, split, message):
    with pytest.raises(InputError, match=message):
        convert(raw, table, split)


def test_a_line_without_its_split_is_left_out_with_its_recording(raw):
    samples, conversion = convert(raw, TABLE.replace('push,val', 'push,?'), skip_bad=True)
    assert [sample['frame_dir'] for sample in samples] == ['r0', 'r1', 'r2']
    assert conversion.split == {'train': ['r0', 'r1'], 'val': ['r2']}
    assert len(conversion.problems) == 1


def test_of_many_problems_each_kind_is_named_once(raw):
    for number in range(4):
        np.save(raw / f'r{number}.npy', np.ones((2, 3, 14, 3)))
    with pytest.raises(InputError) as error:
        convert(raw)
    first, *_ = str(error.value).splitlines()
    assert first.startswith(f'4 recordings: {raw / "r0.npy"}: expected 15 joints')
    assert first.endswith('so r1.npy, r2.npy and 1 more')
    assert grouped(['a.csv, line 3: x 7', 'b: y', 'c.csv, line 5: x 8', 'no place']) == [
        '2 recordings: a.csv, line 3: x 7; so c.csv, line 5', 'b: y', 'no place'
    ]  # fmt: skip


def test_of_many_kinds_the_first_are_named():
    lines = str(listed([f'a.csv: fault {chr(number)}' for number in range(97, 122)], 'end')).splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ['and 5 more', 'end']


def test_coordinates_and_folders(raw):
    np.save(raw / 'r2.npy', np.ones((2, 3, 15, 2)))
    with pytest.raises(InputError, match=r'r2\.npy: expected 3 coordinates \(metre\) as in .*r0\.npy, got 2'):
        convert(raw)
    with pytest.raises(InputError, match=r'r0\.npy: expected PATH/class/recording .*, got no class folder'):
        convert_custom(raw, 'sbu15', 'folders', 'ratio:0.5')


@pytest.mark.parametrize(
    ('mirrored', 'said'),
    [({}, 'left0 and right0, left1 and right1, left2 and right2 and 1 more'), ({'mirrored': []}, 'no joints')],
)
def test_what_is_left_and_right_in_a_layout_of_ones_own_is_told(raw, mirrored, said):
    joints = ['hip', *(f'{side}{number}' for number in range(4) for side in ('left', 'right')), *'abcdef']
    content = {'name': 'own', 'joints': joints, 'bones': [[joint, 'hip'] for joint in joints[1:]], **mirrored}
    path = raw.parent / 'own.json'
    path.write_text(json.dumps(content))
    _, conversion = convert(raw, layout=path)
    assert any(said in note for note in conversion.notes)


def test_all_samples_have_scores_if_one_has(raw):
    (raw / 'r1.npy').unlink()
    np.savez(raw / 'r1.npz', keypoint=np.ones((1, 3, 15, 3)), keypoint_score=np.full((1, 3, 15), 0.5))
    samples, conversion = convert(raw)
    assert [sample['keypoint_score'].max() for sample in samples] == [1, 0.5, 1, 1]
    assert not samples[1]['keypoint_score'][1].any()  # an absent person
    assert conversion.notes == ['for the config: layout sbu15, num_classes=2, in_channels=4 for one stream, 7 for two']


def test_the_size_of_the_image_makes_pixels_of_shares_and_is_noted(raw):
    pose = {'pose': [0.25, 0.5] * 18, 'score': [0.5] * 18}
    content = {'data': [{'frame_index': frame, 'skeleton': [pose]} for frame in range(3)]}
    for number in range(4):
        (raw / f'r{number}.npy').unlink()
        (raw / f'r{number}.json').write_text(json.dumps(content))

    def of(**options):
        conversion = convert_custom(raw, 'openpose18', raw.parent / 'labels.csv', 'column', **options)
        return list(conversion.annotations)[0], conversion

    (raw.parent / 'labels.csv').write_text(TABLE)
    sample, conversion = of()
    assert (sample['keypoint'][0, 0, 0].tolist(), conversion.meta['units']) == ([0.25, 0.5], 'image share')
    assert 'img_shape' not in sample
    sample, conversion = of(img_shape=(720, 1280))
    assert (sample['keypoint'][0, 0, 0].tolist(), conversion.meta['units']) == ([320, 360], 'pixel')
    assert sample['img_shape'] == (720, 1280)
    np.savez(raw / 'r1.npz', keypoint=np.full((1, 3, 18, 2), 300.0))
    (raw / 'r1.json').unlink()
    with pytest.raises(InputError, match=r'r1.npz: expected 2 coordinates \(image share\) .* got 2 \(pixel\)'):
        of()
    with pytest.raises(InputError, match='img_shape: expected height and width'):
        of(img_shape=(0, 3))


@pytest.mark.parametrize(
    ('text', 'message'),
    [('', 'got none'), ('a\na\n', r"got \['a'\]"), ('\xff', 'got binary data'), ('wave', 'line 2: expected one of')],
)
def test_class_files(raw, tmp_path, text, message):
    (tmp_path / 'classes.txt').write_bytes(text.encode('latin1'))
    with pytest.raises(InputError, match=message):
        convert(raw, classes=tmp_path / 'classes.txt')


@pytest.mark.parametrize('argument', [{'num_person': 0}, {'units': 'mile'}, {'up': 'x'}, {'fps': 0}])
def test_arguments(raw, argument):
    with pytest.raises(InputError, match=f'{next(iter(argument))}.*expected|expected {next(iter(argument))}'):
        convert(raw, **argument)
