"""Checkpoints from which a training goes on as the same run, and of which the newest and the best are always there."""

from pathlib import Path
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper

from ..datasets.files.whole import write_whole, written_whole
from ..errors import InputError
from . import signals
from .resuming import INTERRUPTED, LAST, file_name

AGREED_EVERY = 10  # steps, after which several processes ask each other whether one of them has to stop


class WholeFileBackend(LocalBackend):
    """mmengine's access to local files, which writes them whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        write_whole(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        write_whole(filepath, obj.encode(encoding))


register_backend('whole', WholeFileBackend, force=True)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """mmengine's hook, with which no moment is without a whole checkpoint, nor without the best one; same arguments.

    Files are written whole, and what they replace, the oldest or the best so far, is removed only then. Checkpoints
    hold where in its epoch a training is, whether that epoch was validated, and gradients that are still collected.
    Their own folder may be moved or copied. SIGTERM and Ctrl-C save to ``interrupted.pth`` after the step that they
    meet, and end the training; that file goes with the next checkpoint.
    """

    backend_args: dict | None
    saved: tuple[int, int] | None = None  # epochs and steps of the last checkpoint
    _place: dict[str, Any]  # in the epoch

    # What a checkpoint knows

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the gradients that are collected over several steps and are not used yet."""
        should_update = getattr(runner.optim_wrapper, 'should_update', None)
        if 'optimizer' in checkpoint and should_update is not None and not should_update():
            weights = _bare_model(runner).named_parameters()
            checkpoint['gradients'] = {name: weight.grad.cpu() for name, weight in weights if weight.grad is not None}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Where a training that goes on is in its epoch."""
        if not runner._resume:
            return
        if 'optimizer' not in checkpoint:  # the best, for one
            raise InputError(f'checkpoint {runner._load_from}: has weights but no state of a training to resume')
        meta, loop = checkpoint['meta'], runner.train_loop
        loop.steps_done, loop.validated = meta.get('steps_done', 0), meta.get('validated', False)
        loop.sampler_seed = meta.get('sampler_seed')
        weights = dict(_bare_model(runner).named_parameters())
        for name, gradient in checkpoint.get('gradients', {}).items():
            weights[name].grad = gradient.to(weights[name].device)

    def before_train(self, runner) -> None:
        """Files that the checkpoint names are those of this folder; what was to be removed after it was written, is."""
        local = '://' not in str(self.out_dir)
        if local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = {'backend': 'whole'}
        super().before_train(runner)
        hub = runner.message_hub
        if not runner._resume:
            return
        if hub.get_info('last_ckpt') is not None:
            self.last_ckpt = self._path(hub.get_info('last_ckpt'))
        origin = Path(runner._load_from).parent
        for key in self.key_indicators if self.save_best else ():
            if (best := hub.get_info(self._named('best_ckpt', key))) is not None:
                self._note_best(hub, key, self._path(best))
                if dist.is_main_process():
                    _bring(origin / file_name(best), Path(self._path(best)))
        if origin.resolve() == Path(self.out_dir).resolve():
            self._remove(hub.get_info('outdated_ckpts') or [])

    # Every epoch, or every so many steps

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        self._place = dict(steps_done=batch_idx + 1, validated=True)
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if number := self._asked_to_stop(runner.iter + 1):
            self._save_and_stop(runner, number, runner.epoch, runner.iter + 1)

    def after_train_epoch(self, runner) -> None:
        self._place = dict(steps_done=0, validated=False)
        super().after_train_epoch(runner)

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """A validation is repeated when the training goes on, and need not end if all before it is saved."""
        number = signals.asked_to_stop()
        if number and not dist.is_distributed() and self.saved == (runner.epoch, runner.iter):
            signals.stop(number)

    def after_val_epoch(self, runner, metrics) -> None:
        self._place = dict(steps_done=0, validated=True)
        super().after_val_epoch(runner, metrics)

    def after_val(self, runner) -> None:
        if runner.epoch < runner.max_epochs and (number := self._asked_to_stop(0)):
            self._save_and_stop(runner, number, runner.epoch, runner.iter)

    def _asked_to_stop(self, step: int) -> int:
        """The signal that has asked one of the processes to stop; 0 if none has, or they do not ask each other now."""
        asked = signals.asked_to_stop() or 0
        if dist.is_distributed():
            if step % AGREED_EVERY:
                return 0
            answer = torch.tensor(asked)
            dist.all_reduce(answer, 'max')
            asked = int(answer)
        return asked

    def _save_and_stop(self, runner, number: int, epochs: int, steps: int) -> None:
        if self.saved != (epochs, steps):
            self._save(runner, INTERRUPTED, dict(epoch=epochs, iter=steps), [])
        runner.logger.info(f'Stopped by signal {number}; --resume goes on from {self.last_ckpt}')
        signals.stop(number)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict, outdated: list[str] | None = None) -> None:
        outdated = list(outdated or [])
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self._save(runner, self.filename_tmpl.format(step), meta, outdated)

    def _save(self, runner, name: str, meta: dict, outdated: list[str]) -> None:
        """Write a checkpoint, then that it is the last, then remove what it replaces."""
        self.last_ckpt = self._path(name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.message_hub.update_info('outdated_ckpts', outdated)
        sampler_seed = getattr(runner.train_dataloader.sampler, 'seed', None)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta={**meta, **self._place, 'sampler_seed': sampler_seed},
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self.saved = meta['epoch'], meta['iter']
        if dist.is_main_process():
            write_whole(Path(runner.work_dir, LAST), self.last_ckpt)
        self._remove([*outdated, *([INTERRUPTED] if name != INTERRUPTED else [])])

    # The best

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        if not self.save_best:
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        hub, number = runner.message_hub, runner.epoch if self.by_epoch else runner.iter
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        better, outdated = False, list[str]()
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            score = metrics[key]
            best_score = hub.get_info(self._named('best_score', key))
            best_score = self.init_value_map[rule] if best_score is None else best_score
            if score is None or not self.is_better_than[key](score, best_score):
                continue
            better = True
            former = hub.get_info(self._named('best_ckpt', key))
            name = f'best_{key}_{self.filename_tmpl.format(number)}'.replace('/', '_')
            hub.update_info(self._named('best_score', key), score)
            self._note_best(hub, key, self._path(name))
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=False,
                save_param_scheduler=False,
                meta=dict(meta),
                by_epoch=False,
                backend_args=self.backend_args,
            )
            outdated += [file_name(former)] if former is not None and file_name(former) != name else []
            unit = 'epoch' if self.by_epoch else 'iter'
            runner.logger.info(f'The best checkpoint with {score:0.4f} {key} at {number} {unit} is saved to {name}.')
        if better and self.last_ckpt is not None:  # so that the last one knows the best one
            self._save_checkpoint_with_step(runner, number, meta, outdated)
        else:
            self._remove(outdated)

    def _named(self, what: str, key: str) -> str:
        """How mmengine calls a property of the best in the message hub."""
        return what if len(self.key_indicators) == 1 else f'{what}_{key}'

    def _note_best(self, hub, key: str, path: str) -> None:
        hub.update_info(self._named('best_ckpt', key), path)
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    # Files

    def _path(self, name: str) -> str:
        """A file of this folder, whatever folder it had when its name was noted."""
        return self.file_backend.join_path(self.out_dir, file_name(name))

    def _remove(self, names: list[str]) -> None:
        for path in map(self._path, names) if dist.is_main_process() else ():
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)


def _bring(source: Path, target: Path) -> None:
    """The best checkpoint of a training that goes on in another folder."""
    if source.is_file() and not target.exists():
        with written_whole(target) as part:
            part.write_bytes(source.read_bytes())


def _bare_model(runner) -> torch.nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
