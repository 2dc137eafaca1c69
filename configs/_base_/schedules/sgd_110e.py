# SGD with steps, as CTR-GCN's schedule on NTU-26 in the literature: 110 epochs, warm-up 5, steps at 80 and 100.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=110, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=4e-4, nesterov=True)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type='MultiStepLR', by_epoch=True, milestones=[80, 100], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=64)
