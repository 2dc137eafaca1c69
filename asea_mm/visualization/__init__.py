from .active_joints import draw_active_joints
from .amplitudes import draw_amplitudes
from .animation import animate
from .attention import draw_attention
from .body_parts import BodyPartTable, count_body_parts, draw_body_parts
from .clips import ProbedClip, probe_sample
from .comparison import draw_comparison
from .confusion import draw_confusion, plot_confusion
from .drawing import as_image, save_figure
from .effects import draw_effects
from .page import write_page
from .pairs import plot_pair, plot_pairs
from .probe import Probe, Stage, probe
from .training_curves import draw_training, read_active_joints, read_scalars

__all__ = [
    'BodyPartTable',
    'Probe',
    'ProbedClip',
    'Stage',
    'animate',
    'as_image',
    'count_body_parts',
    'draw_active_joints',
    'draw_amplitudes',
    'draw_attention',
    'draw_body_parts',
    'draw_comparison',
    'draw_confusion',
    'draw_effects',
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
