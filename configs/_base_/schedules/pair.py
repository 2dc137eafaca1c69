# Many small steps, large ones at first.
_base_ = './sbu.py'
train_cfg = dict(max_epochs=30)
