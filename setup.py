"""Puts configs and tools into the wheel, under ``asea_mm/.mim``, where ``mim`` and :mod:`asea_mm.engine.configs` look.

An editable installation has none: there the configs of the clone are used.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ('configs', 'tools', 'model-index.yml', 'metafile.yml')


class BuildWithConfigs(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib) / 'asea_mm' / '.mim'
        shutil.rmtree(folder, ignore_errors=True)  # of a build before
        folder.mkdir(parents=True)
        for source in map(Path, SHIPPED):
            if source.is_dir():
                shutil.copytree(source, folder / source, ignore=shutil.ignore_patterns('__pycache__'))
            elif source.exists():
                shutil.copy(source, folder)


setup(cmdclass={'build_py': BuildWithConfigs})
