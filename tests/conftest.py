"""For all tests."""

import os

import pytest

# The suite compares numbers to rounding, with and without a GPU alike; tests that want one say ASEA_TEST_GPU=1.
if not os.environ.get('ASEA_TEST_GPU'):
    os.environ['CUDA_VISIBLE_DEVICES'] = ''


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes, in which there may be the time, give a test no name: the processes that run tests must know the same."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Where mmengine looks for parts by their names, whatever the tests before have left, in any order of files."""
    from mmengine.registry import init_default_scope  # not before what is above: torch looks for GPUs once

    init_default_scope('mmaction')
