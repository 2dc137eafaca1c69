"""Without the interpreter there is nothing to test here, or a GPU, which has tests of its own."""

from asea_mm.models.kernels.support import HAS_TRITON, INTERPRETED

collect_ignore_glob = [] if HAS_TRITON and INTERPRETED else ['test_*.py']
