from .checkpoint_hook import WholeCheckpointHook
from .configs import find_config
from .fused import FusedRecognizer
from .hooks import ActiveJointsHook, FitHeadHook
from .late_epochs import LateScoresHook
from .options import apply_options
from .runner import ResumableRunner, ResumableTrainLoop
from .running import Trained, build_runner, load_config, report_errors, run_test, run_training
from .visualization_hook import InteractionVisualizationHook

__all__ = [
    'ActiveJointsHook',
    'FitHeadHook',
    'FusedRecognizer',
    'InteractionVisualizationHook',
    'LateScoresHook',
    'ResumableRunner',
    'ResumableTrainLoop',
    'Trained',
    'WholeCheckpointHook',
    'apply_options',
    'build_runner',
    'find_config',
    'load_config',
    'report_errors',
    'run_test',
    'run_training',
]
