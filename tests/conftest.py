"""For all tests."""

import os

# The suite compares numbers to rounding, with and without a GPU alike; tests that want one say ASEA_TEST_GPU=1.
if not os.environ.get('ASEA_TEST_GPU'):
    os.environ['CUDA_VISIBLE_DEVICES'] = ''
