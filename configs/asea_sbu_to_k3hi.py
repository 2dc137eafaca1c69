# ASEA trained on all of SBU and tested on all of K3HI, in the seven classes that both have.
# asea prepare sbu PATH and asea prepare k3hi PATH write the files; layout and units are alike. SBU has 15 frames a
# second; the makers of K3HI state none, but its people move as if it had 30, so every second frame of it is taken.
_base_ = './asea_sbu.py'
classes = ['approaching', 'departing', 'kicking', 'pushing', 'shaking hands', 'exchanging objects', 'punching']
sbu = dict(ann_file='data/sbu/sbu.pkl', split=None, fold=None, classes=classes, fps=15)
k3hi = dict(ann_file='data/k3hi/k3hi.pkl', split=None, fold=None, classes=classes, fps=30)
same_rate = dict(type='ResampleFrameRate', fps=15)
train_pipeline = [same_rate, *_base_.train_pipeline]
test_pipeline = [same_rate, *_base_.test_pipeline]
train_dataloader = dict(dataset=dict(**sbu, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**k3hi, pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(cls_head=dict(num_classes=7))
