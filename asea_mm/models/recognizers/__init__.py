from .interaction_recognizer import InteractionRecognizer

__all__ = ['InteractionRecognizer']
