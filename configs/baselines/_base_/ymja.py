# What the baselines on YMJA share: all but the backbone is as in asea_ymja.py. --fold 1 ... --fold 5.
# blocks=[] is the backbone as it is; --cfg-options model.backbone.blocks=None puts AEA into all its blocks.
_base_ = '../../asea_ymja.py'
from asea_mm.skeletons import graph_layout  # noqa: E402

graph = graph_layout('body25')  # for mmaction2's backbones
model = dict(
    backbone=dict(
        _delete_=True,
        type='InteractionBackbone',
        backbone=dict(in_channels=5),
        interaction=dict(gate=True),
        blocks=[],
    ),
)
