# ASEA at CPU size on SBU as in asea_sbu.py, but the path of every joint is smoothed first, in training and in tests:
# over five frames, by parabolas, as Du et al. (CVPR 2015) do against the jitter of the sensor.
_base_ = './asea_sbu.py'
smooth = dict(type='SmoothMotion', window=5, degree=2)
train_pipeline = [smooth, *_base_.train_pipeline]
test_pipeline = [smooth, *_base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
