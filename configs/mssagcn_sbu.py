# MSSAGCN at CPU size on SBU Kinect Interaction, joints and motion fused early, five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/mssagcn.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/adamw_cosine.py',
    './_base_/default_runtime.py',
]
model = dict(
    # two heads: each as wide as one of the four of the full model
    backbone=dict(layout='sbu15', in_channels=6, channels=(32, 32, 32, 32, 64, 64, 64, 128, 128, 128), heads=2),
    cls_head=dict(num_classes=8, in_channels=128, dropout=0.3, label_smooth_eps=0.1),
)
train_cfg = dict(val_interval=4)
