# ASEA at CPU size on YMJA, penalties of ice hockey in broadcasts: 2-D joints with scores and gaps, and persons with
# roles. An example of such data of your own, see docs/custom_data.md. Five folds by game: --fold 1 ... --fold 5.
# asea prepare custom ymja/recordings --layout body25 --labels ymja/labels.csv --split column --out data/ymja/ymja.pkl
_base_ = [
    './_base_/models/asea_small.py',
    './_base_/datasets/ymja.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    # x and y of joints and of their velocities, and the score
    backbone=dict(layout='body25', in_channels=5, downsample='conv', interaction=dict(gate=True)),
    cls_head=dict(num_classes=5, dropout=0.3, label_smooth_eps=0.1),
)
