"""The preparation in torch is the test pipeline: every step, whole pipelines, and traced for any number of frames."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose

import asea_mm.datasets  # noqa: F401  (registers the transforms)
from asea_mm.deploy.preparation import Preparation
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton

from . import ROOT, recording

END = [dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs', meta_keys=('frame_dir',))]
CLIP = dict(type='SampleClip', clip_len=16)
STEP_CASES = {  # what stands before the end
    'CentrePair': [dict(type='CentrePair'), CLIP],
    'CentrePair, every frame': [dict(type='CentrePair', every_frame=True), CLIP],
    'AlignFacing': [dict(type='AlignFacing'), CLIP],
    'MapLayout': [
        dict(type='MapLayout', layout='common13'),
        dict(type='CentrePair'),
        CLIP,
        dict(type='GenerateStream', stream='bone'),
    ],
    'SmoothMotion': [dict(type='SmoothMotion', window=7, degree=4), CLIP],
    'SmoothMotion of clips': [dict(CLIP, num_clips=2), dict(type='SmoothMotion')],
    'SampleClip, one frame': [dict(type='SampleClip', clip_len=1)],
    'SampleClip, several': [dict(type='SampleClip', clip_len=16, num_clips=3, window=0.5)],
    'AddTurnedClips': [CLIP, dict(type='AddTurnedClips')],
    'AddTurnedClips, mirrored': [CLIP, dict(type='AddTurnedClips', mirrored=True)],
    'bones, true speed': [
        dict(CLIP, num_clips=2),
        dict(type='AddTurnedClips'),
        dict(type='GenerateStream', stream=['bone', 'bone_motion'], true_speed=True),
    ],
    'distances': [CLIP, dict(type='GenerateStream', stream=['partner_distance', 'partner_distance_motion'])],
    'motion before SampleClip': [dict(type='GenerateStream', stream='joint_motion', motion_scale=4), CLIP],
    'NormalizeByBody': [dict(type='NormalizeByBody'), CLIP],
    'FillMissingJoints': [dict(type='FillMissingJoints'), CLIP],
}
IMAGE_CASES = {
    'MapLayout': [dict(type='MapLayout', layout='common13'), CLIP, dict(type='ScoreChannel')],
    'FillMissingJoints': [dict(type='FillMissingJoints', score_thr=0.3), CLIP, dict(type='ScoreChannel')],
    'NormalizeByImage': [dict(type='NormalizeByImage'), CLIP, dict(type='ScoreChannel')],
    'NormalizeByBody': [dict(type='NormalizeByBody'), CLIP, dict(type='ScoreChannel', keep=False)],
    'CentrePair': [dict(type='CentrePair'), CLIP, dict(type='ScoreChannel')],
    'CentrePair, every frame': [dict(type='CentrePair', every_frame=True), CLIP, dict(type='ScoreChannel')],
    'scores behind coordinates': [dict(type='FillMissingJoints', score_thr=0.3), CLIP],
}
CONFIGS = ('asea_demo', 'asea_sbu_smooth', 'asea_kinetics10')
SIZES = [(2, 30), (1, 9), (2, 1)]


def assert_same(pipeline, layout, sample, prepare=None):
    """The preparation, which has absent persons where there are none, gives what the pipeline gives."""
    given = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in sample.items()}
    expected = Compose(pipeline)(dict(given, label=0, frame_dir='a', layout=layout))['inputs'].numpy()
    preparation = Preparation(pipeline, get_skeleton(layout), scored='keypoint_score' in sample)
    inputs = []
    for name in preparation.inputs:
        value = torch.as_tensor(np.asarray(sample[name], dtype=np.float32))
        if name != 'img_shape':
            value = torch.cat([value, value.new_zeros(2 - len(value), *value.shape[1:])])
        inputs.append(value)
    prepared = (prepare or preparation)(*inputs)[0].numpy()
    np.testing.assert_allclose(prepared, expected, atol=2e-5 * max(1, np.abs(expected).max()))
    assert prepared.dtype == np.float32
    assert np.array_equal(expected.any(axis=(3, 4)), prepared.any(axis=(3, 4))), 'the same are present'


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('name', STEP_CASES)
def test_steps(name, size):
    sample = dict(keypoint=recording(*size))
    if name == 'FillMissingJoints':
        sample['keypoint'][np.random.default_rng(1).random(sample['keypoint'].shape[:3]) < 0.3] = 0
    assert_same(STEP_CASES[name] + END, 'sbu15', sample)


def poses(persons: int, frames: int) -> dict:
    """Pixels with scores, some joints missing by their place and some by their score."""
    draw = np.random.default_rng(2)
    keypoint = recording(persons, frames, joints=17, channels=2)
    keypoint = (300 + 80 * keypoint) * (keypoint != 0)
    score = draw.random(keypoint.shape[:3]).astype(np.float32)
    keypoint[draw.random(keypoint.shape[:3]) < 0.2] = 0
    return dict(keypoint=keypoint, keypoint_score=score * keypoint.any(axis=-1), img_shape=(480, 640))


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('name', IMAGE_CASES)
def test_steps_of_images(name, size):
    assert_same(IMAGE_CASES[name] + END, 'coco17', poses(*size))


@pytest.mark.parametrize('case', ['nobody', 'never together', 'gaps', 'on top of each other'])
@pytest.mark.parametrize('steps', [['CentrePair', 'AlignFacing'], ['SmoothMotion', 'CentrePair'], ['NormalizeByBody']])
def test_absence(case, steps):
    keypoint = recording(2, 40)
    if case == 'nobody':
        keypoint[:] = 0
    elif case == 'never together':
        keypoint[0, 15:] = 0
        keypoint[1, :15] = 0
    elif case == 'gaps':
        keypoint[0, 3:5] = keypoint[0, 8:20:4] = 0
    else:
        keypoint[1] = keypoint[0]
    pipeline = [*(dict(type=name) for name in steps), CLIP, dict(type='GenerateStream', stream='joint_motion'), *END]
    assert_same(pipeline, 'sbu15', dict(keypoint=keypoint))


@pytest.mark.parametrize('name', CONFIGS)
def test_pipelines_of_configs_are_traced_for_any_number_of_frames(name):
    pipeline = Config.fromfile(ROOT / 'configs' / f'{name}.py').test_pipeline
    layout = {'asea_demo': 'nturgbd25', 'asea_kinetics10': 'openpose18'}.get(name, 'sbu15')
    joints = get_skeleton(layout).num_joints
    prepare = Preparation(pipeline, get_skeleton(layout)).eval()
    image = name == 'asea_kinetics10'
    sizes = {'keypoint': (2, 7, joints, 2 if image else 3), 'keypoint_score': (2, 7, joints)}
    inputs = tuple(torch.rand(sizes[key]) for key in prepare.inputs)
    frames = torch.export.Dim('frames')
    program = torch.export.export(prepare, inputs, dynamic_shapes=(tuple({1: frames} for _ in inputs),), strict=False)
    for persons, total in SIZES:
        sample = dict(keypoint=recording(persons, total, joints=joints, channels=2 if image else 3))
        if image:
            sample['keypoint'] = sample['keypoint'] * 0.05 + 0.5 * (sample['keypoint'] != 0)
            sample['keypoint_score'] = np.random.default_rng(3).random(sample['keypoint'].shape[:3]).astype(np.float32)
        assert_same(pipeline, layout, sample, program.module() if total > 1 else None)


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ([dict(type='RandomScale3D'), CLIP, *END], 'RandomScale3D of the test pipeline has no form in torch'),
        ([dict(CLIP, crop=(0.5, 1.0)), *END], 'expected a test pipeline, got SampleClip with crop'),
        (END, r"SampleClip that ends in FormatGCNInput .*, got \['FormatGCNInput'\]"),
        ([CLIP], r"ends in FormatGCNInput .*, got \['SampleClip'\]"),
        ([CLIP, dict(type='FormatGCNInput', mode='loop')], "FormatGCNInput of mode 'zero'"),
    ],
)
def test_other_pipelines_are_refused(steps, message):
    with pytest.raises(InputError, match=message):
        Preparation(steps, get_skeleton('sbu15'))
