from .adaptive_graph import MultiScaleAGC
from .branched_tcn import BranchedTCN
from .common import fuse_batch_norm, presence_of
from .deformable import DeformableGC, DeformableTemporalConv
from .interaction import AEA, ATNAC, ActiveJoints, ExternalAttention
from .multi_scale import MultiScaleGC, WindowedGC
from .spatial import CTRGC
from .temporal import MultiScaleTCN
from .temporal_attention import MultiScaleAttentionTCN, TemporalSelfAttention

__all__ = [
    'AEA',
    'ATNAC',
    'ActiveJoints',
    'BranchedTCN',
    'CTRGC',
    'DeformableGC',
    'DeformableTemporalConv',
    'ExternalAttention',
    'MultiScaleAGC',
    'MultiScaleAttentionTCN',
    'MultiScaleGC',
    'MultiScaleTCN',
    'TemporalSelfAttention',
    'WindowedGC',
    'fuse_batch_norm',
    'presence_of',
]
