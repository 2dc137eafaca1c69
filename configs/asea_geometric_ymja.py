# ASEA with attention that knows distances and directions in the image, on YMJA: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/asea_geometric.py',
    './_base_/datasets/ymja.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    backbone=dict(layout='body25', in_channels=5, interaction=dict(geometry=2, reach=6.4)),
    cls_head=dict(num_classes=5),
)
