# DeGCN with AEA in every block on Kinetics-10; all else as without.
_base_ = './degcn_kinetics10.py'
model = dict(
    backbone=dict(_delete_=True, type='InteractionBackbone', backbone={{_base_.model.backbone}}, interaction=dict())
)
