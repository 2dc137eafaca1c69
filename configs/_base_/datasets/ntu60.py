# The 60 classes of NTU RGB+D 60, X-Sub by default; --split xview for X-View. Pipelines as for NTU-26.
# asea prepare ntu PATH --benchmark ntu60 writes the file. PYSKL's ntu60_3d.pkl can be read as it is, too.
_base_ = './ntu26.py'
source = dict(ann_file='data/ntu/ntu60.pkl')
train_dataloader = dict(dataset=source)
val_dataloader = dict(dataset=source)
test_dataloader = val_dataloader
