# What transfers best to a sensor that it was not trained on, for the nine classes of SBU and K3HI and "no interaction".
_base_ = './asea_geometric.py'
model = dict(backbone=dict(layout='common13'), cls_head=dict(num_classes=10))
