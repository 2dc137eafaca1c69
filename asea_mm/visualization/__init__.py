from .confusion import plot_confusion
from .pairs import plot_pair, plot_pairs

__all__ = ['plot_confusion', 'plot_pair', 'plot_pairs']
