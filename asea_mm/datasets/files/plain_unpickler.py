"""A reader of pickles that knows plain values only: nothing in a file is called, imported or trusted with memory."""

import ast
import gzip
import pickle
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import IO, Any

from .limits import DEEPEST, FREE_BYTES, TooMuch, check_key, check_size

CHUNK = 2**20  # bytes read at a time
CONTAINER = 64  # bytes that an empty one takes, about
LONGEST_NUMBER = 300  # characters of a number that is written as text


class ForbiddenGlobal(Exception):
    """Something in a pickle is neither an array of numbers or strings nor a plain container."""


class Pending:
    """An object whose state follows later in the pickle; ``complete`` makes the value of it."""

    def __init__(self, complete: Callable[[Any], Any]) -> None:
        self.complete = complete
        self.value: Any = self


(PROTO, FRAME, STOP, MARK, POP, POP_MARK) = b'\x80\x95.(01'
(NONE, TRUE, FALSE, INT, LONG, FLOAT) = b'N\x88\x89ILF'
(BININT, BININT1, BININT2, LONG1, BINFLOAT) = b'JKM\x8aG'
(BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, UNICODE) = b'X\x8c\x8dV'
(BINSTRING, SHORT_BINSTRING, STRING, BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8) = b'TUSBC\x8e\x96'
(EMPTY_LIST, LIST, APPEND, APPENDS, EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE3) = b']lae)t\x85\x87'
(EMPTY_DICT, DICT, SETITEM, SETITEMS, EMPTY_SET, ADDITEMS, FROZENSET) = b'}dsu\x8f\x90\x91'
(PUT, BINPUT, LONG_BINPUT, MEMOIZE, GET, BINGET, LONG_BINGET) = b'pqr\x94ghj'
(GLOBAL, STACK_GLOBAL, REDUCE, NEWOBJ, BUILD, BINPERSID) = b'c\x93R\x81bQ'

# Opcodes that are followed by a length of so many bytes, and by a text or bytes.
_WIDTHS = dict.fromkeys((SHORT_BINUNICODE, SHORT_BINSTRING, SHORT_BINBYTES, LONG1), 1)
_WIDTHS |= dict.fromkeys((BINUNICODE, BINSTRING, BINBYTES), 4)
_WIDTHS |= dict.fromkeys((BINUNICODE8, BINBYTES8, BYTEARRAY8), 8)
_LINES = (PUT, GET, UNICODE, STRING, INT, LONG, FLOAT)  # followed by a line of text
_CONSTANTS = {NONE: None, TRUE: True, FALSE: False}
_INT, _FLOAT, _UNSIGNED = struct.Struct('<i'), struct.Struct('>d'), struct.Struct('<I')


class PlainUnpickler:
    """Reads pickles of plain values, one after another, from a file.

    What it builds is bounded by the size of the file: a container, text or array of a few bytes cannot ask for much
    memory, keys are texts, numbers and short tuples of these, and nothing is deeper or longer by repetition than
    :func:`~.limits.check_size` allows.

    Args:
        file: Open for reading.
        size: Bytes in it.
        makers: What pickles may name.
        persistent: What makes values of persistent ids, of files that have them.
    """

    def __init__(
        self,
        file: IO[bytes] | gzip.GzipFile,
        size: int,
        makers: Mapping[tuple[str, str], Any],
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        self._file, self._size, self._makers, self._persistent = file, size, makers, persistent
        self._functions = {maker for maker in makers.values() if callable(maker)}
        self._data, self._at = b'', 0
        self._budget = FREE_BYTES + 4 * size

    def charge(self, count: int) -> None:
        """Take bytes that something needs from what the file may ask for.

        Raises:
            TooMuch: If they are used up.
        """
        self._budget -= count
        if self._budget < 0:
            raise TooMuch(f'more than {self._size} bytes explain')

    def load(self) -> Any:
        """The next value.

        Raises:
            ForbiddenGlobal: If it is no plain one.
            Exception: Almost any, if the pickle is damaged.
        """
        value = self._load()
        # of an archive the size is only what it may unpack to
        check_size(value, min(self._size, self._file.tell()))
        return value

    def rest(self) -> bytes:
        """What follows the pickles that were read."""
        return self._data[self._at :] + self._file.read()

    def _window(self, at: int, count: int = CHUNK) -> bytes:
        """The data from here on, so many bytes or up to the end of the file."""
        missing = at + count - len(self._data)
        if missing > 0:
            self._data = self._data[at:] + self._file.read(min(max(missing, CHUNK), self._size))
        else:
            self._data = self._data[at:]
        return self._data

    def _line(self) -> bytes:
        while (stop := self._data.find(b'\n', self._at)) < 0:
            more = self._file.read(max(CHUNK, len(self._data)))
            if not more or len(self._data) > self._size + CHUNK:
                raise EOFError('it ends too early')
            self._data, self._at = self._data[self._at :] + more, 0
        line = self._data[self._at : stop]
        self._at = stop + 1
        return line

    def _number(self) -> bytes:
        line = self._line()
        if len(line) > LONGEST_NUMBER:
            raise TooMuch(f'a number of {len(line)} characters')
        return line

    def _written(self, code: int) -> Any:
        """The value of an opcode of protocol 0, which is a line."""
        if code == UNICODE:
            return str(self._line(), 'raw-unicode-escape')
        if code == STRING:
            value = ast.literal_eval(str(self._line(), 'latin1'))
            if not isinstance(value, str):
                raise pickle.UnpicklingError('no text')
            return value
        line = self._number()
        if code == FLOAT:
            return float(line)
        if code == INT and line in (b'00', b'01'):
            return line == b'01'
        return int(line.removesuffix(b'L'))

    def _named(self, module: Any, name: Any) -> Any:
        if (module, name) not in self._makers:
            raise ForbiddenGlobal(re.sub(r'\s+', ' ', f'{module}.{name}')[:100])
        return self._makers[module, name]

    def _made(self, maker: Any, arguments: Any) -> Any:
        if not callable(maker) or maker not in self._functions or type(arguments) is not tuple:
            raise ForbiddenGlobal(f'a call of {type(maker).__name__}')
        return maker(self, *arguments)

    def _load(self) -> Any:
        stack: list[Any] = []
        below: list[list[Any]] = []  # stacks beneath marks
        memo: list[Any] = []
        named: dict[bytes, Any] = {}  # what the lines of GLOBAL name, looked up once
        charge = self.charge
        data, at, end = self._data, self._at, len(self._data)
        while True:
            if at + 9 > end:
                data, at = self._window(at), 0
                end = len(data)
            code = data[at]
            at += 1
            # The most frequent stand first: a file has millions of them.
            if code == BININT1:
                stack.append(data[at])
                at += 1
            elif code in _WIDTHS:
                start = at + _WIDTHS[code]
                stop = start + int.from_bytes(data[at:start], 'little')
                if stop > end:
                    data = self._window(at, stop - at)
                    start, stop, at, end = start - at, stop - at, 0, len(data)
                    if stop > end:
                        raise EOFError('it ends too early')
                stack.append(_text(code, data[start:stop]))
                at = stop
            elif code == MEMOIZE:
                memo.append(stack[-1])
            elif code == BINGET:
                value = memo[data[at]]
                stack.append(value.value if type(value) is Pending else value)
                at += 1
            elif code == MARK:
                if len(below) > 2 * DEEPEST:
                    raise TooMuch(f'containers more than {DEEPEST} deep in one another')
                below.append(stack)
                stack = []
            elif code in _CONSTANTS:
                stack.append(_CONSTANTS[code])
            elif code == TUPLE:
                items, stack = stack, below.pop()
                charge(CONTAINER)
                stack.append(tuple(items))
            elif code == BININT:
                stack.extend(_INT.unpack_from(data, at))
                at += 4
            elif code == GLOBAL:
                stop = data.find(b'\n', data.find(b'\n', at) + 1) + 1
                if (lines := data[at:stop]) in named:
                    stack.append(named[lines])
                    at = stop
                else:
                    self._at = at
                    module, name = self._line(), self._line()
                    named[b'%b\n%b\n' % (module, name)] = self._named(module.decode(), name.decode())
                    stack.append(named[b'%b\n%b\n' % (module, name)])
                    data, at, end = self._data, self._at, len(self._data)
            elif code == BINPUT:
                _put(memo, data[at], stack[-1])
                at += 1
            elif code == LONG_BINPUT:
                _put(memo, _UNSIGNED.unpack_from(data, at)[0], stack[-1])
                at += 4
            elif code == LONG_BINGET:
                stack.append(_got(memo[_UNSIGNED.unpack_from(data, at)[0]]))
                at += 4
            elif TUPLE1 <= code <= TUPLE3:
                count = code - TUPLE1 + 1
                charge(CONTAINER)
                if count > len(stack):
                    raise IndexError('too few values')
                stack[-count:] = [tuple(stack[-count:])]
            elif code in (EMPTY_DICT, EMPTY_LIST, EMPTY_SET):
                charge(CONTAINER)
                stack.append({} if code == EMPTY_DICT else [] if code == EMPTY_LIST else set())
            elif code == SETITEMS:
                items, stack = stack, below.pop()
                _set_items(stack[-1], items)
            elif code == SETITEM:
                items, stack[-2:] = stack[-2:], []
                _set_items(stack[-1], items)
            elif code == APPENDS:
                items, stack = stack, below.pop()
                _as(list, stack[-1]).extend(items)
            elif code == APPEND:
                item = stack.pop()
                _as(list, stack[-1]).append(item)
            elif code == BININT2:
                stack.append(data[at] + 256 * data[at + 1])
                at += 2
            elif code == BINFLOAT:
                stack.extend(_FLOAT.unpack_from(data, at))
                at += 8
            elif code in (REDUCE, NEWOBJ):
                arguments = stack.pop()
                stack[-1] = self._made(stack[-1], arguments)
            elif code == BUILD:
                state, unfinished = stack.pop(), stack[-1]
                if type(unfinished) is Pending:
                    stack[-1] = unfinished.value = unfinished.complete(state)
                elif type(unfinished) is OrderedDict:
                    _set_versions(unfinished, state)
                else:
                    raise ForbiddenGlobal(f'a state for {type(unfinished).__name__}')
            elif code in _LINES:
                self._at = at
                if code == PUT:
                    _put(memo, int(self._number()), stack[-1])
                elif code == GET:
                    stack.append(_got(memo[int(self._number())]))
                else:
                    stack.append(self._written(code))
                data, at, end = self._data, self._at, len(self._data)
            elif code == STACK_GLOBAL:
                name = stack.pop()
                stack[-1] = self._named(stack[-1], name)
            elif code == EMPTY_TUPLE:
                stack.append(())
            elif code == STOP:
                self._at = at
                return stack.pop()
            elif code == PROTO:
                at += 1
                if data[at - 1] > pickle.HIGHEST_PROTOCOL:
                    raise pickle.UnpicklingError('an unknown protocol')
            elif code == FRAME:
                at += 8
            elif code in (LIST, DICT):
                items, stack = stack, below.pop()
                charge(CONTAINER)
                stack.append(items if code == LIST else {})
                if code == DICT:
                    _set_items(stack[-1], items)
            elif code in (ADDITEMS, FROZENSET):
                items, stack = stack, below.pop()
                charge(4 * CONTAINER)
                for item in items:
                    check_key(item)
                if code == ADDITEMS:
                    _as(set, stack[-1]).update(items)
                else:
                    stack.append(frozenset(items))
            elif code == BINPERSID and self._persistent:
                stack[-1] = self._persistent(stack[-1])
            elif code == POP:
                stack.pop()
            elif code == POP_MARK:
                stack = below.pop()
            else:
                raise pickle.UnpicklingError(f'the opcode {bytes([code])!r}')


def _text(code: int, part: bytes) -> Any:
    """The value of an opcode with a length."""
    if code in (BINUNICODE, SHORT_BINUNICODE, BINUNICODE8):
        return str(part, 'utf-8', 'surrogatepass')
    if code in (BINSTRING, SHORT_BINSTRING):  # of Python 2
        return str(part, 'latin1')
    if code == LONG1:
        return int.from_bytes(part, 'little', signed=True)
    return bytearray(part) if code == BYTEARRAY8 else part


def _got(value: Any) -> Any:
    return value.value if type(value) is Pending else value


def _put(memo: list[Any], place: int, value: Any) -> None:
    if place < len(memo):
        memo[place] = value
    elif place - len(memo) < 1000:  # they are numbered one after another; some picklers begin at 1
        memo.extend([None] * (place - len(memo)))
        memo.append(value)
    else:
        raise TooMuch(f'a reference {place}')


def _as(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ForbiddenGlobal(f'items for {type(value).__name__}')
    return value


def _set_versions(state_dict: Any, state: Any) -> None:
    """What PyTorch notes beside weights: of every module its name and version."""
    about = state.get('_metadata') if type(state) is dict else None
    if not isinstance(about, dict) or not all(isinstance(facts, dict) for facts in about.values()):
        raise ForbiddenGlobal('a state for OrderedDict')
    versions = ((name, facts.get('version')) for name, facts in about.items())
    state_dict._metadata = {name: {'version': version} for name, version in versions if type(version) is int}


def _set_items(target: Any, items: list[Any]) -> None:
    if type(target) is not dict and type(target) is not OrderedDict:
        raise ForbiddenGlobal(f'items for {type(target).__name__}')
    keys = items[::2]
    for key in keys:
        if type(key) is not str:
            check_key(key)
    target.update(zip(keys, items[1::2], strict=True))
