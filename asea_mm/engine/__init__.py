from .hooks import ActiveJointsHook, FitHeadHook
from .options import apply_options
from .running import build_runner, leave_processes, load_config, parse_options, report_errors
from .visualization_hook import InteractionVisualizationHook

__all__ = [
    'ActiveJointsHook',
    'FitHeadHook',
    'InteractionVisualizationHook',
    'apply_options',
    'build_runner',
    'leave_processes',
    'load_config',
    'parse_options',
    'report_errors',
]
