# What the baselines on NTU-26 share: all but the backbone is as in asea_ntu26.py. --split xset, --stream bone, ...
# blocks=[] is the backbone as it is; --cfg-options model.backbone.blocks=None puts AEA into all its blocks.
_base_ = '../../asea_ntu26.py'
from asea_mm.skeletons import graph_layout  # noqa: E402

graph = graph_layout('nturgbd25')  # for mmaction2's backbones
model = dict(
    backbone=dict(_delete_=True, type='InteractionBackbone', backbone=dict(in_channels=3), blocks=[]),
)
