from .atnac import ATNAC
from .common import fuse_batch_norm
from .interaction import AEA, ExternalAttention
from .temporal_attention import TemporalSelfAttention

__all__ = ['AEA', 'ATNAC', 'ExternalAttention', 'TemporalSelfAttention', 'fuse_batch_norm']
