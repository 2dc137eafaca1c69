# ASEA whose attention knows distances and directions between the persons' joints, at half the width of the CPU size.
_base_ = './asea_small.py'
model = dict(
    backbone=dict(channels=(32, 32, 64, 64, 64), downsample='conv', interaction=dict(gate=True, geometry=3)),
    cls_head=dict(in_channels=64, dropout=0.3, label_smooth_eps=0.1),
)
