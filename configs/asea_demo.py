# ASEA with six blocks on the embedded synthetic pairs: nothing to download, minutes on a CPU.
_base_ = [
    './_base_/models/asea.py',
    './_base_/datasets/synthetic.py',
    './_base_/schedules/adamw_cosine.py',
    './_base_/default_runtime.py',
]
model = dict(backbone=dict(channels=(32, 32, 64, 64, 128, 128)), cls_head=dict(num_classes=12, in_channels=128))
train_cfg = dict(max_epochs=8)
randomness = dict(seed=0)  # --seed for another run
