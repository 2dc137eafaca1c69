"""The interactive page: whole in itself, and what it draws is the clip."""

import json
import re

import numpy as np
import pytest

from asea_mm.visualization.page import page_content, write_page

from . import CASES, LAYOUTS, probed


def test_a_page_is_whole_in_itself(tmp_path):
    clip = probed('coco17', title='</script><script src="http://a.b">')
    write_page(clip, tmp_path / 'new' / 'page.html', fps=5)
    text = (tmp_path / 'new' / 'page.html').read_text()
    assert not re.search(r'https?://(?!a\.b)|@import|url\(', text)
    (content,) = re.findall(r'<script id="clip" type="application/json">(.*?)</script>', text)
    assert json.loads(content) == json.loads(json.dumps({**page_content(clip), 'fps': 5}))


@pytest.mark.parametrize(('layout', 'name'), [('sbu15', name) for name in CASES] + [('coco17', 'late')])
def test_content_is_the_clip(layout, name):
    clip = probed(layout, name)
    content = page_content(clip)
    assert content['dimensions'] == LAYOUTS[layout]
    assert len(content['colours']) == len(clip.keypoint)
    gap = [None] * LAYOUTS[layout]
    points = np.array([point or gap for persons in content['keypoint'] for frame in persons for point in frame], float)
    expected = np.where(clip.seen[..., None], clip.keypoint, np.nan)
    np.testing.assert_allclose(points.reshape(expected.shape), expected, atol=1e-4)
    assert [choice['name'] for choice in content['choices']][0] == 'mean of 2 layers'
    for choice, masks in zip(content['choices'][1:], clip.layers, strict=True):
        np.testing.assert_array_equal(choice['share'], masks.mask)


def test_lines_are_the_strongest_attention():
    clip = probed('sbu15')
    (choice,) = page_content(clip, layers=[1])['choices']
    lines = [line for line in choice['lines'][4] if line[0] == 0]
    attention = clip.layers[1].attention_at(4)[0, :, 1]
    order = np.argsort(-attention, axis=None)[: len(lines)]
    expected = list(zip(*np.unravel_index(order, attention.shape), strict=True))
    assert [(own, theirs) for _, own, _, theirs, _ in lines] == expected
    assert max(line[4] for frame in choice['lines'] for line in frame) == 1
