"""Names of any script in pictures: an installed font that has their letters, or a name that can be read."""

import re
import sys
import unicodedata
from contextlib import suppress
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

_ONLY_BOXES = ('Last Resort', '.LastResort', 'Adobe Blank', 'AdobeBlank')  # fonts that have every letter as a box
_said: list[str] = []  # the name of which the user was told


def legible_name(label: int, name: str) -> str:
    """Name of a class as pictures can show it: ``class 0`` if no installed font has its letters.

    A line on stderr says so, once.
    """
    if not fonts_for(name)[1]:
        return name
    if not _said:
        _said.append(name)
        print(f'warning: no installed font has the letters of {name!r}: pictures say class {label}', file=sys.stderr)
    return f'class {label}'


def make_legible(figure: Figure) -> None:
    """Give every text of a figure fonts that have its letters; a letter that no font has becomes a question mark."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        content = text.get_text()
        if '\\mathdefault' not in content:  # a number of matplotlib's own
            text.set_parse_math(False)  # names may have dollars
        if content.isascii():
            continue
        families, missing = fonts_for(content)
        if missing:
            text.set_text(re.sub(f'[{re.escape(missing)}]', '?', content))
        text.set_fontfamily([*text.get_fontfamily(), *families])


@lru_cache(maxsize=256)
def fonts_for(text: str) -> tuple[tuple[str, ...], str]:
    """Families to fall back to for what the default font lacks, and the letters that none of them has."""
    manager = font_manager.fontManager
    wanted = ''.join(sorted({letter for letter in text if unicodedata.category(letter) != 'Cc'}))
    wanted = _lacking(font_manager.findfont(font_manager.FontProperties()), wanted)
    if not wanted:
        return (), ''
    known = {entry.fname for entry in manager.ttflist}
    for path in set(font_manager.findSystemFonts()) - known:  # installed since matplotlib last looked
        with suppress(RuntimeError, OSError):  # a file that FreeType cannot read is no font for us
            manager.addfont(path)
    fonts = sorted(
        (entry for entry in manager.ttflist if not entry.name.startswith(_ONLY_BOXES)),
        key=lambda entry: ('sans' not in entry.name.lower(), entry.style != 'normal', str(entry.weight), entry.name),
    )
    families = []
    while wanted and fonts:  # the font that has most letters first: a name of one font is easier to read
        left, name = min(((_lacking(font.fname, wanted), font.name) for font in fonts), key=lambda pair: len(pair[0]))
        if left == wanted:
            break
        families.append(name)
        wanted = left
    return tuple(families), wanted


def _lacking(path: str, letters: str) -> str:
    """Those of the letters that a font file has not."""
    with suppress(RuntimeError, OSError):
        font = font_manager.get_font(path)
        return ''.join(letter for letter in letters if not font.get_char_index(ord(letter)))
    return letters
