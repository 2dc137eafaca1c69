from .confusion import plot_confusion

__all__ = ['plot_confusion']
