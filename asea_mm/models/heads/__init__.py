from .interaction_head import InteractionHead
from .kernel_head import KernelRidgeHead

__all__ = ['InteractionHead', 'KernelRidgeHead']
