# What the baselines on SBU share: all but the backbone is as in asea_sbu.py. --fold 1 ... --fold 5.
# blocks=[] is the backbone as it is; --cfg-options model.backbone.blocks=None puts AEA into all its blocks.
_base_ = '../../asea_sbu.py'
from asea_mm.skeletons import graph_layout  # noqa: E402

graph = graph_layout('sbu15')  # for mmaction2's backbones
model = dict(
    backbone=dict(
        _delete_=True,
        type='InteractionBackbone',
        backbone=dict(in_channels=6),
        interaction=dict(gate=True),
        blocks=[],
    ),
)
