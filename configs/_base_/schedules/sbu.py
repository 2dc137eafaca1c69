# The one recipe of all models on SBU: the 230 training samples of a fold want many small steps, large ones at first.
_base_ = './adamw_cosine.py'
train_cfg = dict(max_epochs=60)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
auto_scale_lr = dict(base_batch_size=8)
