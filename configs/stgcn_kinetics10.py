# ST-GCN on the ten interactions of Kinetics-400, joints in the image and their scores.
_base_ = [
    './_base_/models/stgcn.py',
    './_base_/datasets/kinetics10.py',
    './_base_/schedules/sgd_110e.py',
    './_base_/default_runtime.py',
]
from asea_mm.skeletons import graph_layout  # noqa: E402

model = dict(
    backbone=dict(graph_cfg=dict(layout=graph_layout('openpose18'))),
    cls_head=dict(num_classes=10),
)
