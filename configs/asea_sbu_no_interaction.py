# ASEA at CPU size on SBU with a ninth class, "no interaction": strangers side by side, idle pairs, persons far apart or
# alone. A model for asea watch; calibrate it with the scores of a fold that it was not trained on.
_base_ = './asea_sbu.py'
made = dict(_delete_=True, type='AddNoInteraction', share=0.3)
train_dataloader = dict(dataset=dict(**made, dataset=_base_.train_dataloader.dataset))
val_dataloader = dict(dataset=dict(**made, dataset=_base_.val_dataloader.dataset))
test_dataloader = val_dataloader
model = dict(cls_head=dict(num_classes=9))
