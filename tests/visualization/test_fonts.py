"""Names of any script are drawn with a font that has their letters, or replaced by what can be read."""

import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image

from asea_mm.visualization import fonts
from asea_mm.visualization.confusion import draw_confusion
from asea_mm.visualization.contact_sheet import plot_contact_sheet
from asea_mm.visualization.drawing import as_image, save_figure

LETTER = chr(0xF1234)  # for private use: no font has it
POSE = np.random.default_rng(0).normal(size=(2, 15, 3))


@pytest.fixture
def computer(monkeypatch):
    """One with matplotlib's fonts only; a path that is put into the list is an installed font."""
    installed: list[str] = []
    bundled = [entry for entry in font_manager.fontManager.ttflist if 'mpl-data' in entry.fname]
    monkeypatch.setattr(font_manager.fontManager, 'ttflist', bundled)
    monkeypatch.setattr(font_manager, 'findSystemFonts', lambda: list(installed))
    monkeypatch.setattr(fonts, '_said', [])
    fonts.fonts_for.cache_clear()
    yield installed
    fonts.fonts_for.cache_clear()


@pytest.fixture
def font(tmp_path):
    """A font whose only letter is a square."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(['.notdef', 'square'])
    builder.setupCharacterMap({ord(LETTER): 'square'})
    builder.setupGlyf({'.notdef': TTGlyphPen(None).glyph(), 'square': pen.glyph()})
    builder.setupHorizontalMetrics({'.notdef': (900, 0), 'square': (900, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable(dict(familyName='Only A Square', styleName='Regular'))
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / 'square.ttf')
    return str(tmp_path / 'square.ttf')


def ink(text):
    """How many pixels of a figure with this text are dark, drawn without a warning."""
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.3, text, fontsize=30)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        return int((as_image(figure) < 128).sum())


def test_an_installed_font_that_has_the_letters_draws_them(computer, font, capsys):
    computer.append(font)
    assert fonts.legible_name(0, LETTER) == LETTER
    assert capsys.readouterr().err == ''
    square = ink(LETTER)
    assert square > 1.5 * ink('?')
    assert ink(f'a{LETTER}') > square


def test_without_one_the_class_has_its_number_and_one_line_says_why(computer, capsys):
    assert [fonts.legible_name(label, name) for label, name in enumerate(['hug', LETTER, LETTER * 2])] == [
        'hug',
        'class 1',
        'class 2',
    ]
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert ink(LETTER) == ink('?'), 'what is no class name can be read as far as it goes'


def test_letters_and_dollars_that_the_default_font_has_stay(computer):
    for text in ('hug', 'étreinte', 'объятие', 'αγκαλιά', '$5 for $6', 'a\nb'):
        assert fonts.fonts_for(text) == ((), '')
        assert ink(text) > 0


def test_pictures_of_classes_of_any_name_have_no_warning(computer, tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_figure(draw_confusion(np.eye(2, dtype=int), [LETTER, 'hug']), tmp_path / 'confusion.png')
        plot_contact_sheet({f'0 {LETTER}': [POSE], '1 hug': [POSE]}, 'sbu15', tmp_path / 'sheet.png')
    for path in tmp_path.glob('*.png'):
        with Image.open(path) as image:
            assert np.asarray(image.convert('L')).std() > 5
    assert len(capsys.readouterr().err.splitlines()) == 1
