# ASEA with attention that knows distances and directions, on SBU Kinect Interaction: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/asea_geometric.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(backbone=dict(layout='sbu15', in_channels=6), cls_head=dict(num_classes=8))
