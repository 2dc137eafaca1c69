"""The interactive page: whole in itself, one frame for every step in time, and it runs in a browser."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser

import numpy as np
import pytest

from asea_mm.visualization.page import page_figure, write_page

from . import CASES, LAYOUTS, probed

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')


def browser() -> str | None:
    """``ASEA_BROWSER``, or a browser of Chromium's kind that is installed."""
    return os.environ.get('ASEA_BROWSER') or next((found for name in BROWSERS if (found := shutil.which(name))), None)


class Fetches(HTMLParser):
    """Collects what tags of a page would fetch."""

    def __init__(self):
        super().__init__()
        self.found, self.scripts = [], []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ('src', 'href', 'srcset', 'action', 'data')]
        if tag == 'script':
            self.scripts.append('')

    def handle_data(self, data):
        if self.scripts:
            self.scripts[-1] += data


def arguments(script, call, count):
    """JSON arguments of a call in a script, after the first."""
    place = script.index(call) + len(call)
    place = script.index(',', place) + 1
    found = []
    for _ in range(count):
        place = re.compile(r'[\s,]*').match(script, place).end()
        value, place = json.JSONDecoder().raw_decode(script, place)
        found.append(value)
    return found


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """A page in space and one in an image, the second with a name that is no good HTML."""
    pytest.importorskip('plotly', reason="plotly is not installed: pip install 'asea_mm[visualize]'")
    folder = tmp_path_factory.mktemp('pages')
    clips = {'sbu15': probed('sbu15', 'late'), 'coco17': probed('coco17', title='</title><script src="http://a.b">')}
    for layout, clip in clips.items():
        write_page(clip, folder / f'{layout}.html')
    return {layout: (clip, folder / f'{layout}.html') for layout, clip in clips.items()}


@pytest.mark.parametrize('layout', ['sbu15', 'coco17'])
def test_a_page_fetches_nothing_and_has_a_frame_for_every_step(layout, pages):
    clip, path = pages[layout]
    text = path.read_text()
    parser = Fetches()
    parser.feed(text)
    assert [value for value in parser.found if not value.startswith('data:')] == []
    styles = re.sub(r'<script.*?</script>', '', text, flags=re.S)
    assert '@import' not in styles
    assert 'url(' not in styles
    script = next(script for script in parser.scripts if 'Plotly.newPlot(' in script and 'addFrames(' in script)
    assert not re.search(r'\bimport\s*\(|\bimport\s+.*\bfrom\b|\bfetch\(', script)
    data, page_layout, _ = arguments(script, 'Plotly.newPlot(', 3)
    (frames,) = arguments(script, 'addFrames(', 1)
    assert [frame['name'] for frame in frames] == [str(frame) for frame in range(8)]
    assert all(len(frame['data']) == len(data) for frame in frames)
    assert [step['label'] for step in page_layout['sliders'][0]['steps']] == [str(frame) for frame in range(8)]
    assert '<script src="http://a.b">' not in text


@pytest.mark.parametrize(('layout', 'name'), [('sbu15', name) for name in CASES] + [('coco17', 'late')])
def test_traces_show_the_clip(layout, name):
    clip = probed(layout, name)
    figure = page_figure(clip)
    persons, dims = clip.keypoint.shape[0], LAYOUTS[layout]
    json.dumps(figure)
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


WATCH = """<script>
window.problems = [];
window.addEventListener('error', event => window.problems.push(String(event.message)));
for (const level of ['error', 'warn']) console[level] = (...all) => window.problems.push(all.join(' '));
window.addEventListener('load', () => setTimeout(() => {
  const plot = document.querySelector('.plotly-graph-div');
  const still = JSON.stringify(plot.data[0].x);
  Plotly.animate(plot, ['5'], {mode: 'immediate', frame: {duration: 0}, transition: {duration: 0}});
  setTimeout(() => {
    const out = {
      problems: window.problems, traces: plot.data.length, moved: plot.data[0].x, still: still,
      frames: plot._transitionData._frames.length,
      fetched: performance.getEntriesByType('resource').map(entry => entry.name),
    };
    const note = document.createElement('pre');
    note.id = 'found';
    note.textContent = JSON.stringify(out);
    document.body.appendChild(note);
  }, 3000);
}, 1000));
</script>"""


@pytest.mark.parametrize('layout', ['sbu15', 'coco17'])
def test_in_a_browser(layout, pages):
    program = browser()
    if program is None:
        pytest.skip(f'no browser: looked for {", ".join(BROWSERS)} and the variable ASEA_BROWSER')
    clip, path = pages[layout]
    watched = path.with_name(f'watched_{layout}.html')
    watched.write_text(path.read_text().replace('<head>', f'<head>{WATCH}', 1))
    with tempfile.TemporaryDirectory() as profile:
        options = ['--headless', '--no-sandbox', '--disable-dev-shm-usage', f'--user-data-dir={profile}']
        options += ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-background-networking']
        options += ['--no-first-run', '--virtual-time-budget=20000', '--dump-dom']
        command = [program, *options, watched.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    report = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert report, f'the page did not finish: {done.stderr[-2000:]}'
    found = json.loads(report[1].replace('&lt;', '<').replace('&gt;', '>').replace('&amp;', '&'))
    assert [url for url in found['fetched'] if not url.startswith(('data:', 'blob:'))] == []
    # software rendering warns about its own speed
    assert [text for text in found['problems'] if 'GPU stall' not in text] == []
    assert found['frames'] == 8
    expected = page_figure(clip)
    assert found['traces'] == len(expected['data'])
    assert found['moved'] == expected['frames'][5]['data'][0]['x']
    assert json.loads(found['still']) == expected['data'][0]['x']
