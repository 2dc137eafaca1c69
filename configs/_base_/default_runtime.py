custom_imports = dict(imports=['asea_mm'], allow_failed_imports=False)
default_scope = 'mmaction'
runner_type = 'ResumableRunner'
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # two: should one be damaged, training goes on from the other
    checkpoint=dict(type='CheckpointHook', interval=1, save_best='acc/top1', rule='greater', max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # each process has batch norm statistics of its own; validation and checkpoints take their mean
    sync_buffers=dict(type='SyncBuffersHook'),
)
custom_hooks = [dict(type='ActiveJointsHook')]
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
