"""Two people of known joints, and what is read of them again."""

import json

import numpy as np

from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.reading import read_recording
from asea_mm.skeletons import get_skeleton

FRAMES = 6
ABSENT = 2  # the frame in which the second person is not there; nobody is in frame 4
HEIGHT, WIDTH = 720, 1280


def people(joints, channels=2, seed=0):
    """Two people of a size in pixels, or metres with y up, who move a little; and their scores."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(-1, 1, size=(joints, channels))
    drift = np.cumsum(rng.normal(scale=0.01, size=(2, FRAMES, 1, channels)), axis=1)
    keypoint = body + drift + np.array([-1.2, 1.2])[:, None, None, None] * np.eye(channels)[0]
    keypoint = 100 * keypoint + [640, 360] if channels == 2 else keypoint + [0, 0, 4]
    score = rng.uniform(0.5, 1, size=keypoint.shape[:3])
    for array in (keypoint, score):
        array[1, ABSENT] = array[:, 4] = 0
    return keypoint.round(3), score.round(3)


def body_list(keypoint, score, frame):
    """Number, joints and scores of who is there in a frame."""
    persons = range(len(keypoint))
    return [(person, keypoint[person, frame], score[person, frame]) for person in persons if score[person, frame].any()]


def flat(keypoint, score):
    return np.column_stack([keypoint, score]).ravel().tolist()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding='utf-8')
    return path


def over_frames(of_frame, keypoint, score):
    return [of_frame(body_list(keypoint, score, frame), frame) for frame in range(FRAMES)]


def read(path, layout, **options):
    img_shape = options.pop('img_shape', None)
    recording = read_recording(path, layout, img_shape)
    return recording, finish_recording(recording, layout, str(path), **options).annotation(2)


def same(sample, keypoint, score=None, frames=FRAMES):
    np.testing.assert_allclose(sample['keypoint'], keypoint[:, :frames], rtol=1e-6, atol=1e-5)
    if score is not None:
        np.testing.assert_allclose(sample['keypoint_score'], score[:, :frames], rtol=1e-6)


def chain(count, name='chain'):
    """A layout of so many joints in a row."""
    joints = [f'JOINT_{number}' for number in range(count)]
    return get_skeleton(dict(name=name, joints=joints, bones=[list(pair) for pair in zip(joints[1:], joints)]))  # noqa: B905
