#!/usr/bin/env bash
# Test on a Slurm cluster:  GPUS=8 tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
# Environment: as of tools/slurm_train.sh.
set -euo pipefail

if (( $# < 4 )); then
    echo "usage: [GPUS=8] $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]" >&2
    exit 2
fi
TOOL=test.py exec "$(dirname "${BASH_SOURCE[0]}")/slurm_train.sh" "$@"
