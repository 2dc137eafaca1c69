"""Recordings as pose estimators, trackers and sensors write them: every form against the same two people."""

import json

import numpy as np
import pytest

from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.samples import find_recordings, is_single, read_recording, read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS, get_skeleton

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


# One picture or frame.
def ultralytics(bodies, frame=0):
    return [
        {
            'name': 'person', 'class': 0, 'confidence': 0.9, 'box': {'x1': 1.0, 'y1': 1.0, 'x2': 2.0, 'y2': 2.0},
            'track_id': person + 1,
            'keypoints': {'x': joints[:, 0].tolist(), 'y': joints[:, 1].tolist(), 'visible': score.tolist()},
        }
        for person, joints, score in bodies
    ]  # fmt: skip


def mmpose_picture(bodies, frame=0):
    return [
        {'keypoints': joints.tolist(), 'keypoint_scores': score.tolist(), 'bbox': [[0, 0, 1, 1]], 'bbox_score': 0.9}
        for _, joints, score in bodies
    ]


def cmu(bodies, frame=0):
    return {'version': 'AlphaPose v0.3', 'bodies': [{'joints': flat(joints, score)} for _, joints, score in bodies]}


def alphapose_open(bodies, frame=0):
    rows = [{'pose_keypoints_2d': flat(joints, score)} for _, joints, score in bodies]
    return {'version': 'AlphaPose v0.3', 'people': rows}


def openpose_old(bodies, frame=0):
    rows = [{'pose_keypoints': flat(*body[1:]), 'face_keypoints': [], 'hand_left_keypoints': []} for body in bodies]
    return {'version': 1.0, 'people': rows}


# A recording in one file.
def alphapose(keypoint, score):
    rows = [
        {
            'image_id': f'{frame}.jpg', 'category_id': 1, 'keypoints': flat(joints, scores), 'score': 2.5,
            'box': [1.0, 1.0, 2.0, 2.0], 'idx': person + 3,
        }
        for frame in range(FRAMES)
        for person, joints, scores in body_list(keypoint, score, frame)
    ]  # fmt: skip
    return rows


def untracked_alphapose(keypoint, score):
    return [{**row, 'idx': [0.0]} for row in alphapose(keypoint, score)]


def by_image(of_frame):
    """AlphaPose's forms cmu and open, where frames with nobody are not there."""

    def content(keypoint, score):
        frames = enumerate(body_list(keypoint, score, frame) for frame in range(FRAMES))
        return {f'{frame}.jpg': of_frame(bodies) for frame, bodies in frames if bodies}

    return content


def listed(of_frame):
    return lambda keypoint, score: over_frames(of_frame, keypoint, score)


def tracks(keypoint, score, by_person=True, keypoints_of=lambda body, scores: np.column_stack([body, scores]).tolist()):
    content = {}
    for frame in range(FRAMES):
        for person, body, scores in body_list(keypoint, score, frame):
            outer, inner = (str(person + 1), str(frame)) if by_person else (f'{frame:06d}', str(person + 1))
            content.setdefault(outer, {})[inner] = keypoints_of(body, scores)
    return content


def tracks_by_frame(keypoint, score):
    return tracks(keypoint, score, by_person=False)


def alphapose_tracks(keypoint, score):
    return tracks(keypoint, score, keypoints_of=lambda body, scores: {'keypoints': flat(body, scores), 'scores': 2.5})


def mmpose(keypoint, score):
    def of_frame(bodies, frame):
        return {'frame_id': frame + 1, 'instances': mmpose_picture(bodies)}

    return {'meta_info': {}, 'instance_info': over_frames(of_frame, keypoint, score)}


VIDEOS = {
    'AlphaPose': (alphapose, 'coco17'),
    'AlphaPose without tracks': (untracked_alphapose, 'coco17'),
    'AlphaPose cmu': (by_image(cmu), 'openpose18'),
    'AlphaPose open': (by_image(alphapose_open), 'openpose18'),
    'AlphaPose tracked': (alphapose_tracks, 'coco17'),
    'tracks': (tracks, 'coco17'),
    'tracks by frame': (tracks_by_frame, 'coco17'),
    'frames of ultralytics': (listed(ultralytics), 'coco17'),
    'frames of OpenPose': (listed(alphapose_open), 'body25'),
    'mmpose': (mmpose, 'coco17'),
}


def read(path, layout, **options):
    img_shape = options.pop('img_shape', None)
    recording = read_recording(path, layout, img_shape)
    return recording, finish_recording(recording, layout, str(path), **options).annotation(2)


def same(sample, keypoint, score=None, frames=FRAMES):
    np.testing.assert_allclose(sample['keypoint'], keypoint[:, :frames], rtol=1e-6, atol=1e-5)
    if score is not None:
        np.testing.assert_allclose(sample['keypoint_score'], score[:, :frames], rtol=1e-6)


@pytest.mark.parametrize(('content', 'layout'), VIDEOS.values(), ids=VIDEOS)
def test_a_file_of_a_video(tmp_path, content, layout):
    layout = SKELETONS[layout]
    keypoint, score = people(layout.num_joints)
    recording, sample = read(write(tmp_path / 'a.json', content(keypoint, score)), layout)
    same(sample, keypoint, score)
    ids = {'alphapose': ['3', '4'], 'ultralytics': ['1', '2'], 'tracks': ['1', '2']}
    if content in (alphapose, tracks, alphapose_tracks):
        assert recording.persons == ids['alphapose' if content is alphapose else 'tracks']


def test_an_id_that_comes_back_is_the_same_person(tmp_path):
    keypoint, score = people(17)
    hidden = slice(2, 5)
    keypoint[0, hidden] = score[0, hidden] = 0
    keypoint[1, 1:] = keypoint[1, :1]
    score[1] = score[1, :1]
    keypoint[0, 5] += 300  # too far to be linked by place
    _, sample = read(write(tmp_path / 'a.json', alphapose(keypoint, score)), SKELETONS['coco17'])
    same(sample, keypoint, score)


PICTURES = {
    'ultralytics': (ultralytics, 'coco17', 'frame_{:04d}.json'),
    'mmpose': (mmpose_picture, 'coco17', '{:06d}.json'),
    'AlphaPose cmu': (cmu, 'openpose18', '{}.json'),
    'AlphaPose open': (alphapose_open, 'openpose18', 'video1_{}.json'),
    'OpenPose 1.0': (openpose_old, 'openpose18', 'video1_{:012d}_keypoints.json'),
}


@pytest.mark.parametrize(('content', 'layout', 'name'), PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize('inner', ['', 'sep-json'])
def test_a_folder_of_frames(tmp_path, content, layout, name, inner):
    layout = SKELETONS[layout]
    for video in range(2):
        keypoint, score = people(layout.num_joints, seed=video)
        for frame, bodies in enumerate(over_frames(content, keypoint, score)):
            write(tmp_path / 'raw' / 'push' / f'video{video}' / inner / name.format(frame), bodies)
    (tmp_path / 'raw' / 'push' / 'video1' / inner / 'meta.json').write_text('{}')
    recordings = find_recordings(tmp_path / 'raw')
    folders = [tmp_path / 'raw' / 'push' / f'video{video}' / inner for video in range(2)]
    if inner:
        assert list(recordings) == ['push/video0', 'push/video1']
    assert [recordings[name] for name in ('push/video0', 'push/video1')] == folders
    same(read(recordings['push/video1'], layout)[1], keypoint, score)


@pytest.mark.parametrize('confidence', [[], [0.9]])
@pytest.mark.parametrize('ids', [True, False])
@pytest.mark.parametrize('scores', [True, False])
def test_text_of_ultralytics(tmp_path, confidence, ids, scores):
    keypoint, score = people(17)
    (folder := tmp_path / 'raw' / 'push' / 'video0' / 'labels').mkdir(parents=True)
    for frame in range(FRAMES):
        lines = []
        for person, body, of_joints in body_list(keypoint, score, frame):
            shares = np.column_stack([body / [WIDTH, HEIGHT], *([of_joints] if scores else [])])
            box = [0.5, 0.5, 0.1, 0.2]
            values = [0, *box, *shares.ravel().tolist(), *confidence, *([person + 1] if ids else [])]
            lines.append(' '.join(f'{value:g}' for value in values))
        if lines:  # where nobody is there is no file
            (folder / f'video0_{frame + 1}.txt').write_text('\n'.join(lines) + '\n')
    recordings = find_recordings(tmp_path / 'raw')
    assert recordings == {'push/video0': folder}
    recording, sample = read(folder, SKELETONS['coco17'], img_shape=(HEIGHT, WIDTH))
    np.testing.assert_allclose(sample['keypoint'], keypoint, atol=0.01)
    if scores:
        np.testing.assert_allclose(sample['keypoint_score'], score, atol=1e-6)
    assert recording.img_shape == (HEIGHT, WIDTH)
    with pytest.raises(InputError, match=r'labels: expected the size of the image .*--img-shape HEIGHT WIDTH'):
        read(folder, SKELETONS['coco17'])


def test_frames_of_several_videos_are_refused(tmp_path):
    for video in range(2):
        write(tmp_path / f'v{video}_1{video}.json', ultralytics(body_list(*people(17), 0)))
    with pytest.raises(InputError, match=r"expected the frames of one video, got \['v0', 'v1'\]"):
        read(tmp_path, SKELETONS['coco17'])


def test_recordings_side_by_side_are_no_frames(tmp_path):
    keypoint, score = people(17)
    for video in range(3):
        write(tmp_path / 'push' / f'{video}.json', mmpose(keypoint, score))
    assert list(find_recordings(tmp_path)) == ['push/0', 'push/1', 'push/2']


LARGER = [(133, 'coco17', range(17)), (136, 'coco17', range(17)), (26, 'coco17', range(17))]
MEDIAPIPE_IN_COCO = [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]


@pytest.mark.parametrize(('count', 'layout', 'joints'), LARGER)
@pytest.mark.parametrize('content', [alphapose, mmpose, listed(ultralytics)])
def test_of_larger_sets_the_joints_of_the_layout_are_taken(tmp_path, count, layout, joints, content):
    keypoint, score = people(count)
    recording, sample = read(write(tmp_path / 'a.json', content(keypoint, score)), SKELETONS[layout])
    same(sample, keypoint[:, :, joints], score[:, :, joints])
    assert any(f'joints 0 to 16 of the {count}' in note for note in recording.notes)


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
            [{'x': x / WIDTH, 'y': y / HEIGHT, 'z': -0.1, 'visibility': v} for (x, y), v in zip(body, scores, strict=True)]
            for _, body, scores in body_list(keypoint, score, frame)
        ]  # fmt: skip
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


def chain(count, name='chain'):
    """A layout of so many joints in a row."""
    joints = [f'JOINT_{number}' for number in range(count)]
    return get_skeleton(dict(name=name, joints=joints, bones=[list(pair) for pair in zip(joints[1:], joints)]))  # noqa: B905


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
    same(read(path, layout, units='millimetre', up='-y')[1], keypoint)
    same(read(path, layout, units='metre', up='y')[1], written[:, :, np.argsort(order)] * 0.0 + in_camera(keypoint)) if (
        False
    ) else None


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
                        {'object_id': person + 3, 'pose25d': [0.0] * 136, 'pose3d': flat(written[person, frame], scores)}
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
