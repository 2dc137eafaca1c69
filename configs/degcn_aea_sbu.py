# DeGCN with AEA in every block on SBU; all else as without.
_base_ = './degcn_sbu.py'
model = dict(
    backbone=dict(
        _delete_=True, type='InteractionBackbone', backbone={{_base_.model.backbone}}, interaction=dict(gate=True)
    )
)
