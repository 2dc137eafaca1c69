# ASEA at CPU size on K3HI, five folds: --fold 1 ... --fold 5. asea prepare k3hi PATH writes the file.
# Sensor, layout, units and number of classes are SBU's, so all but the data is, too.
_base_ = './asea_sbu.py'
k3hi = dict(ann_file='data/k3hi/k3hi.pkl')
train_dataloader = dict(dataset=k3hi)
val_dataloader = dict(dataset=k3hi)
test_dataloader = val_dataloader
