"""Recordings as sensors, toolkits and spreadsheets write them: every form against the same two people."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.reading import find_recordings
from asea_mm.datasets.recordings.samples import is_single, read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS

from .people import FRAMES, HEIGHT, WIDTH, body_list, chain, flat, people, read, same, write

MEDIAPIPE_IN_COCO = [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]


def test_kinetics_skeleton(tmp_path):
    keypoint, score = people(18)
    shares = (keypoint / [WIDTH, HEIGHT]).round(6)
    data = [
        {
            'frame_index': frame + 1,
            'skeleton': [
                {'pose': shares[person, frame].ravel().tolist(), 'score': scores.tolist()}
                for person, _, scores in body_list(keypoint, score, frame)
            ],
        }
        for frame in range(FRAMES)
    ]
    path = write(tmp_path / 'a.json', {'data': data, 'label': 'hugging', 'label_index': 158})
    recording, sample = read(path, SKELETONS['openpose18'])
    same(sample, shares, score)
    assert recording.shares == 'kept'
    recording, sample = read(path, SKELETONS['openpose18'], img_shape=(HEIGHT, WIDTH))
    np.testing.assert_allclose(sample['keypoint'], keypoint, atol=0.01)
    assert recording.shares is None
    with pytest.raises(InputError, match="expected the layout 'coco17' .* got 'openpose18'"):
        read(path, SKELETONS['coco17'])


@pytest.mark.parametrize('form', ['tasks', 'below frames', 'one person', 'protocol buffer'])
def test_mediapipe(tmp_path, form):
    keypoint, score = people(33)
    if form in ('one person', 'protocol buffer'):
        keypoint[1] = score[1] = 0
    frames = []
    for frame in range(FRAMES):
        bodies = [
            [
                {'x': x / WIDTH, 'y': y / HEIGHT, 'z': -0.1, 'visibility': visible}
                for (x, y), visible in zip(body, scores, strict=True)
            ]
            for _, body, scores in body_list(keypoint, score, frame)
        ]
        if form == 'one person':
            frames.append({'pose_landmarks': bodies[0] if bodies else None})
        elif form == 'protocol buffer':
            frames.append({'pose_landmarks': {'landmark': bodies[0]} if bodies else None})
        else:
            frames.append({'frame': frame, 'pose_landmarks': bodies})
    path = write(tmp_path / 'a.json', {'frames': frames} if form == 'below frames' else frames)
    _, sample = read(path, SKELETONS['coco17'], img_shape=(HEIGHT, WIDTH))
    np.testing.assert_allclose(sample['keypoint'], keypoint[:, :, MEDIAPIPE_IN_COCO], rtol=1e-5)
    np.testing.assert_allclose(sample['keypoint_score'], score[:, :, MEDIAPIPE_IN_COCO], rtol=1e-6)
    with pytest.raises(InputError, match='expected the size of the image'):
        read(path, SKELETONS['coco17'])


def in_camera(keypoint):
    """Metres with y up, x right and z to the back, as millimetres with y down and z forward."""
    return np.where(keypoint.any(axis=-1, keepdims=True), 1000 * keypoint * [1, -1, -1], 0)


@pytest.mark.parametrize('names', ['in order', 'other order', 'other names'])
def test_azure_kinect(tmp_path, names):
    layout = chain(32)
    keypoint, score = people(32, channels=3)
    order = list(range(32)) if names == 'in order' else list(range(31, -1, -1))
    joint_names = [layout.joints[joint].lower() if names != 'other names' else f'other{joint}' for joint in order]
    written = in_camera(keypoint)[:, :, order if names != 'other names' else list(range(32))]
    frames = [
        {
            'frame_id': frame + 7, 'timestamp_usec': 1_000_000 + 66_667 * frame, 'num_bodies': 2,
            'bodies': [
                {'body_id': person + 1, 'joint_positions': written[person, frame].tolist(), 'joint_orientations': []}
                for person, *_ in body_list(keypoint, score, frame)
            ],
        }
        for frame in range(FRAMES)
    ]  # fmt: skip
    content = {'k4abt_sdk_version': '1.1', 'joint_names': joint_names, 'bone_list': [], 'frames': frames}
    recording, sample = read(write(tmp_path / 'a.json', content), layout)
    same(sample, keypoint)
    assert sample['fps'] == pytest.approx(15, abs=0.01)
    assert (list(recording.frames)[0], recording.persons) == (7, ['1', '2'])
    path = write(tmp_path / 'b.json', content)
    said, sample = read(path, layout, units='millimetre', up='-y')
    same(sample, keypoint)
    assert ['--up -y' in str(note) for note in recording.notes] == [True]
    assert not said.notes


def test_deepstream(tmp_path):
    layout = chain(34)
    keypoint, score = people(34, channels=3)
    written = in_camera(keypoint)
    batches = [
        {
            'num_frames_in_batch': 1,
            'batches': [
                {
                    'batch_id': 0, 'frame_num': frame + 3, 'ntp_timestamp': 1639431716322229000, 'num_obj_meta': 6,
                    'objects': [
                        dict(object_id=person + 3, pose25d=[0.0] * 136, pose3d=flat(written[person, frame], scores))
                        for person, _, scores in body_list(keypoint, score, frame)
                    ],
                }
            ],
        }
        for frame in range(FRAMES)
    ]  # fmt: skip
    recording, sample = read(write(tmp_path / 'a.json', batches), layout)
    same(sample, keypoint, score)
    assert recording.persons == ['3', '4']
    batches[0]['batches'][0]['batch_id'] = 1
    with pytest.raises(InputError, match='expected the frames of one video, got 2 batch_id'):
        read(write(tmp_path / 'a.json', batches), layout)


def test_openpose_in_space(tmp_path):
    keypoint, score = people(25, channels=3)
    for frame in range(FRAMES):
        rows = [
            {'person_id': [-1], 'pose_keypoints_2d': [], 'pose_keypoints_3d': flat(body, scores)}
            for _, body, scores in body_list(keypoint, score, frame)
        ]
        write(tmp_path / 'v' / f'v_{frame:012d}_keypoints.json', {'version': 1.3, 'people': rows})
    same(read(tmp_path / 'v', SKELETONS['body25'])[1], keypoint, score)


def test_sbu_text(tmp_path):
    metres = np.random.default_rng(0).uniform(0.2, 2, size=(2, 4, 15, 3)).round(4)
    published = (metres - [1.28, 0.96, 0]) / [-2.56, -1.92, 1.28]
    lines = [','.join(map(repr, [t + 1.0, *published[:, t].ravel().tolist()])) for t in range(4)]
    (tmp_path / 'skeleton_pos.txt').write_text('\n'.join(lines))
    (tmp_path / 'notes.txt').write_text('what was recorded, when, and where\n')
    assert list(find_recordings(tmp_path)) == ['skeleton_pos']
    (sample,) = read_samples(tmp_path / 'skeleton_pos.txt', SKELETONS['sbu15'])
    np.testing.assert_allclose(sample.keypoint, metres, atol=1e-5)
    assert is_single(tmp_path / 'skeleton_pos.txt')
    with pytest.raises(InputError, match="expected the layout 'coco17' .* got 'sbu15'"):
        list(read_samples(tmp_path / 'skeleton_pos.txt', SKELETONS['coco17']))


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le'])
@pytest.mark.parametrize(('separator', 'decimal'), [(',', '.'), (';', ','), (';', '.'), ('\t', ','), ('|', '.')])
@pytest.mark.parametrize('hint', ['', 'sep=%s\n'])
def test_tables_of_spreadsheets(tmp_path, encoding, separator, decimal, hint):
    layout = chain(3)
    keypoint = np.random.default_rng(0).uniform(0, 2, size=(2, 4, 3, 3)).round(3)
    lines = [separator.join(['frame', 'person', 'joint', 'x', 'y', 'z'])]
    for (person, frame, joint), _ in np.ndenumerate(keypoint[..., 0]):
        values = [f'{value:.3f}'.replace('.', decimal) for value in keypoint[person, frame, joint]]
        lines.append(separator.join([str(frame), str(person), layout.joints[joint], *values]))
    text = (hint % separator if hint else '') + '\r\n'.join(lines)
    mark = '\ufeff' if encoding == 'utf-16-le' else ''
    (tmp_path / 'a.csv').write_bytes((mark + text).encode(encoding))
    np.testing.assert_allclose(read(tmp_path / 'a.csv', layout)[1]['keypoint'], keypoint, rtol=1e-6)
