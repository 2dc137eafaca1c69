# ST-GCN++ at CPU size on SBU, joints and motion fused early, five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/stgcnpp_small.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
from asea_mm.skeletons import graph_layout  # noqa: E402

model = dict(
    backbone=dict(graph_cfg=dict(layout=graph_layout('sbu15')), in_channels=6),
    cls_head=dict(num_classes=8, dropout=0.3, label_smooth_eps=0.1),
)
