"""mmengine's runner, with which a resumed training is the same run."""

from pathlib import Path
from typing import Any

from mmaction.registry import LOOPS, RUNNERS
from mmengine.dist import master_only
from mmengine.logging import MMLogger
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..datasets.files.whole import written_whole
from .checkpoint_hook import WholeCheckpointHook
from .randomness import PlacedBatches, SeedingHook, make_seeded, reseed
from .resuming import latest_checkpoint
from .screen import leave_out_of_screen
from .signals import stops_between_steps


@LOOPS.register_module()
class ResumableTrainLoop(EpochBasedTrainLoop):
    """mmengine's loop, which can begin within an epoch, or with the validation of the one before; same arguments.

    SIGTERM and Ctrl-C wait for the end of a step: :class:`WholeCheckpointHook` then saves and stops.
    """

    steps_done = 0  # of the epoch that is begun next
    validated = True  # the epoch before that, if it was to be
    sampler_seed: int | None = None

    def run(self) -> Any:
        self.runner.call_hook('before_train')
        with stops_between_steps():
            if self.steps_done == 0:
                self._validate()
            while self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self.validated = False
                self._validate()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done, self.steps_done = self.steps_done, 0
        if isinstance(self.dataloader.batch_sampler, PlacedBatches):
            self.dataloader.batch_sampler.skipped = done
            batches = enumerate(self.dataloader, done)
        else:  # whose place nobody knows: what has been seen is loaded once more
            batches = enumerate(self.dataloader)
        for number, batch in batches:
            if number >= done:
                self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _validate(self) -> None:
        """Validate the last epoch, if that is due and was not done before the training was interrupted."""
        self._decide_current_val_interval()
        val_loop = self.runner.val_loop
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if val_loop is not None and due and self._epoch >= self.val_begin and not self.validated:
            val_loop.run()
        self.validated = True


@RUNNERS.register_module()
class ResumableRunner(Runner):
    """mmengine's runner; a training that goes on from a checkpoint ends with the weights of one that never stopped.

    Configs are those of mmengine: of its parts the loop over epochs, ``CheckpointHook`` and the data loaders are
    replaced by ours, which take the same arguments.
    """

    _resume: bool
    _load_from: str | None

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        leave_out_of_screen(logger)
        logger.info(f'Everything, also the config, is in the log {Path(self._log_dir, self.timestamp)}.log')
        return logger

    def build_train_loop(self, loop: Any) -> Any:
        if isinstance(loop, dict):
            kind = loop.get('type', 'EpochBasedTrainLoop' if loop.get('by_epoch') else None)
            if kind in ('EpochBasedTrainLoop', 'mmengine.EpochBasedTrainLoop', EpochBasedTrainLoop):
                loop = {**loop, 'type': ResumableTrainLoop}
                loop.pop('by_epoch', None)
        return super().build_train_loop(loop)

    def register_hook(self, hook: Any, priority: Any = None) -> None:
        if isinstance(hook, dict) and hook.get('type') in ('CheckpointHook', 'mmengine.CheckpointHook'):
            hook = {**hook, 'type': WholeCheckpointHook}
        super().register_hook(hook, priority)

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        super().register_hooks(*args, **kwargs)
        self.register_hook(SeedingHook())

    @staticmethod
    def build_dataloader(dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False) -> DataLoader:
        return make_seeded(Runner.build_dataloader(dataloader, seed, diff_rank_seed), seed or 0)

    def load_or_resume(self) -> None:
        if self._resume and self._load_from is None:
            checkpoint = latest_checkpoint(self.work_dir)
            self._resume, self._load_from = checkpoint is not None, str(checkpoint) if checkpoint else None
        super().load_or_resume()

    def resume(self, *args: Any, **kwargs: Any) -> None:
        super().resume(*args, **kwargs)
        # the loaders were built with the seed of this run; mmengine has taken that of the checkpoint since
        reseed(self.train_dataloader, self.seed, getattr(self.train_loop, 'sampler_seed', None))
        if self.val_loop is not None:
            reseed(self.val_dataloader, self.seed, None)

    @master_only
    def dump_config(self) -> None:
        if self._train_loop is None:
            return  # a test: the work folder keeps the config of the training, the log has that of the test
        name = Path(self.cfg.filename).name if self.cfg.filename is not None else f'{self.timestamp}.py'
        with written_whole(Path(self.work_dir, name)) as part:
            self.cfg.dump(str(part))
