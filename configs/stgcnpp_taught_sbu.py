# ST-GCN++ at CPU size on SBU, taught by kernel ridge regression: as asea_taught_sbu.py, the same recipe.
_base_ = [
    './_base_/models/stgcnpp_small.py',
    './_base_/datasets/sbu_taught.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
custom_hooks = [*_base_.custom_hooks, _base_.teacher]
from asea_mm.skeletons import graph_layout  # noqa: E402

model = dict(
    backbone=dict(graph_cfg=dict(layout=graph_layout('sbu15')), in_channels=6),
    cls_head=dict(num_classes=8, dropout=0.3),
)
