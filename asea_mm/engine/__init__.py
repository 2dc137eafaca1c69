from .hooks import ActiveJointsHook
from .options import apply_options
from .running import build_runner, load_config, parse_options, report_errors

__all__ = ['ActiveJointsHook', 'apply_options', 'build_runner', 'load_config', 'parse_options', 'report_errors']
