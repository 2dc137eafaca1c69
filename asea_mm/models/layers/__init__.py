from .adaptive_graph import MultiScaleAGC
from .atnac import ATNAC
from .common import fuse_batch_norm, presence_of
from .interaction import AEA, ExternalAttention
from .spatial import CTRGC
from .temporal import MultiScaleTCN
from .temporal_attention import MultiScaleAttentionTCN, TemporalSelfAttention

__all__ = [
    'AEA',
    'ATNAC',
    'CTRGC',
    'ExternalAttention',
    'MultiScaleAGC',
    'MultiScaleAttentionTCN',
    'MultiScaleTCN',
    'TemporalSelfAttention',
    'fuse_batch_norm',
    'presence_of',
]
