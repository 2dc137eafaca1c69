# AAGCN at CPU size, for few samples: five blocks, which make the frames fewer early. Persons share the statistics of
# the input, as in the other models: who comes first says nothing.
_base_ = './aagcn.py'
model = dict(
    backbone=dict(num_stages=5, inflate_stages=[3], down_stages=[2, 3], data_bn_type='VC'),
    cls_head=dict(in_channels=128),
)
