"""Files with something wrong in them: one for every finding."""

import numpy as np

from asea_mm.skeletons import SKELETONS

CLASSES = ['push', 'hug']
META = {'layout': 'nturgbd25', 'classes': CLASSES, 'source': 'test', 'units': 'm'}
HEAD, LEFT_HAND = 3, 7
ORDER = [*range(5, 25), *range(5)]


def content_of(poses):
    annotations = [
        {'frame_dir': f's{index}', 'label': index % 2, 'total_frames': pose.shape[1], 'keypoint': pose.copy()}
        for index, pose in enumerate(poses)
    ]
    return {'annotations': annotations, 'split': {'train': ['s0', 's1', 's2', 's3'], 'val': ['s4', 's5', 's6', 's7']}}


def one(**changes):
    """Changes fields of sample s0; a function changes its keypoints in place or returns others."""

    def change(content):
        sample = content['annotations'][0]
        for name, value in changes.items():
            if callable(value):
                new = value(sample['keypoint'])
                value = sample['keypoint'] if new is None else new
            sample[name] = value

    return change


def every(function):
    def change(content):
        for sample in content['annotations']:
            sample['keypoint'] = function(sample['keypoint'])
            sample['total_frames'] = sample['keypoint'].shape[1] if sample['keypoint'].ndim > 1 else 0

    return change


def put(index, value):
    return lambda keypoint: keypoint.__setitem__(index, value)


def of(part, key, value):
    """Changes ``split`` or ``meta``; a function takes what was there."""

    def change(content):
        content[part][key] = value(content[part][key]) if callable(value) else value

    return change


def with_confidence(keypoint):
    pixels = 500 - 200 * keypoint[..., :2]
    return np.concatenate([pixels, np.full_like(keypoint[..., :1], 0.9)], axis=-1)


def image(keypoint, scale, shift):
    return (keypoint[..., :2] * scale * (1, -1) + shift).astype(np.float32)


def jumping(keypoint):
    keypoint[0, ::2] = keypoint[0, ::2][:, ::-1].copy()  # every other frame with its joints in another order


def copy_of(index):
    def change(content):
        first, other = content['annotations'][0], content['annotations'][index]
        first.update(keypoint=other['keypoint'], total_frames=other['total_frames'])

    return change


def compressed(content):
    sample = content['annotations'][0]
    num_frames = sample['keypoint'].shape[1]
    sample['frame_inds'] = np.repeat(np.arange(num_frames), 2)
    sample['keypoint'] = sample['keypoint'].swapaxes(0, 1).reshape(2 * num_frames, 25, 3)


def of_images(scale=200, img_shape=None, score=None, units='pixel', shift=None):
    """All samples two-dimensional, in images of 1000 x 800 pixels or in shares of them."""

    def change(content):
        side = np.array([1000, 800]) if scale > 1 else np.array([1, 1])
        for sample in content['annotations']:
            points = image(sample['keypoint'], scale, 0)
            points += 0.5 * side - points.mean(axis=(0, 1, 2)) if shift is None else shift * side
            sample['keypoint'] = points.astype(np.float32)
            if img_shape is not None:
                sample['img_shape'] = img_shape
            if score is not None:
                sample['keypoint_score'] = np.full(sample['keypoint'].shape[:3], score)
        content['meta']['units'] = units

    return change


def twice(noise):
    """The first body in the place of the second, too."""

    def change(keypoint):
        random = np.random.default_rng(0).normal(0, noise, size=keypoint[0].shape)
        keypoint[1] = keypoint[0] + (random if noise else 0)
        return keypoint

    return change


def exchanging(keypoint):
    keypoint[:, ::2] = keypoint[::-1, ::2].copy()
    return keypoint


def root_relative(floor):
    """Poses with their root, joint 0, in one place; or with their lowest joint on the floor."""

    def change(keypoint):
        keypoint -= keypoint[:, :, :1]
        if floor:
            keypoint[..., 1] -= keypoint[..., 1].min(axis=2, keepdims=True)
        return keypoint

    return change


def in_order_of_body25(keypoint):
    """NTU's joints where BODY_25 has them; toes and heels are feet, eyes and ears heads."""
    same = {'neck': 'neck', 'mid_hip': 'spine_base', 'nose': 'head'}
    names = [
        joint if joint in SKELETONS['nturgbd25'].joints else same.get(joint, f'{joint.split("_")[0]}_foot')
        for joint in SKELETONS['body25'].joints
    ]
    names = [
        'head' if 'eye' in joint or 'ear' in joint else name
        for joint, name in zip(SKELETONS['body25'].joints, names, strict=True)
    ]
    return keypoint[:, :, [SKELETONS['nturgbd25'].joints.index(name) for name in names]]


def third_person(keypoint):
    return np.concatenate([keypoint, keypoint[:1] + np.float32([2, 0, 0.5])])


def two_frame_rates(content):
    for index, sample in enumerate(content['annotations']):
        sample['fps'] = (25, 30)[index % 2]


# what is done to the file: the findings that follow, with their numbers of samples
UGLY = {
    'nothing': (lambda content: None, {}),
    'no samples': (of('annotations', slice(None), value=[]), {'no samples': 1}),
    'no layout': (of('meta', 'layout', value=None), {'layout': 1}),
    'unknown layout': (of('meta', 'layout', value='ntu'), {'layout': 1}),
    'another layout': (of('meta', 'layout', value='coco17'), {'joints': 8}),
    'objects': (one(keypoint=np.array(['x'])), {'keypoint': 1}),
    'three axes': (one(keypoint=lambda keypoint: keypoint[0]), {'shape': 1}),
    'no frames': (one(keypoint=lambda keypoint: keypoint[:, :0], total_frames=0), {'no frame': 1}),
    'frames miscounted': (one(total_frames=3), {'total_frames': 1}),
    'score of another shape': (one(keypoint_score=np.ones((2, 3, 25))), {'score': 1, 'mixed scores': 1}),
    'score of one': (one(keypoint_score=lambda keypoint: keypoint[..., 0] * 0 + 1), {'mixed scores': 1}),
    'NaN': (one(keypoint=put((0, 1, 2, 0), np.nan)), {'not finite': 1}),
    'nobody': (one(keypoint=put(..., 0)), {'nobody': 1}),
    'float64': (every(lambda keypoint: keypoint.astype(np.float64)), {'dtype': 8}),
    'mixed': (one(keypoint=lambda keypoint: image(keypoint, 200, 500)), {'mixed': 1}),
    'label of text': (one(label='push'), {'label': 1}),
    'label without class': (one(label=2), {'no class': 1}),
    'class without samples': (of('meta', 'classes', value=[*CLASSES, 'kick']), {'class without samples': 1}),
    'class not in split': (of('split', 'val', value=['s4', 's6']), {'class not in split': 1, 'split: none': 2}),
    'no class names': (of('meta', 'classes', value=None), {'class names': 1}),
    'ids of another kind': (of('split', 'val', value=lambda ids: [*ids, 3, [4]]), {'split: unknown': 2}),
    'named twice': (of('split', 'val', value=lambda ids: [*ids, 's4']), {'split: repeated': 1}),
    'unknown': (of('split', 'val', value=lambda ids: [*ids, 'gone']), {'split: unknown': 1}),
    'empty split': (of('split', 'test', value=[]), {'split: empty': 1}),
    'in no split': (of('split', 'val', value=['s4', 's5', 's6']), {'split: none': 1}),
    'overlap': (of('split', 'val', value=lambda ids: [*ids, 's0']), {'split: overlap': 1}),
    'copy across splits': (copy_of(4), {'split: same keypoints': 1}),
    'copy within a split': (copy_of(2), {'same keypoints': 1}),
    'frame rates': (two_frame_rates, {'frame rates': 1}),
    'millimetres': (every(lambda keypoint: keypoint * 1000), {'absurd': 8, 'units': 8}),
    'half metres': (every(lambda keypoint: keypoint / 10), {'small': 8}),
    'far away': (one(keypoint=put((0, 1, LEFT_HAND), 50)), {'far': 1}),
    'confidence for z': (every(with_confidence), {'confidence': 8}),
    'pixels': (every(lambda keypoint: image(keypoint, 200, 500)), {}),
    'shares of the image': (of_images(0.1), {'image shares': 8}),
    'shares, some outside': (of_images(0.1, shift=np.array([0.95, 0.95])), {'image shares': 8}),
    'shares, and it says so': (of_images(0.1, units='image share'), {}),
    'pixels called shares': (of_images(units='share of the image'), {'image pixels': 8}),
    'pixels within their image': (of_images(img_shape=(800, 1000)), {}),
    'shape of no image': (of_images(img_shape=(0, 3)), {'image shape': 8}),
    'width and height exchanged': (
        of_images(img_shape=(2000, 800), shift=np.array([1.2, 0.5])),
        {'image exchanged': 8},
    ),
    'another image': (of_images(img_shape=(256, 340)), {'outside of the image': 8}),
    'scores of zero': (of_images(score=0.0), {'zero scores': 8}),
    'one with scores of zero': (
        lambda content: [of_images(score=1.0)(content), content['annotations'][0]['keypoint_score'].fill(0)],
        {'zero scores': 1},
    ),
    'compressed': (compressed, {'compressed': 1}),
    'joints in another order': (every(in_order_of_body25), {'joint order': 8}),
    'joints in an order of nobody': (every(lambda keypoint: keypoint[:, :, ORDER]), {'lopsided': 8}),
    'a copied row': (one(keypoint=twice(0)), {'same body': 1}),
    'copied rows': (every(twice(0)), {'same body: most': 8}),
    'one body found twice': (one(keypoint=twice(0.01)), {'same body': 1}),
    'rows exchanged': (one(keypoint=exchanging), {'exchanged': 1}),
    'rows exchanged everywhere': (every(exchanging), {'exchanged: most': 8}),
    'root-relative': (one(keypoint=root_relative(floor=False)), {'one place': 1}),
    'root-relative, on the floor': (one(keypoint=root_relative(floor=True)), {'one place': 1}),
    'y up in an image': (every(lambda keypoint: image(keypoint, (200, -200), 500)), {'y up': 8}),
    'y down': (every(lambda keypoint: keypoint * np.float32([1, -1, -1])), {'y down': 8}),
    'z up': (every(lambda keypoint: keypoint[..., [0, 2, 1]] * np.float32([1, -1, 1])), {'y not vertical': 8}),
    'one upside down': (one(keypoint=lambda keypoint: keypoint * np.float32([1, -1, -1])), {'upside down': 1}),
    'mirrored axis': (every(lambda keypoint: keypoint * np.float32([-1, 1, 1])), {'mirrored': 8}),
    'jumping bones': (one(keypoint=jumping), {'bones': 1}),
    'constant': (one(keypoint=lambda keypoint: np.repeat(keypoint[:, :1], keypoint.shape[1], 1)), {'constant': 1}),
    'one frame': (one(keypoint=lambda keypoint: keypoint[:, :1], total_frames=1), {'constant': 1}),
    'missing joints': (one(keypoint=put((slice(None), slice(None), slice(10, 20)), 0)), {'missing joints': 1}),
    'empty frames': (one(keypoint=put((slice(None), slice(2, None)), 0)), {'empty frames': 1}),
    'never two': (one(keypoint=put(1, 0)), {'never two': 1}),
    'more than two': (one(keypoint=third_person), {'more than two': 1}),
}
