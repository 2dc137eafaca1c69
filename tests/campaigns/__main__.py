"""Run the campaigns: ``python -m tests.campaigns [--quick] [NAME ...]``."""

import argparse
import importlib
import json
import pkgutil
import sys
import time

from tests import campaigns


def main() -> int:
    known = sorted(module.name for module in pkgutil.iter_modules(campaigns.__path__) if module.name != '__main__')
    parser = argparse.ArgumentParser(prog='python -m tests.campaigns')
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'some of {", ".join(known)} (default: all)')
    parser.add_argument('--quick', action='store_true', help='the short forms, as the tests run them')
    args = parser.parse_args()
    if unknown := set(args.names) - set(known):
        parser.error(f'expected names of {known}, got {sorted(unknown)}')
    for name in args.names or known:
        module = importlib.import_module(f'tests.campaigns.{name}')
        if hasattr(module, 'main'):
            start = time.time()
            figures = module.main(args.quick)
            print(f'{name}: {json.dumps(figures, indent=1)}\n({time.time() - start:.0f} s)', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
