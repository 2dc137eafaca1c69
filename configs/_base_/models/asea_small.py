# ASEA at CPU size, for few samples: five blocks, which make the frames fewer early.
_base_ = './asea.py'
model = dict(
    backbone=dict(channels=(64, 64, 128, 128, 128), strides=(1, 2, 2, 1, 1)),
    cls_head=dict(in_channels=128),
)
