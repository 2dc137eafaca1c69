# As of all models on SBU: many small steps, large ones at first.
_base_ = './sbu.py'
