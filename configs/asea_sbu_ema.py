# ASEA on SBU as in asea_sbu.py, tested with a moving average of the weights over about the last hundred steps.
_base_ = './asea_sbu.py'
custom_hooks = [
    dict(type='ActiveJointsHook'),
    dict(type='EMAHook', momentum=0.01, update_buffers=True),
]
