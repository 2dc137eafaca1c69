# ASEA at CPU size on SBU Kinect Interaction, five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/asea_small.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    # The clips are short: no pooling. Few samples: attention between the persons starts at zero and is learned in.
    backbone=dict(layout='sbu15', in_channels=6, downsample='conv', interaction=dict(gate=True)),
    cls_head=dict(num_classes=8, dropout=0.3, label_smooth_eps=0.1),
)
