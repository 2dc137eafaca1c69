# For heads that are fitted in closed form: every epoch adds a copy of each sample, and after the last one FitHeadHook
# fits the head. Nothing is left for the optimizer to do.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=16, val_interval=16)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
