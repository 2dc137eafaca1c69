from .atnac_neck import ATNACNeck

__all__ = ['ATNACNeck']
