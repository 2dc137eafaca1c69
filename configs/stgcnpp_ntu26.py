# ST-GCN++ on the 26 interactions of NTU RGB+D 120, joint stream, X-Sub: --split xset for X-Set.
_base_ = [
    './_base_/models/stgcnpp.py',
    './_base_/datasets/ntu26.py',
    './_base_/schedules/sgd_110e.py',
    './_base_/default_runtime.py',
]
from asea_mm.skeletons import graph_layout  # noqa: E402

model = dict(backbone=dict(graph_cfg=dict(layout=graph_layout('nturgbd25'))))
