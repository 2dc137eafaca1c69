"""Hooks of training."""

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ..errors import InputError
from ..models.layers.interaction import AEA


@HOOKS.register_module()
class ActiveJointsHook(Hook):
    """Logs what AT-NAC does: alpha, the mean threshold tau and the share of active joints, for every AEA.

    The values of the last batch go to mmengine's message hub and to the visualizer's back ends (``scalars.json``,
    TensorBoard) as ``aea/{module}/alpha``, ``.../tau`` and ``.../active``, and once an epoch as a line into the log.

    Args:
        interval: Training iterations between two readings.
    """

    priority = 'ABOVE_NORMAL'  # before the logger hook

    def __init__(self, interval: int = 10) -> None:
        self.interval = interval

    @torch.no_grad()
    def read(self, runner) -> dict[str, dict[str, float]]:
        """Alpha, tau and share of active joints by module; a module that has not run yet is left out."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        readings = {}
        for name, module in model.named_modules():
            if isinstance(module, AEA) and module.active_share is not None and module.mean_threshold is not None:
                readings[name] = {'active': float(module.active_share)}
                if module.atnac.alpha is not None:  # score='all' has no threshold
                    readings[name] |= {'alpha': float(module.atnac.alpha), 'tau': float(module.mean_threshold)}
        return readings

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self.every_n_train_iters(runner, self.interval):
            readings = self.read(runner).items()
            scalars = {f'aea/{name}/{key}': value for name, reading in readings for key, value in reading.items()}
            for key, value in scalars.items():
                runner.message_hub.update_scalar(key, value)
            if scalars:
                runner.visualizer.add_scalars(scalars, step=runner.iter + 1)

    def after_train_epoch(self, runner) -> None:
        for name, reading in self.read(runner).items():
            values = ', '.join(f'{key} {value:.3f}' for key, value in sorted(reading.items()))
            runner.logger.info(f'AEA {name}: {values}')


@HOOKS.register_module()
class FitHeadHook(Hook):
    """Lets the head fit what it has collected, after the last epoch and every so often before; logs what it chose.

    For heads that are fitted in closed form, such as :class:`KernelRidgeHead`.

    Args:
        interval: Epochs between two fits.
    """

    priority = 'HIGH'  # before the checkpoint is saved

    def __init__(self, interval: int = 1) -> None:
        self.interval = interval

    def after_train_epoch(self, runner) -> None:
        if not (self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model.cls_head, 'fit'):
            raise InputError(f'FitHeadHook: {type(model.cls_head).__name__} is trained, not fitted; leave the hook out')
        chosen = model.cls_head.fit()
        runner.logger.info('Fit: ' + ', '.join(f'{name} {value:.4g}' for name, value in chosen.items()))
