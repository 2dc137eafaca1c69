"""Every picture on every layout, and that it shows the numbers it is made of."""

import json

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from PIL import Image

from asea_mm.skeletons import get_skeleton
from asea_mm.visualization.active_joints import draw_active_joints
from asea_mm.visualization.amplitudes import draw_amplitudes
from asea_mm.visualization.animation import animate
from asea_mm.visualization.attention import draw_attention
from asea_mm.visualization.clips import strongest_lines
from asea_mm.visualization.confusion import draw_confusion
from asea_mm.visualization.contact_sheet import plot_contact_sheet
from asea_mm.visualization.drawing import Scene, as_image, save_figure, short
from asea_mm.visualization.pairs import plot_pairs
from asea_mm.visualization.training_curves import draw_training, read_scalars

from . import probed

EVERY = [('sbu15', 'late'), ('coco17', 'absent'), ('nturgbd25', 'one person')]


def texts(figure):
    return ' '.join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, 'get_text')))


@pytest.mark.parametrize(('layout', 'name'), EVERY)
def test_every_picture_on_every_layout(layout, name, tmp_path):
    clip = probed(layout, name)
    drawn = [draw_active_joints(clip, frames=2), draw_attention(clip), draw_amplitudes([clip, clip])]
    for number, figure in enumerate(drawn):
        assert 'pushing (recognised, 90%)' in texts(figure)
        assert 'person 1' in texts(figure)
        assert ('person 2' in texts(figure)) == (name != 'one person')
        path = tmp_path / 'new folder' / f'{number}.{"svg" if number else "png"}'
        save_figure(figure, path, dpi=40)
        assert path.read_bytes().startswith(b'<?xml' if number else b'\x89PNG')
    animate(clip, tmp_path / 'clip.gif', fps=5)
    with Image.open(tmp_path / 'clip.gif') as image:
        assert image.n_frames == 8
        assert image.info['duration'] == 200


def test_large_dots_are_the_active_joints():
    clip = probed('sbu15')
    figure = draw_active_joints(clip, frames=2)
    assert len(figure.axes) == 2 * 3  # over both layers, and of each
    for row, number in ((1, 0), (2, 1)):
        dots = [c for c in figure.axes[2 * row].collections if isinstance(c, PathCollection)]
        idle, active = dots[0::2], dots[1::2]  # of each person
        for person in range(2):
            mask = clip.layers[number].mask[person]
            assert len(active[person].get_offsets()) == mask.sum()
            assert len(idle[person].get_offsets()) == (~mask).sum()
            assert min(active[person].get_sizes()) > 2 * max(idle[person].get_sizes())
            assert f'person {person + 1}: {mask.sum()} of 15' in figure.subfigs[row].get_suptitle()
    share = np.mean([layer.mask for layer in clip.layers], axis=0)
    shown = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    assert len(shown[1].get_offsets()) == (share[0] > 0).sum()


def test_layers_and_frames_can_be_chosen(tmp_path):
    clip = probed('sbu15')
    assert len(draw_active_joints(clip, 2, layers=[]).axes) == 2
    assert len(draw_active_joints(clip, 2, layers=[1]).axes) == 4
    assert 'layer 2' in texts(draw_attention(clip, layers=[1]))
    for draw in (draw_active_joints, draw_attention):
        with pytest.raises(ValueError, match=r'expected layers from 1 to 2, got \[3\]'):
            draw(clip, layers=[2])
    with pytest.raises(ValueError, match='expected layers from 1 to 2, got .3.'):
        draw_amplitudes([clip], layer=2)
    with pytest.raises(ValueError, match='expected a frame from 0 to 7, got 8'):
        draw_attention(clip, frame=8)
    with pytest.raises(ValueError, match=r'a.bmp: expected a picture that ends in one of .png'):
        save_figure(draw_amplitudes([clip]), tmp_path / 'a.bmp')


@pytest.mark.parametrize('frame', [None, 3])
def test_the_matrix_is_the_attention_between_active_joints(frame):
    clip = probed('sbu15')
    figure = draw_attention(clip, frame)
    expected = clip.attention(frame)
    names = [short(joint) for joint in clip.skeleton.joints]
    for person in range(2):
        axes = figure.axes[2 + person]
        shown = axes.images[0].get_array()
        rows = [names.index(label.get_text()) for label in axes.get_yticklabels()]
        columns = [names.index(label.get_text()) for label in axes.get_xticklabels()]
        full = np.zeros((15, 15))
        full[np.ix_(rows, columns)] = shown
        np.testing.assert_allclose(full, expected[person, :, 1 - person], atol=1e-6)
        active = np.any([layer.mask[person] for layer in clip.layers], axis=0)
        assert set(rows) == set(np.flatnonzero(active))
    assert f'joint of person {2}' in figure.axes[3].get_ylabel()


def test_mean_attention_counts_frames_of_both_only():
    layer = probed('sbu15', 'late').layers[0]
    mean = layer.attention_at()
    np.testing.assert_allclose(mean.sum(axis=(2, 3)), layer.mask, atol=1e-5)
    np.testing.assert_allclose(mean, layer.attention[:, 3:].mean(axis=1), atol=1e-6)
    assert not layer.attention_at(0).any()


def test_strongest_lines():
    attention = np.zeros((2, 2, 2))
    attention[0, 1, 1], attention[1, 1, 0] = 0.2, 0.7
    assert strongest_lines(attention, 5) == [(1, 1, 0, 0.7), (0, 1, 1, 0.2)]
    assert strongest_lines(attention, 1) == [(1, 1, 0, 0.7)]


def test_curves_are_velocity_amplitude_and_addends():
    clip = probed('sbu15', 'late')
    figure = draw_amplitudes([clip], layer=0)
    layer = clip.layers[0]
    order = [joint for joints in clip.skeleton.part_indices.values() for joint in joints]
    curves = [np.array([line.get_ydata() for line in axes.lines]) for axes in figure.axes]
    moved = np.sqrt(((clip.keypoint[0, 3] - clip.keypoint[0, 2]) ** 2).sum(axis=1))
    np.testing.assert_allclose(curves[0][:15, 2], moved[order], rtol=1e-5)
    assert np.isnan(curves[0][15:, :3]).all(), 'the second person is there from frame 3 on'
    np.testing.assert_allclose(curves[1][:15], layer.amplitude[0].T[order])
    np.testing.assert_allclose(np.nansum(curves[2], axis=1), layer.score[:, order].ravel(), rtol=1e-3)
    assert figure.axes[0].get_ylabel() == 'velocity of joints\n(m per frame)'


LINES = [
    {'lr': 0.1, 'loss': 2.0, 'loss_cls': 1.9, 'top1_acc': 0.1, 'epoch': 1, 'iter': 5, 'step': 5},
    {'lr': 0.1, 'loss': 1.0, 'loss_cls': 0.9, 'top1_acc': 0.3, 'epoch': 1, 'iter': 10, 'step': 10},
    {'acc/top1': 0.5, 'step': 1},
    {'aea/backbone.blocks.0.interaction/alpha': 0.6, 'step': 10},
    {'lr': 0.1, 'loss': 0.5, 'loss_cls': 0.4, 'top1_acc': 0.6, 'epoch': 2, 'iter': 20, 'step': 20},
    {'acc/top1': 0.7, 'step': 2},
]


def test_training_curves(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text(''.join(json.dumps(line) + '\n' for line in LINES))
    curves = read_scalars(path)
    assert curves['loss'] == ([0.5, 1.0, 2.0], [2.0, 1.0, 0.5])
    assert curves['acc/top1'] == ([1, 2], [0.5, 0.7])
    assert curves['aea/backbone.blocks.0.interaction/alpha'] == ([1.0], [0.6])
    figure = draw_training(curves, 'a title')
    assert [axes.get_title() for axes in figure.axes] == ['loss', 'accuracy', 'α of the threshold (Eq. 7)']
    assert [line.get_label() for line in figure.axes[1].lines] == ['training top1_acc', 'validation top1']
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), [0.5, 1, 2])


def test_wrong_scalars(tmp_path):
    (tmp_path / 'scalars.json').write_text('{"loss": 1, "epoch": 1, "iter": 1}\n[1]\n')
    with pytest.raises(ValueError, match='scalars.json, line 2: expected a JSON object'):
        read_scalars(tmp_path / 'scalars.json')
    with pytest.raises(ValueError, match='expected a loss or an accuracy'):
        draw_training({'lr': ([1.0], [0.1])}, '')


@pytest.mark.parametrize('confusion', [[[3]], np.zeros((4, 4), dtype=int), np.eye(26, dtype=int)], ids=len)
def test_confusion_of_any_size(confusion):
    confusion = np.array(confusion)
    figure = draw_confusion(confusion, [f'class {number}' for number in range(len(confusion))])
    image = as_image(figure)
    assert image.dtype == np.uint8
    assert image.shape == (round(figure.get_figheight() * 100), round(figure.get_figwidth() * 100), 3)
    assert image.std() > 5
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == [str(count) for count in confusion[confusion > 0]]


@pytest.mark.parametrize(
    ('shape', 'layout'), [((2, 9, 25, 3), 'nturgbd25'), ((1, 2, 15, 3), 'sbu15'), ((3, 30, 17, 2), 'coco17')]
)
def test_pairs_and_sheets_of_any_layout(shape, layout, tmp_path):
    keypoint = np.random.default_rng(0).normal(size=shape)
    plot_pairs({'hug': keypoint, 'nobody': 0 * keypoint}, layout, tmp_path / 'new' / 'pairs.png', frames=2)
    moments = {'hug': [keypoint[:, 0], 0 * keypoint[:, 0]], 'nobody': []}
    plot_contact_sheet(moments, layout, tmp_path / 'sheet.png')
    for path in (tmp_path / 'new' / 'pairs.png', tmp_path / 'sheet.png'):
        with Image.open(path) as image:
            assert np.asarray(image.convert('L')).std() > 5


def test_absent_persons_and_missing_joints_are_not_drawn():
    keypoint = np.ones((2, 1, 25, 3)) * np.arange(1, 26)[:, None]
    keypoint[1] = 0
    keypoint[0, :, 24] = 0  # the right thumb, an end of the tree
    axes = Figure().add_subplot()
    Scene(keypoint, get_skeleton('nturgbd25')).draw(axes, 0)
    bones = [len(lines.get_segments()) for lines in axes.collections if isinstance(lines, LineCollection)]
    assert bones == [23, 0]
    assert [len(dots.get_offsets()) for dots in axes.collections if isinstance(dots, PathCollection)] == [24, 0]
