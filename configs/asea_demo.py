# ASEA at CPU size on the embedded synthetic pairs: nothing to download.
_base_ = [
    './_base_/models/asea_small.py',
    './_base_/datasets/synthetic.py',
    './_base_/schedules/adamw_cosine.py',
    './_base_/default_runtime.py',
]
model = dict(cls_head=dict(num_classes=12))
train_cfg = dict(max_epochs=12)
