# DeGCN on the ten interactions of Kinetics-400, joints in the image and their scores: --stream bone, ...
_base_ = [
    './_base_/models/degcn.py',
    './_base_/datasets/kinetics10.py',
    './_base_/schedules/sgd_110e.py',
    './_base_/default_runtime.py',
]
model = dict(
    backbone=dict(layout='openpose18', in_channels=3),  # x, y and score
    cls_head=dict(num_classes=10),
)
