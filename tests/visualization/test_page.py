"""The interactive page: whole in itself, and what it draws is the clip."""

import json
import re

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.visualization.page import events_content, page_content, write_events_page, write_page

from . import CASES, LAYOUTS, pairs, probed


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


def pair_of_events(**changes):
    first = dict(start=0.2, end=1.0, persons=(0, 1), acts=1, label='pushing', score=0.9)
    second = dict(start=0.0, end=0.4, persons=[0, 2], acts=None, label='</script> 推', score=np.float32(0.5))
    return [{**first, **changes}, second]


CURVES = {'low': ([0, 1.1], [0, 0.1]), 'high': ([0, 1.1], [0.2, 0.8]), 'pushing': ([0.0, 1.0], [0.1, 0.05])}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_the_page_of_events_is_whole_in_itself_and_shows_them(layout, tmp_path):
    keypoint = pairs(layout, persons=3, frames=12)[0, 0].numpy()
    write_events_page(tmp_path / 'events.html', keypoint, layout, pair_of_events(), CURVES, fps=10, title='a clip')
    text = (tmp_path / 'events.html').read_text(encoding='utf-8')
    assert not re.search(r'(src|href)="(?!data:)|@import|url\(|THE_', text)
    (content,) = re.findall(r'<script id="clip" type="application/json">(.*?)</script>', text)
    shown = json.loads(content)
    assert shown['title'] == 'a clip'
    assert shown['duration'] == 1.2
    assert shown['names'] == ['person 1', 'person 2', 'person 3']
    np.testing.assert_allclose(shown['keypoint'], keypoint, rtol=0, atol=1e-4 * np.ptp(keypoint))
    assert [event['label'] for event in shown['events']] == ['</script> 推', 'pushing'], 'by their start'
    assert [(event['acts'], event['persons']) for event in shown['events']] == [(None, [0, 2]), (1, [0, 1])]
    assert [event['lane'] for event in shown['events']] == [0, 1], 'they overlap'
    assert [curve['name'] for curve in shown['curves']] == ['pushing', 'high', 'low'], 'of events, then by their peak'
    assert shown['curves'][0]['colour'] == shown['events'][1]['colour'] != shown['events'][0]['colour']
    assert shown['curves'][1]['scores'] == [0.2, 0.8]


def test_events_that_do_not_overlap_share_a_lane_and_a_page_needs_none():
    keypoint = pairs('sbu15', persons=3, frames=12)[0, 0].numpy()
    later = pair_of_events(start=0.4)
    content = events_content(keypoint, 'sbu15', later, {}, 10, 'a clip', ['a', 'b', 'c'])
    assert [event['lane'] for event in content['events']] == [0, 0]
    empty = events_content(np.zeros_like(keypoint), 'sbu15', [], {}, 10, 'a clip', None)
    assert empty['events'] == empty['curves'] == []
    assert empty['keypoint'][2][11] == [None] * 15


WRONG = {
    'no frames': dict(keypoint=np.ones((3, 0, 15, 3))),
    'other joints': dict(keypoint=np.ones((3, 12, 17, 3))),
    'not finite': dict(keypoint=np.full((3, 12, 15, 3), np.nan)),
    'no such person': dict(events=pair_of_events(acts=3)),
    'backwards': dict(events=pair_of_events(end=0.1)),
    'score': dict(events=pair_of_events(score=float('nan'))),
    'keys': dict(events=[dict(start=0, end=1)]),
    'curve': dict(curves={'pushing': ([0, 1], [0.5])}),
    'names': dict(names=['one']),
    'fps': dict(fps=0),
}


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_wrong_events_are_refused(wrong, tmp_path):
    given = dict(keypoint=np.ones((3, 12, 15, 3)), layout='sbu15', events=pair_of_events(), fps=10)
    with pytest.raises(InputError):
        write_events_page(tmp_path / 'events.html', **{**given, **wrong})
    assert not list(tmp_path.iterdir())
