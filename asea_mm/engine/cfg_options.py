"""``--cfg-options``: values by dotted keys, as mmengine's users write them."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import InputError, did_you_mean
from .mending import arguments_of

HOW = "write KEY=VALUE without blanks around =, options separated by blanks and not commas, a list as 'KEY=[1, 2]'"
NEAR = 0.8  # how alike two keys are of which one is a slip; what is less alike is a setting of its own
OPENING, CLOSING = '([{', ')]}'


def read_cfg_options(options: Sequence[str]) -> dict[str, Any]:
    """The values of ``--cfg-options``, by their dotted keys.

    A value is what Python makes of it: a number, ``True``, ``None``, a quoted text, a list, tuple or dictionary of
    such. Any other is a text, as it stands; quotes may be left out within brackets, too. ``1,2`` is a list.

    Raises:
        InputError: If one is not ``key=value``, or its brackets or commas do not add up.
    """
    values = {}
    for option in options:
        key, equals, text = option.partition('=')
        if not equals or not key or key != key.strip() or any(not part for part in key.split('.')):
            raise InputError(f'--cfg-options: expected key=value, got {option!r}; {HOW}')
        values[key] = _value(text, option)
    return values


def _value(text: str, option: str) -> Any:
    """A number, a text, or a list or tuple of values."""
    text = text.strip()
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    parts = _parts(text, option)
    if len(parts) > 1:
        return [_value(part, option) for part in parts]
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        pass
    for number in (int, float):  # 007 and nan are none of Python's literals
        try:
            return number(text)
        except ValueError:
            pass
    if text[:1] in ('[', '(') and text[-1:] in (']', ')'):
        inner = text[1:-1].strip().removesuffix(',')
        values = [_value(part, option) for part in _parts(inner, option)] if inner else []
        return values if text[0] == '[' else tuple(values)
    return text


def _parts(text: str, option: str) -> list[str]:
    """A text between its commas that are neither within brackets nor within quotes."""
    parts, open_brackets, quote = [''], [], ''
    for letter in text:
        if quote:
            quote = '' if letter == quote else quote
        elif letter in '\'"':
            quote = letter
        elif letter in OPENING:
            open_brackets.append(CLOSING[OPENING.index(letter)])
        elif letter in CLOSING:
            if not open_brackets or open_brackets.pop() != letter:
                raise InputError(f'--cfg-options: {letter!r} closes nothing in {option!r}; {HOW}')
        elif letter == ',' and not open_brackets:
            parts.append('')
            continue
        parts[-1] += letter
    if open_brackets:
        raise InputError(f'--cfg-options: expected {open_brackets[-1]!r} at the end of {option!r}; {HOW}')
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise InputError(f'--cfg-options: a comma without a value beside it in {option!r}; {HOW}')
    return parts


def merge_cfg_options(cfg: Config, values: Mapping[str, Any]) -> None:
    """Set values of a config by their dotted keys; a number within a key is a place in a list.

    Keys that the config does not have are added, as parts have options that configs leave out, unless they look like
    a slip in one that it has.

    Raises:
        InputError: If a key leads nowhere, or has probably been mistyped.
    """
    for key, value in values.items():
        _check_key(cfg, key)
        try:
            cfg.merge_from_dict({key: value}, allow_list_keys=True)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            reason = ' '.join(str(error.args[0] if error.args else error).split())
            raise InputError(f'--cfg-options: cannot set {key}: {reason:.300}') from None


def _check_key(cfg: Config, key: str) -> None:
    """Refuse a key that is nearly one of the config, or of mmengine's runner, but not one."""
    place: Any = cfg._cfg_dict
    known = {*place, *inspect.signature(Runner.__init__).parameters}
    for depth, name in enumerate(key.split('.')):
        if isinstance(place, Mapping):
            if name not in place and name not in known:
                hint = did_you_mean(name, known, NEAR)
                kind = str(place.get('type', '')).rpartition('.')[2]
                if hint and not (kind and name in arguments_of(kind)):
                    whole = '.'.join(key.split('.')[:depth])
                    raise InputError(f'--cfg-options: {key}: there is no {name!r} in {whole or "the config"}{hint}')
                return
            place = place.get(name)
        elif isinstance(place, (list, tuple)) and name.isdecimal():
            if int(name) >= len(place):
                raise InputError(f'--cfg-options: {key}: there are {len(place)} parts before .{name}, from 0 on')
            place = place[int(name)]
        elif place is not None:
            text = '.'.join(key.split('.')[:depth])
            raise InputError(f'--cfg-options: {key}: {text} is {place!r:.80}, which has no parts')
        known = set(place) if isinstance(place, Mapping) else set()
