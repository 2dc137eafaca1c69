# DeGCN with AEA in every block on NTU-26; all else as without.
_base_ = './degcn_ntu26.py'
model = dict(
    backbone=dict(_delete_=True, type='InteractionBackbone', backbone={{_base_.model.backbone}}, interaction=dict())
)
