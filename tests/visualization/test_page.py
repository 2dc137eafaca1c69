"""The interactive page: whole in itself, one frame for every step in time."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from asea_mm.visualization.page import page_figure, write_page

from . import CASES, LAYOUTS, probed


class Links(HTMLParser):
    """Collects what the tags of a page would fetch."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def handle_starttag(self, tag, attrs):
        self.urls += [value for name, value in attrs if name in ('src', 'href', 'srcset', 'action', 'data')]


def test_a_page_is_whole_in_itself(tmp_path):
    pytest.importorskip('plotly', reason="plotly is not installed: pip install 'asea_mm[visualize]'")
    path = tmp_path / 'new' / 'page.html'
    write_page(probed('coco17', title='</title><script src="http://a.b">'), path)
    text, links = path.read_text(), Links()
    links.feed(text)
    assert [url for url in links.urls if not url.startswith('data:')] == []
    assert '<script src="http://a.b">' not in text
    assert 'Plotly.newPlot(' in text
    assert 'addFrames(' in text
    styles = re.sub(r'<script.*?</script>', '', text, flags=re.S)
    assert '@import' not in styles
    assert 'url(' not in styles


@pytest.mark.parametrize(('layout', 'name'), [('sbu15', name) for name in CASES] + [('coco17', 'late')])
def test_traces_show_the_clip(layout, name):
    clip = probed(layout, name)
    figure = page_figure(clip)
    persons, dims = clip.keypoint.shape[0], LAYOUTS[layout]
    json.dumps(figure)
    assert [frame['name'] for frame in figure['frames']] == [str(number) for number in range(8)]
    assert len(figure['data']) == persons + 3 * persons * 4  # bones; of mean and two layers dots and three strengths
    assert {trace['type'] for trace in figure['data']} == {'scatter3d' if dims == 3 else 'scatter'}
    frame = figure['frames'][5]['data']
    for person in range(persons):
        for number, bone in enumerate(clip.skeleton.bone_indices):
            shown = [[frame[person][axis][3 * number + end] for axis in 'xyz'[:dims]] for end in range(2)]
            expected = clip.keypoint[person, 5, list(bone)]
            if expected.any():
                np.testing.assert_allclose(np.array(shown, dtype=float), expected, atol=1e-4)
            else:
                assert shown == [[None] * dims] * 2
        for layer in range(2):
            dots = frame[persons + (layer + 1) * 4 * persons + 4 * person]
            assert len(dots['x']) == clip.layers[layer].mask[person].sum()


def test_attention_lines_end_at_the_joints():
    clip = probed('sbu15')
    figure = page_figure(clip, layers=[1], strongest=3)
    lines = figure['frames'][4]['data'][3:6]  # of the first person, after two skeletons and the dots
    ends = [(line['x'][k], line['x'][k + 1]) for line in lines for k in range(0, len(line['x']), 3)]
    attention = clip.layers[1].attention_at(4)[0, :, 1]
    order = np.argsort(-attention, axis=None)[:3]
    expected = {
        (round(float(clip.keypoint[0, 4, own, 0]), 4), round(float(clip.keypoint[1, 4, other, 0]), 4))
        for own, other in zip(*np.unravel_index(order, attention.shape), strict=True)
    }
    assert set(ends) == expected


@pytest.mark.parametrize('layout', ['sbu15', 'coco17'])
def test_axes_have_the_unit_and_the_right_way_up(layout):
    clip = probed(layout, unit='px')
    settings = page_figure(clip)['layout']
    if layout == 'coco17':
        assert settings['yaxis']['title']['text'] == 'y (px)'
        assert settings['yaxis']['range'][0] > settings['yaxis']['range'][1], 'y of an image points down'
    else:
        assert settings['scene']['yaxis']['title']['text'] == 'y (px)'
        assert settings['scene']['camera']['up'] == {'x': 0, 'y': 1, 'z': 0}
        assert settings['scene']['aspectmode'] == 'data'


def test_the_list_shows_one_choice_at_a_time():
    figure = page_figure(probed('sbu15'))
    buttons = figure['layout']['updatemenus'][1]['buttons']
    assert [button['label'] for button in buttons][0] == 'mean of 2 layers'
    shown = np.array([button['args'][0]['visible'] for button in buttons])
    assert shown[:, :2].all()
    assert (shown[:, 2:].sum(axis=0) == 1).all()
    assert [trace.get('visible', True) for trace in figure['data']] == shown[0].tolist()


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match=r'a.png: expected a page that ends in .html'):
        write_page(probed(), tmp_path / 'a.png')
    with pytest.raises(ValueError, match='expected a positive number of frames a second, got 0'):
        write_page(probed(), tmp_path / 'a.html', fps=0)
