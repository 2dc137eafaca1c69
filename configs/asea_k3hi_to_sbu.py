# The other way round: ASEA trained on all of K3HI and tested on all of SBU.
_base_ = './asea_sbu_to_k3hi.py'
train_dataloader = dict(dataset=_base_.k3hi)
val_dataloader = dict(dataset=_base_.sbu)
test_dataloader = val_dataloader
