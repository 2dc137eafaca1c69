# ASEA at CPU size on SBU as in asea_sbu.py, but in metres (no batch norm of the input, which would bring every coordinate
# to one size, and velocities times four), with limbs that the sensor loses in training, and twice as long.
_base_ = './asea_sbu.py'
generate = dict(type='GenerateStream', stream=_base_.stream, true_speed=True, motion_scale=4.0)
# the pipelines of sbu.py begin with SwapPersons, CentrePair, AlignFacing and end in GenerateStream and two more steps
steps = _base_.train_pipeline
train_pipeline = [*steps[:3], dict(type='LimbNoise'), *steps[3:-3], generate, *steps[-2:]]
test_pipeline = [*_base_.test_pipeline[:-3], generate, *_base_.test_pipeline[-2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=120, val_interval=2)
model = dict(backbone=dict(data_bn=False))
