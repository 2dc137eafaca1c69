"""What every transform promises, whatever it does: absence stays absence, inputs stay theirs, errors name names."""

import copy

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

import asea_mm.datasets.transforms as transforms
from asea_mm.keypoints import presence
from asea_mm.skeletons import SKELETONS, get_skeleton

LAYOUTS = ('sbu15', 'nturgbd25', 'coco17')
TIME = {
    'resize': {'type': 'SampleClip', 'clip_len': 20},
    'resize-crop': {'type': 'SampleClip', 'clip_len': 7, 'crop': (0.5, 1.0), 'num_clips': 3},
    'resize-windows': {'type': 'SampleClip', 'clip_len': 8, 'num_clips': 2},
    'pad': {'type': 'SampleClip', 'clip_len': 20, 'mode': 'pad'},
    'pad-crop': {'type': 'SampleClip', 'clip_len': 8, 'mode': 'pad', 'crop': (0.5, 0.9), 'num_clips': 2},
    'warp': {'type': 'RandomTimeWarp', 'strength': 0.9},
}
SPACE = {
    'centre-first': {'type': 'CentrePair'},
    'centre-all': {'type': 'CentrePair', 'frames': 'all'},
    'rotation': {'type': 'RandomRotation3D', 'angles': (20.0, 180.0, 10.0)},
    'align': {'type': 'AlignFacing'},
    'scale': {'type': 'RandomScale3D'},
    'scale-isotropic': {'type': 'RandomScale3D', 'isotropic': True},
    'body-size': {'type': 'RandomBodySize'},
    'shear': {'type': 'RandomShear3D'},
    'noise': {'type': 'JointNoise'},
    'smooth': {'type': 'SmoothMotion'},
    'mirror': {'type': 'MirrorPose', 'prob': 1.0},
    'swap': {'type': 'SwapPersons', 'prob': 1.0},
    'fill': {'type': 'FillMissingJoints'},
    'fill-centre': {'type': 'FillMissingJoints', 'mode': 'centre', 'score_thr': 0.6},
    'body': {'type': 'NormalizeByBody'},
    'joint': {'type': 'GenerateStream'},
    'bone': {'type': 'GenerateStream', 'stream': 'bone'},
    'fused': {'type': 'GenerateStream', 'stream': ('joint', 'bone', 'joint_motion', 'bone_motion')},
}
MOTION = {
    'joint_motion': {'type': 'GenerateStream', 'stream': 'joint_motion'},
    'bone_motion': {'type': 'GenerateStream', 'stream': 'bone_motion', 'motion_scale': 4},
}
OF_TWO = {
    'distance': {'type': 'GenerateStream', 'stream': ('partner_distance', 'partner_distance_motion')},
}
CLIPS = {'turned': {'type': 'AddTurnedClips'}, 'turned-mirrored': {'type': 'AddTurnedClips', 'mirrored': True}}
ALL = TIME | SPACE | MOTION | OF_TWO | CLIPS
THREE_ONLY = ('rotation', 'align', 'turned', 'turned-mirrored')


def make_sample(layout='sbu15', num_person=2, channels=3, total=12, score=True):
    """Bodies with all values in [5, 6), so any blend with zero shows; each person absent in frames of their own."""
    rng = np.random.default_rng(0)
    num_joints = get_skeleton(layout).num_joints
    keypoint = rng.uniform(5, 6, (num_person, total, num_joints, channels)).astype(np.float32)
    keypoint[0, [0, 6]] = 0
    keypoint[1:2, 3:7] = 0  # in frame 6 nobody of two is left
    keypoint[2:, 1:] = 0
    sample = {'keypoint': keypoint, 'total_frames': total, 'label': 1, 'layout': layout, 'frame_dir': 'clip7'}
    if score:
        sample['keypoint_score'] = rng.uniform(0.5, 1, keypoint.shape[:3]).astype(np.float32)
    return sample


def run(config, sample, seed=0):
    np.random.seed(seed)  # noqa: NPY002
    return TRANSFORMS.build(config)(copy.copy(sample))


def test_every_exported_transform_is_registered_and_covered_here():
    exported = {
        name
        for name in transforms.__all__
        if isinstance(getattr(transforms, name), type) and issubclass(getattr(transforms, name), BaseTransform)
    }
    own_tests = {'NormalizeByImage', 'ScoreChannel'}  # test_transforms_2d: two coordinates, takes the scores away
    assert exported == {config['type'] for config in ALL.values()} | own_tests
    for name in exported:
        assert TRANSFORMS.get(name) is getattr(transforms, name)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('name', SPACE)
def test_space_transforms_keep_who_is_there(name, num_person, layout):
    sample = make_sample(layout, num_person)
    out = run(SPACE[name], sample)['keypoint']
    before, after = presence(sample['keypoint']), presence(out)
    if name == 'swap':
        before, after = (np.array(sorted(rows.tolist())) for rows in (before, after))
    assert (before == after).all()
    assert np.isfinite(out).all()
    assert out.dtype == np.float32


@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('name', MOTION)
def test_motion_is_zero_next_to_absence_and_only_there(name, num_person):
    sample = make_sample('nturgbd25', num_person)
    there = presence(sample['keypoint'])
    expected = np.zeros_like(there)
    expected[:, :-1] = there[:, :-1] & there[:, 1:]
    assert (presence(run(MOTION[name], sample)['keypoint']) == expected).all()


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize('name', TIME)
def test_time_transforms_blend_no_body_with_absence(name, num_person, layout):
    sample = make_sample(layout, num_person)
    for seed in range(5):
        out = run(TIME[name], sample, seed)
        there = presence(out['keypoint'])
        bodies = out['keypoint'][there]
        assert len(bodies)
        assert bodies.min() > 4.99
        assert bodies.max() < 6.01
        assert out['keypoint_score'].shape == out['keypoint'].shape[:3]
        assert out['keypoint_score'].max() <= 1
        if name != 'warp':
            assert (out['keypoint_score'][~there] == 0).all()
            assert out['keypoint_score'][there].min() >= 0.49


@pytest.mark.parametrize('channels', [2, 3])
@pytest.mark.parametrize('name', ALL)
def test_inputs_are_not_modified_and_equal_seeds_give_equal_results(name, channels):
    if channels == 2 and name in THREE_ONLY:
        pytest.skip('needs three coordinates')
    sample = make_sample('coco17', 2, channels)
    kept = copy.deepcopy(sample)
    sample['keypoint'].setflags(write=False)
    sample['keypoint_score'].setflags(write=False)
    first, second = run(ALL[name], sample, 3), run(ALL[name], sample, 3)
    for key in ('keypoint', 'keypoint_score'):
        np.testing.assert_array_equal(sample[key], kept[key])
        np.testing.assert_array_equal(first[key], second[key])
    assert first['label'] == 1


@pytest.mark.parametrize(
    'name', ['resize-crop', 'pad-crop', 'warp', 'rotation', 'scale', 'body-size', 'shear', 'noise']
)
def test_another_seed_gives_another_result(name):
    sample = make_sample()
    assert not np.array_equal(run(ALL[name], sample, 0)['keypoint'], run(ALL[name], sample, 1)['keypoint'])


@pytest.mark.parametrize(
    'name', [name for name in ALL if name not in ('noise', 'body-size', 'swap', 'align', 'centre-first')]
)
def test_swapping_persons_before_or_after_is_the_same(name):
    sample = make_sample('nturgbd25')
    swapped = sample | {key: sample[key][::-1] for key in ('keypoint', 'keypoint_score')}
    straight, crossed = run(ALL[name], sample), run(ALL[name], swapped)
    for key in ('keypoint', 'keypoint_score'):
        np.testing.assert_allclose(straight[key], crossed[key][::-1], atol=1e-5)


@pytest.mark.parametrize('name', ALL)
def test_nobody_there_stays_nobody(name):
    sample = make_sample(score=False)
    sample['keypoint'] = np.zeros_like(sample['keypoint'])
    out = run(ALL[name], sample)
    assert not out['keypoint'].any()
    assert 'keypoint_score' not in out


@pytest.mark.parametrize('name', ALL)
def test_wrong_samples_are_refused_by_class_and_sample(name):
    match = f"{ALL[name]['type']}.*'clip7'"
    good = make_sample('sbu15')
    for bad in (
        good | {'layout': 'nturgbd25'},
        good | {'keypoint': good['keypoint'][:, :0]},
        good | {'keypoint': good['keypoint'][:0]},
        good | {'keypoint': good['keypoint'][0]},
        {key: value for key, value in good.items() if key != 'keypoint'},
    ):
        with pytest.raises(ValueError, match=match):
            run(ALL[name], bad)


@pytest.mark.parametrize('name', ['resize', 'pad', 'centre-first', 'centre-all'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_nan_is_refused(name, value):
    sample = make_sample()
    sample['keypoint'][1, 8, 4, 2] = value
    with pytest.raises(ValueError, match=r"'clip7'.*NaN.*person 1, frame 8, joint 4"):
        run(ALL[name], sample)


@pytest.mark.parametrize('name', ['centre-first', 'align', 'turned-mirrored', 'mirror', 'bone'])
def test_a_missing_layout_is_named(name):
    sample = make_sample()
    del sample['layout']
    with pytest.raises(ValueError, match="'clip7'.*'layout'"):
        run(ALL[name], sample)


@pytest.mark.parametrize('name', ['resize', 'pad', 'warp', 'body-size', 'mirror', 'swap', 'centre-first'])
def test_scores_of_the_wrong_shape_are_refused(name):
    sample = make_sample()
    sample['keypoint_score'] = sample['keypoint_score'][:, 1:]
    with pytest.raises(ValueError, match="'clip7'.*keypoint_score"):
        run(ALL[name], sample)


@pytest.mark.parametrize(
    ('config', 'named'),
    [
        ({'type': 'SampleClip', 'clip_len': 0}, 'clip_len'),
        ({'type': 'SampleClip', 'clip_len': 2.5}, 'clip_len'),
        ({'type': 'SampleClip', 'clip_len': 8, 'mode': 'loop'}, 'mode'),
        ({'type': 'SampleClip', 'clip_len': 8, 'crop': (0.9, 0.5)}, 'crop'),
        ({'type': 'SampleClip', 'clip_len': 8, 'crop': 0.5}, 'crop'),
        ({'type': 'SampleClip', 'clip_len': 8, 'crop': (0.0, 1.0)}, 'crop'),
        ({'type': 'SampleClip', 'clip_len': 8, 'num_clips': 0}, 'num_clips'),
        ({'type': 'SampleClip', 'clip_len': 8, 'window': 1.5}, 'window'),
        ({'type': 'RandomTimeWarp', 'strength': 1.0}, 'strength'),
        ({'type': 'SmoothMotion', 'window': 4}, 'window'),
        ({'type': 'SmoothMotion', 'window': 1}, 'window'),
        ({'type': 'SmoothMotion', 'window': 5.0}, 'window'),
        ({'type': 'SmoothMotion', 'window': 5, 'degree': 4}, 'degree'),
        ({'type': 'SmoothMotion', 'degree': -1}, 'degree'),
        ({'type': 'CentrePair', 'frames': 'last'}, 'frames'),
        ({'type': 'AlignFacing', 'vertical_axis': 3}, 'vertical_axis'),
        ({'type': 'AddTurnedClips', 'vertical_axis': -1}, 'vertical_axis'),
        ({'type': 'AddTurnedClips', 'mirrored': 1}, 'mirrored'),
        ({'type': 'RandomRotation3D', 'angles': 30.0}, 'angles'),
        ({'type': 'RandomRotation3D', 'angles': (0.0, -1.0, 0.0)}, 'angles'),
        ({'type': 'RandomScale3D', 'scale': 1.0}, 'scale'),
        ({'type': 'RandomScale3D', 'isotropic': 1}, 'isotropic'),
        ({'type': 'RandomBodySize', 'scale': -0.1}, 'scale'),
        ({'type': 'RandomBodySize', 'isotropic': None}, 'isotropic'),
        ({'type': 'RandomShear3D', 'shear': 0.6}, 'shear'),
        ({'type': 'JointNoise', 'std': -0.1}, 'std'),
        ({'type': 'JointNoise', 'std': float('nan')}, 'std'),
        ({'type': 'MirrorPose', 'prob': 1.1}, 'prob'),
        ({'type': 'MirrorPose', 'axis': 3}, 'axis'),
        ({'type': 'SwapPersons', 'prob': -0.1}, 'prob'),
        ({'type': 'GenerateStream', 'stream': 'bones'}, 'joint, bone, joint_motion, bone_motion'),
        ({'type': 'GenerateStream', 'stream': ['joint', 'speed']}, 'joint, bone, joint_motion, bone_motion'),
        ({'type': 'GenerateStream', 'stream': []}, 'stream'),
        ({'type': 'GenerateStream', 'true_speed': 1}, 'true_speed must be True or False'),
        ({'type': 'GenerateStream', 'motion_scale': 0}, 'motion_scale must be a positive number'),
        ({'type': 'GenerateStream', 'distance_scale': float('inf')}, 'distance_scale must be a positive number'),
        ({'type': 'GenerateStream', 'motion_scale': True}, 'motion_scale must be a positive number'),
    ],
)
def test_wrong_arguments_are_refused(config, named):
    with pytest.raises(ValueError, match=rf'{config["type"]}: .*{named}.* got '):
        TRANSFORMS.build(config)


@pytest.mark.parametrize('name', THREE_ONLY)
def test_rotations_refuse_images(name):
    with pytest.raises(ValueError, match=f"{ALL[name]['type']}.*'clip7'.*C = 3.*image"):
        run(ALL[name], make_sample('coco17', channels=2))


def test_repr_shows_class_and_arguments():
    shown = repr(TRANSFORMS.build({'type': 'SampleClip', 'clip_len': 8, 'crop': [0.5, 1.0]}))
    assert shown == "SampleClip(clip_len=8, mode='resize', crop=(0.5, 1.0), num_clips=1, window=0.75)"
    assert repr(TRANSFORMS.build({'type': 'MirrorPose', 'axis': 2})) == 'MirrorPose(prob=0.5, axis=2)'
    shown = repr(TRANSFORMS.build({'type': 'GenerateStream', 'stream': 'bone'}))
    assert shown == "GenerateStream(stream='bone', true_speed=False, motion_scale=1.0, distance_scale=1.0)"


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
@pytest.mark.parametrize('train', [True, False])
def test_the_whole_pipeline_into_the_host(layout, num_person, num_clips, train):
    two = layout == 'coco17'
    sample = make_sample(layout, num_person, channels=2 if two else 3, score=two)
    steps = [{'type': 'CentrePair'}]
    if train:
        steps += [{'type': 'RandomTimeWarp'}]
    if train and not two:
        steps += [{'type': 'AlignFacing'}, {'type': 'RandomRotation3D', 'angles': (0.0, 20.0, 0.0)}]
    steps += [{'type': 'SampleClip', 'clip_len': 10, 'crop': (0.5, 1.0) if train else None, 'num_clips': num_clips}]
    if train:
        steps += [{'type': name} for name in ('RandomScale3D', 'RandomBodySize', 'RandomShear3D', 'JointNoise')]
        steps += [{'type': 'MirrorPose'}, {'type': 'SwapPersons'}]
    steps += [
        {'type': 'GenerateStream', 'stream': ['joint', 'bone_motion']},
        {'type': 'FormatGCNInput', 'num_person': num_person},
        {'type': 'PackActionInputs'},
    ]
    packed = Compose([TRANSFORMS.build(step) for step in steps])(sample)
    channels = 2 * 2 + 1 if two else 2 * 3
    joints = get_skeleton(layout).num_joints
    assert tuple(packed['inputs'].shape) == (num_clips, num_person, 10, joints, channels)
    assert packed['inputs'].isfinite().all()
    assert packed['data_samples'].gt_label.item() == 1
