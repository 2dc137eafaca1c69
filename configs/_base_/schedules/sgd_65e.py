# SGD with steps, as the MSSAGCN paper states it for NTU-60: 65 epochs, steps at 35 and 55. The batch size is ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=65, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=4e-4))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[35, 55], gamma=0.1)]
auto_scale_lr = dict(enable=False, base_batch_size=64)
