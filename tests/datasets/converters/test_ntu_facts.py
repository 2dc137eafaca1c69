"""NTU RGB+D: names, classes, benchmarks and splits against the published figures."""

import pytest

from asea_mm.datasets.converters.ntu.facts import (
    ACTIONS,
    BENCHMARKS,
    MISSING_SKELETONS,
    TRAIN_SUBJECTS,
    parse_ntu_name,
)
from asea_mm.errors import InputError


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('S001C001P001R001', 'expected a name of the form SsssCcccPpppRrrrAaaa'),
        ('S033C001P001R001A001', 'setup 1 to 32, got 33'),
        ('S001C001P001R001A121', 'action 1 to 120, got 121'),
    ],
)
def test_wrong_names(name, message):
    with pytest.raises(InputError, match=message):
        parse_ntu_name(name)


def test_classes():
    assert len(ACTIONS) == len(set(ACTIONS)) == 120
    picked = {number: ACTIONS[number - 1] for number in (1, 58, 80, 112)}
    assert picked == {1: 'drink water', 58: 'handshaking', 80: 'squat down', 112: 'high-five'}


def test_benchmarks():
    mutual = BENCHMARKS['ntu26']
    assert [len(BENCHMARKS[name].actions) for name in ('ntu26', 'ntu11', 'ntu60', 'ntu120')] == [26, 11, 60, 120]
    assert (mutual.classes[0], mutual.classes[10]) == ('punching/slapping other person', ACTIONS[59])
    assert (mutual.classes[11], mutual.classes[25]) == ('hit other person with something', ACTIONS[119])
    assert BENCHMARKS['ntu11'].classes == mutual.classes[:11]
    assert (BENCHMARKS['ntu60'].num_samples, BENCHMARKS['ntu120'].num_samples) == (56880, 114480)


def test_subjects():
    of_60 = {subject for subject in TRAIN_SUBJECTS if subject <= 40}
    assert (len(of_60), len(TRAIN_SUBJECTS)) == (20, 53)


@pytest.mark.parametrize(
    ('name', 'xsub', 'xview', 'xset'),
    [
        ('S001C001P001R001A050', True, False, False),
        ('S002C002P003R001A050', False, True, True),
        ('S017C003P038R002A060', True, True, False),
        ('S032C001P106R002A120', False, False, True),
        ('S018C002P103R001A106', True, True, True),
        ('S019C001P041R001A106', False, False, False),
    ],
)
def test_protocols(name, xsub, xview, xset):
    of_60 = {key: bool(ids) for key, ids in BENCHMARKS['ntu60'].split([name]).items()}
    assert of_60 == {'xsub_train': xsub, 'xsub_val': not xsub, 'xview_train': xview, 'xview_val': not xview}
    of_26 = {key: bool(ids) for key, ids in BENCHMARKS['ntu26'].split([name]).items()}
    assert of_26 == {'xsub_train': xsub, 'xsub_val': not xsub, 'xset_train': xset, 'xset_val': not xset}


def test_broken_samples_account_for_the_published_sizes():
    """All of NTU RGB+D 60 less the broken samples is what everybody trains on: 40091, 16487, 37646, 18932."""
    assert len(MISSING_SKELETONS) == 535
    of_60 = [name for name in MISSING_SKELETONS if parse_ntu_name(name).setup <= 17]
    assert len(of_60) == 302
    left_out = {name: len(ids) for name, ids in BENCHMARKS['ntu60'].split(of_60).items()}
    whole = {'xsub_train': 40320, 'xsub_val': 16560, 'xview_train': 37920, 'xview_val': 18960}
    used = {'xsub_train': 40091, 'xsub_val': 16487, 'xview_train': 37646, 'xview_val': 18932}
    assert {name: whole[name] - left_out[name] for name in whole} == used
    left_out = {name: len(ids) for name, ids in BENCHMARKS['ntu120'].split(MISSING_SKELETONS).items()}
    assert (54720 - left_out['xset_train'], 59760 - left_out['xset_val']) == (54468, 59477)
    assert 63360 - left_out['xsub_train'] == 63026
