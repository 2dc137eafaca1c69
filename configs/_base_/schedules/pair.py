# Many small steps, large ones at first; only late epochs are validated, whose mean is the figure of a run.
_base_ = './sbu.py'
train_cfg = dict(max_epochs=30, val_begin=22, val_interval=2)
