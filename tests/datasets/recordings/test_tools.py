"""Recordings as pose estimators and trackers write them: every form against the same two people."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.reading import find_recordings
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS

from .people import FRAMES, HEIGHT, WIDTH, body_list, flat, over_frames, people, read, same, write


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
    recording, sample = read(write(tmp_path / 'a.json', alphapose(keypoint, score)), SKELETONS['coco17'])
    same(sample, keypoint, score)
    assert recording.persons == ['3', '4']


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
    with pytest.raises(InputError, match=r'labels: expected the size of the image, .*--img-shape HEIGHT WIDTH'):
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


LARGER = [
    (133, 'coco17', range(17)),
    (136, 'coco17', range(17)),
    (26, 'coco17', range(17)),
    (136, 'halpe26', range(26)),
]


@pytest.mark.parametrize(('count', 'layout', 'joints'), LARGER)
@pytest.mark.parametrize('content', [alphapose, mmpose, listed(ultralytics)])
def test_of_larger_sets_the_joints_of_the_layout_are_taken(tmp_path, count, layout, joints, content):
    keypoint, score = people(count)
    recording, sample = read(write(tmp_path / 'a.json', content(keypoint, score)), SKELETONS[layout])
    same(sample, keypoint[:, :, joints], score[:, :, joints])
    assert any(f'joints 0 to {joints[-1]} of the {count}' in note.what for note in recording.notes)
