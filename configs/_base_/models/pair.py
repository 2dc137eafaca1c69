# Attention between persons that knows distances and directions between their joints, at a small size: what transfers best
# to a sensor that it was not trained on. For the nine classes of SBU and K3HI and "no interaction"; a leaf says how many
# coordinates there are.
_base_ = './asea_geometric.py'
model = dict(backbone=dict(layout='common13'), cls_head=dict(num_classes=10))
