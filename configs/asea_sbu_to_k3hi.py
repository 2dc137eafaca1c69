# ASEA trained on all of SBU and tested on all of K3HI, in the seven classes that both have.
# asea prepare sbu PATH and asea prepare k3hi PATH write the files; layout and units are alike.
_base_ = './asea_sbu.py'
classes = ['approaching', 'departing', 'kicking', 'pushing', 'shaking hands', 'exchanging objects', 'punching']
sbu = dict(ann_file='data/sbu/sbu.pkl', split=None, fold=None, classes=classes)
k3hi = dict(ann_file='data/k3hi/k3hi.pkl', split=None, fold=None, classes=classes)
train_dataloader = dict(dataset=sbu)
val_dataloader = dict(dataset=k3hi)
test_dataloader = val_dataloader
model = dict(cls_head=dict(num_classes=7))
