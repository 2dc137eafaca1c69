from .interaction_head import InteractionHead

__all__ = ['InteractionHead']
