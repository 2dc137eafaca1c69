# ASEA at CPU size, for the nine classes of SBU and K3HI and "no interaction"; a leaf sets in_channels.
_base_ = './asea_small.py'
model = dict(
    backbone=dict(layout='common13', downsample='conv', interaction=dict(gate=True)),
    cls_head=dict(num_classes=10, dropout=0.3, label_smooth_eps=0.1),
)
