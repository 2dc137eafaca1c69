"""Every picture on every layout, and that it shows the numbers it is made of."""

import json

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from PIL import Image

from asea_mm.errors import InputError
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
from asea_mm.visualization.training_curves import draw_training, read_scalars, smoothed

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
    curves = read_scalars([path])
    assert curves['loss'] == ([0.5, 1.0, 2.0], [2.0, 1.0, 0.5])
    assert curves['acc/top1'] == ([1, 2], [0.5, 0.7])
    assert curves['aea/backbone.blocks.0.interaction/alpha'] == ([1.0], [0.6])
    figure = draw_training(curves, 'a title')
    assert [axes.get_title() for axes in figure.axes] == ['loss', 'accuracy', 'α of the threshold (Eq. 7)']
    validated, raw, smooth = figure.axes[1].lines
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ['validation top1', 'training top1']
    np.testing.assert_allclose(raw.get_ydata(), [0.1, 0.3, 0.6])
    np.testing.assert_allclose(smooth.get_ydata(), [0.2, 0.2, 0.6])
    np.testing.assert_allclose(validated.get_ydata(), [0.5, 0.7])
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), [0.5, 1, 2])
    assert figure.axes[0].get_yscale() == 'linear'
    as_image(figure)
    for axes in figure.axes:
        assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent()), 'it lies over curves'


def test_resumed_runs_are_joined_and_what_was_done_again_counts(tmp_path):
    again = [{'loss': 0.8, 'epoch': 2, 'iter': 15}, {'loss': 0.6, 'epoch': 2, 'iter': 20}, {'acc/top1': 0.9, 'step': 2}]
    tested = [{'acc/top1': 0.1, 'step': 0}]
    more = [{'loss': 0.2, 'epoch': 3, 'iter': 30}, {'acc/top1': 1.0, 'step': 3}]
    paths = []
    for number, lines in enumerate([LINES, tested, again, more]):
        paths.append(tmp_path / f'{number}.json')
        paths[-1].write_text(''.join(json.dumps(line) + '\n' for line in lines))
    curves = read_scalars(paths)
    assert curves['loss'] == ([0.5, 1.0, 1.5, 2.0, 3.0], [2.0, 1.0, 0.8, 0.6, 0.2])
    assert curves['acc/top1'] == ([1, 2, 3], [0.5, 0.9, 1.0])


def test_smoothing_is_the_mean_nearby_of_what_is_finite():
    epochs, values = np.sort(np.random.default_rng(0).uniform(0, 9, 40)), np.random.default_rng(1).normal(size=40)
    values[7] = np.nan
    near = np.abs(epochs[:, None] - epochs) <= 0.75
    expected = [np.nanmean(values[row]) for row in near]
    np.testing.assert_allclose(smoothed(epochs, values, 1.5), expected)


@pytest.mark.parametrize('loss', [[], [0.0, 0.0]], ids=['none', 'zeros'])
def test_a_model_without_epochs_has_no_training_to_draw(loss):
    curves = {'acc/top1': ([16.0], [0.98]), 'loss': (list(range(len(loss))), loss)}
    with pytest.raises(InputError, match='no loss but zero'):
        draw_training({key: curve for key, curve in curves.items() if curve[0]}, '')


def test_wrong_scalars(tmp_path):
    (tmp_path / 'scalars.json').write_text('{"loss": 1, "epoch": 1, "iter": 1}\n[1]\n')
    with pytest.raises(ValueError, match='scalars.json, line 2: expected a JSON object'):
        read_scalars([tmp_path / 'scalars.json'])


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


def test_small_skeletons_in_a_moving_image_are_drawn_large_with_small_dots():
    """Two people walk through an image of 1000 pixels and are 50 pixels high."""
    skeleton = get_skeleton('coco17')
    pose = np.random.default_rng(0).uniform(1, 50, size=(2, 1, 17, 2))
    way = np.linspace(0, 950, 20)[:, None, None] * (1, 0)
    keypoint = pose + np.array([0, 40]).reshape(2, 1, 1, 1) * (1, 0) + way
    everywhere, followed = Scene(keypoint, skeleton), Scene(keypoint, skeleton, frames=[0, 10, 19])
    assert followed.extent[0] < everywhere.extent[0] / 8
    sizes = []
    for scene in (everywhere, followed):
        axes = Figure(figsize=(2, 2)).add_subplot()
        for frame in (0, 19):
            axes.clear()
            scene.draw(axes, frame, np.ones((2, 17)))
            (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
            drawn = scene.points[:, frame]
            assert left <= drawn[..., 0].min() <= drawn[..., 0].max() <= right
            assert low <= drawn[..., 1].min() <= drawn[..., 1].max() <= high
        sizes.append(
            max(
                dots.get_sizes().max()
                for dots in axes.collections
                if isinstance(dots, PathCollection)
                if len(dots.get_offsets())
            )
        )
    assert sizes[0] < sizes[1] / 3, 'where bones are short, dots are small'
