# ASEA at CPU size on SBU as in asea_sbu.py, all in metres: no batch norm of the input, which would bring every coordinate
# to one size, and velocities times four. The weights over time of AT-NAC (gamma) are sharper.
_base_ = './asea_sbu.py'
generate = dict(type='GenerateStream', stream=_base_.stream, true_speed=True, motion_scale=4.0)
# the pipelines of sbu.py end in GenerateStream, FormatGCNInput and PackActionInputs
train_pipeline = [*_base_.train_pipeline[:-3], generate, *_base_.train_pipeline[-2:]]
test_pipeline = [*_base_.test_pipeline[:-3], generate, *_base_.test_pipeline[-2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(backbone=dict(data_bn=False, interaction=dict(gamma=10.0)))
