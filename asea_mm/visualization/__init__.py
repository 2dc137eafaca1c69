from .active_joints import draw_active_joints
from .amplitudes import draw_amplitudes
from .animation import animate
from .attention import draw_attention
from .clips import ProbedClip, probe_sample
from .confusion import draw_confusion, plot_confusion
from .drawing import as_image, save_figure
from .page import write_page
from .pairs import plot_pair, plot_pairs
from .probe import Probe, Stage, probe
from .training_curves import draw_training, read_active_joints, read_scalars

__all__ = [
    'Probe',
    'ProbedClip',
    'Stage',
    'animate',
    'as_image',
    'draw_active_joints',
    'draw_amplitudes',
    'draw_attention',
    'draw_confusion',
    'draw_training',
    'plot_confusion',
    'plot_pair',
    'plot_pairs',
    'probe',
    'probe_sample',
    'read_active_joints',
    'read_scalars',
    'save_figure',
    'write_page',
]
