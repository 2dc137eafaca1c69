from .threshold_regularization import ThresholdRegularization

__all__ = ['ThresholdRegularization']
