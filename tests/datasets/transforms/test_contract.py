"""What every transform promises, whatever it does: absence stays absence, inputs stay theirs, errors name names."""

import copy

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

import asea_mm.datasets.transforms as transforms
from asea_mm.errors import InputError
from asea_mm.keypoints import presence
from asea_mm.skeletons import SKELETONS, get_skeleton

LAYOUTS = ('sbu15', 'nturgbd25', 'coco17')
CAMERA = dict(yaw=30, pitch=10, distance=4, focal_length=1, missing=0, noise=0, score=0.5)
TIME = {
    'clip': {'type': 'SampleClip', 'clip_len': 20},
    'clip-crop': {'type': 'SampleClip', 'clip_len': 7, 'crop': (0.5, 1.0), 'num_clips': 3},
    'clip-windows': {'type': 'SampleClip', 'clip_len': 8, 'num_clips': 2},
    'rate': {'type': 'ResampleFrameRate', 'fps': 50},
    'warp': {'type': 'RandomTimeWarp', 'strength': 0.9},
}
SPACE = {
    'centre': {'type': 'CentrePair'},
    'centre-frames': {'type': 'CentrePair', 'every_frame': True},
    'rotation': {'type': 'RandomRotation3D', 'angles': (20.0, 180.0, 10.0)},
    'align': {'type': 'AlignFacing'},
    'scale': {'type': 'RandomScale3D'},
    'smooth': {'type': 'SmoothMotion'},
    'mirror': {'type': 'MirrorPose', 'prob': 1.0},
    'swap': {'type': 'SwapPersons', 'prob': 1.0},
    'map': {'type': 'MapLayout', 'layout': 'common13'},
    'fill': {'type': 'FillMissingJoints', 'score_thr': 0.6},
    'body': {'type': 'NormalizeByBody'},
    'zoom': {'type': 'NormalizeByBody', 'frames': 3},
    'image': {'type': 'NormalizeByImage', 'img_shape': (12, 9)},
    'joint': {'type': 'GenerateStream'},
    'bone': {'type': 'GenerateStream', 'stream': 'bone'},
    'fused': {'type': 'GenerateStream', 'stream': ('joint', 'bone', 'joint_motion', 'bone_motion')},
    'score': {'type': 'ScoreChannel'},
}
OTHER = {
    'joint_motion': {'type': 'GenerateStream', 'stream': 'joint_motion'},
    'bone_motion': {'type': 'GenerateStream', 'stream': 'bone_motion', 'motion_scale': 4},
    'distance': {'type': 'GenerateStream', 'stream': ('partner_distance', 'partner_distance_motion')},
    'project': {'type': 'ProjectTo2D', **CAMERA},
    'turned': {'type': 'AddTurnedClips'},
    'turned-mirrored': {'type': 'AddTurnedClips', 'mirrored': True},
}
ALL = TIME | SPACE | OTHER
IN_SPACE = ('rotation', 'align', 'project', 'turned', 'turned-mirrored')  # three coordinates only
RANDOM = ('clip-crop', 'warp', 'rotation', 'scale')
every_transform = pytest.mark.parametrize('name', ALL)


def make_sample(layout='sbu15', num_person=2, channels=3, total=12):
    """Bodies with all values in [5, 6), so any blend with zero shows; each person absent in frames of their own."""
    rng = np.random.default_rng(0)
    num_joints = get_skeleton(layout).num_joints
    keypoint = rng.uniform(5, 6, (num_person, total, num_joints, channels)).astype(np.float32)
    keypoint[0, [0, 6]] = 0
    keypoint[1:2, 3:7] = 0  # in frame 6 nobody of two is left
    keypoint[2:, 1:] = 0
    score = rng.uniform(0.5, 1, keypoint.shape[:3]).astype(np.float32)
    facts = {'total_frames': total, 'label': 1, 'layout': layout, 'frame_dir': 'clip7', 'fps': 30}
    return {'keypoint': keypoint, 'keypoint_score': score, **facts}


def sample_for(name, layout='sbu15', num_person=2):
    return make_sample('coco17' if name == 'image' else layout, num_person, 2 if name == 'image' else 3)


def run(config, sample, seed=0):
    np.random.seed(seed)  # noqa: NPY002
    return TRANSFORMS.build(config)(copy.copy(sample))


def test_every_exported_transform_is_registered_and_covered_here():
    exported = [getattr(transforms, name) for name in transforms.__all__]
    exported = [item for item in exported if isinstance(item, type) and issubclass(item, BaseTransform)]
    assert {item.__name__ for item in exported} == {config['type'] for config in ALL.values()}
    for item in exported:
        assert TRANSFORMS.get(item.__name__) is item


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('name', SPACE)
def test_transforms_of_space_keep_who_is_there(name, num_person, layout):
    sample = sample_for(name, layout, num_person)
    out = run(SPACE[name], sample)['keypoint']
    before, after = presence(sample['keypoint']), presence(out)
    if name == 'swap':
        before, after = (np.array(sorted(rows.tolist())) for rows in (before, after))
    if name == 'fill':  # a person without one joint of a good score in a frame becomes absent
        before &= (sample['keypoint_score'] > 0.6).any(axis=-1)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('name', TIME)
def test_transforms_of_time_blend_no_body_with_absence(name, num_person, layout):
    sample = make_sample(layout, num_person)
    for seed in range(5):
        out = run(TIME[name], sample, seed)
        present, score = presence(out['keypoint']), out['keypoint_score']
        bodies = out['keypoint'][present]
        assert len(bodies)
        assert bodies.min() > 4.99
        assert bodies.max() < 6.01
        assert score.shape == out['keypoint'].shape[:3]
        assert score.max() <= 1
        if name != 'warp':
            assert not score[~present].any()
            assert score[present].min() >= 0.49


@pytest.mark.parametrize('channels', [2, 3])
@every_transform
def test_inputs_are_not_modified_and_seeds_decide(name, channels):
    if channels == 2 and name in IN_SPACE or channels == 3 and name == 'image':
        pytest.skip('another number of coordinates')
    sample = make_sample('coco17', 2, channels)
    kept = copy.deepcopy(sample)
    sample['keypoint'].setflags(write=False)
    sample['keypoint_score'].setflags(write=False)
    first, second, other = (run(ALL[name], sample, seed) for seed in (3, 3, 4))
    for key in ('keypoint', 'keypoint_score'):
        np.testing.assert_array_equal(sample[key], kept[key])
        if key in first:
            assert first[key].dtype == np.float32
            assert np.isfinite(first[key]).all()
            np.testing.assert_array_equal(first[key], second[key])
    assert first['label'] == 1
    assert np.array_equal(first['keypoint'], other['keypoint']) == (name not in RANDOM)


@pytest.mark.parametrize('name', [name for name in ALL if name not in ('swap', 'align')])
def test_swapping_persons_before_or_after_is_the_same(name):
    sample = sample_for(name, 'nturgbd25')
    swapped = sample | {key: sample[key][::-1] for key in ('keypoint', 'keypoint_score')}
    straight, crossed = run(ALL[name], sample), run(ALL[name], swapped)
    np.testing.assert_allclose(straight['keypoint'], crossed['keypoint'][::-1], atol=1e-5)


@pytest.mark.parametrize('name', [name for name in ALL if name != 'score'])
def test_nobody_there_stays_nobody(name):
    sample = sample_for(name)
    del sample['keypoint_score']
    sample['keypoint'] = np.zeros_like(sample['keypoint'])
    out = run(ALL[name], sample)
    assert not out['keypoint'].any()
    assert not np.any(out.get('keypoint_score', 0))


NEEDS_LAYOUT = ('centre', 'align', 'turned-mirrored', 'mirror', 'joint', 'body')
NEEDS_FINITE = ('clip', 'centre', 'smooth', 'fill', 'body')


@every_transform
def test_wrong_samples_are_refused_by_class_and_sample(name):
    good = sample_for(name)
    keypoint = good['keypoint']
    wrong = [
        ('joints', {'layout': 'nturgbd25'}),
        (r'\(M, T, V, C\)', {'keypoint': keypoint[:, :0]}),
        (r'\(M, T, V, C\)', {'keypoint': keypoint[:0]}),
        (r'\(M, T, V, C\)', {'keypoint': keypoint[0]}),
        ("'keypoint'", {'keypoint': None}),
        ('keypoint_score', {'keypoint_score': good['keypoint_score'][:, 1:]}),
        *([("'layout'", {'layout': None})] if name in NEEDS_LAYOUT else []),
        *([('C = 3', {'keypoint': keypoint[..., :2]})] if name in IN_SPACE else []),
    ]
    for value in (np.nan, np.inf) if name in NEEDS_FINITE else ():
        broken = keypoint.copy()
        broken[1, 8, 4, 1] = value
        wrong.append(('NaN.*person 1, frame 8, joint 4', {'keypoint': broken}))
    for message, changes in wrong:
        bad = {key: value for key, value in (good | changes).items() if value is not None}
        with pytest.raises(InputError, match=f"{ALL[name]['type']}: sample 'clip7': .*{message}"):
            run(ALL[name], bad)


@pytest.mark.parametrize(
    ('config', 'named'),
    [
        ({'type': 'SampleClip', 'clip_len': 0}, 'clip_len'),
        ({'type': 'SampleClip', 'clip_len': 2.5}, 'clip_len'),
        ({'type': 'SampleClip', 'clip_len': 8, 'crop': (0.9, 0.5)}, 'crop'),
        ({'type': 'SampleClip', 'clip_len': 8, 'num_clips': True}, 'num_clips'),
        ({'type': 'SampleClip', 'clip_len': 8, 'window': 1.5}, 'window'),
        ({'type': 'RandomTimeWarp', 'strength': 1.0}, 'strength'),
        ({'type': 'SmoothMotion', 'window': 4}, 'window'),
        ({'type': 'SmoothMotion', 'window': 5, 'degree': 4}, 'degree'),
        ({'type': 'AddTurnedClips', 'mirrored': 1}, 'mirrored'),
        ({'type': 'RandomRotation3D', 'angles': 30.0}, 'angles'),
        ({'type': 'RandomRotation3D', 'angles': (0.0, -1.0, 0.0)}, 'angles'),
        ({'type': 'RandomScale3D', 'scale': 1.0}, 'scale'),
        ({'type': 'RandomScale3D', 'scale': float('nan')}, 'scale'),
        ({'type': 'MirrorPose', 'prob': 1.1}, 'prob'),
        ({'type': 'FillMissingJoints', 'score_thr': 'low'}, 'score_thr'),
        ({'type': 'NormalizeByImage', 'unit': 'metre'}, 'unit'),
        ({'type': 'NormalizeByImage', 'img_shape': (256, -1)}, 'img_shape'),
        ({'type': 'ScoreChannel', 'keep': 1}, 'keep'),
        ({'type': 'GenerateStream', 'stream': 'bones'}, 'stream'),
        ({'type': 'GenerateStream', 'stream': ['joint', 'speed']}, 'stream'),
        ({'type': 'GenerateStream', 'true_speed': 1}, 'true_speed'),
        ({'type': 'GenerateStream', 'motion_scale': 0}, 'motion_scale'),
    ],
)
def test_wrong_arguments_are_refused(config, named):
    with pytest.raises(InputError, match=f'{config["type"]}: {named} must be .*, got '):
        TRANSFORMS.build(config)


def test_repr_shows_class_and_arguments():
    shown = repr(TRANSFORMS.build({'type': 'SampleClip', 'clip_len': 8, 'crop': [0.5, 1.0]}))
    assert shown == 'SampleClip(clip_len=8, crop=(0.5, 1.0), num_clips=1, window=0.75)'
    assert repr(TRANSFORMS.build({'type': 'CentrePair'})) == 'CentrePair(every_frame=False)'


def test_a_layout_may_be_a_dictionary_or_a_skeleton():
    sample = make_sample()
    skeleton = SKELETONS['sbu15']
    fields = {'name': 'mine', 'joints': list(skeleton.joints), 'bones': [list(bone) for bone in skeleton.bones]}
    expected = run(ALL['bone'], sample)['keypoint']
    for layout in (skeleton, fields):
        np.testing.assert_array_equal(run(ALL['bone'], sample | {'layout': layout})['keypoint'], expected)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('num_clips', [1, 3])
def test_the_whole_pipeline_into_the_host(layout, num_person, num_clips):
    in_image = layout == 'coco17'
    sample = make_sample(layout, num_person, channels=2 if in_image else 3)
    steps = [{'type': 'CentrePair'}, {'type': 'RandomTimeWarp'}]
    if not in_image:
        steps += [{'type': 'AlignFacing'}, {'type': 'RandomRotation3D', 'angles': (0.0, 20.0, 0.0)}]
    steps += [{'type': 'SampleClip', 'clip_len': 10, 'crop': (0.5, 1.0), 'num_clips': num_clips}]
    steps += [{'type': name} for name in ('RandomScale3D', 'MirrorPose', 'SwapPersons')]
    steps += [{'type': 'GenerateStream', 'stream': ['joint', 'bone_motion']}, {'type': 'ScoreChannel'}]
    steps += [{'type': 'FormatGCNInput', 'num_person': num_person}, {'type': 'PackActionInputs'}]
    packed = Compose([TRANSFORMS.build(step) for step in steps])(sample)
    channels = 2 * (2 if in_image else 3) + 1
    joints = get_skeleton(layout).num_joints
    assert tuple(packed['inputs'].shape) == (num_clips, num_person, 10, joints, channels)
    assert packed['inputs'].isfinite().all()
    assert packed['data_samples'].gt_label.item() == 1
