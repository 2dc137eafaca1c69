"""Soft labels of a teacher that is fitted before the training starts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmaction.registry import HOOKS, MODELS
from mmengine.dataset import Compose, pseudo_collate
from mmengine.hooks import Hook
from torch.nn.functional import one_hot


@HOOKS.register_module()
class TeacherHook(Hook):
    """Trains any model on labels softened by a teacher, which never judges a sample that it was fitted on.

    Distillation (Hinton et al., 2015) from a teacher of another kind. Before the training :class:`KernelRidgeHead` is
    fitted to some augmented copies of each training sample, in closed form. In training every clip, as it has been
    augmented, gets the mixture

        (1 - weight) * label + weight * probabilities of the teacher fitted to all other samples

    as its label. On few samples a network learns whatever tells these samples apart; the teacher tells it how sure one
    can be of a clip, or of a piece of it, by all the others. Nothing remains of the teacher in the checkpoint, and
    tests run as ever. Only training samples are used.

    The training pipeline adds what the teacher reads by :class:`AddTeacherInput`. Any recognizer and head will do whose
    loss takes probabilities as labels, as mmaction2's do. Set ``label_smooth_eps=0`` in the head: the teacher softens
    enough.

    Args:
        teacher: Config of a recognizer with :class:`KernelRidgeHead`.
        pipeline: Training pipeline of the teacher; its samples are those of the model.
        copies: Copies of each sample that the teacher is fitted to.
        weight: Share of the teacher in the labels.

    Raises:
        ValueError: If an argument is out of its range; if the teacher's head cannot leave out samples; if the training
            dataset has no pipeline; if a sample has no input for the teacher.
    """

    def __init__(
        self,
        teacher: Mapping,
        pipeline: Sequence[Mapping],
        copies: int = 4,
        weight: float = 0.5,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f'TeacherHook: weight must be from 0 to 1, got {weight}')
        if copies < 1:
            raise ValueError(f'TeacherHook: copies must be at least 1, got {copies}')
        self.teacher = MODELS.build(dict(teacher)).eval()
        if not hasattr(self.teacher.cls_head, 'left_out'):
            name = type(self.teacher.cls_head).__name__
            raise ValueError(f'TeacherHook: expected a head that can leave out samples, KernelRidgeHead, got {name}')
        self.pipeline = pipeline
        self.copies = copies
        self.weight = weight

    @torch.no_grad()
    def before_train(self, runner) -> None:
        """Fit the teacher."""
        dataset = runner.train_dataloader.dataset
        if not hasattr(dataset, 'pipeline'):
            raise ValueError(
                f'TeacherHook: expected a training dataset with a pipeline, got {type(dataset).__name__}; train more '
                'epochs instead of wrapping it'
            )
        self.teacher.to(next(runner.model.parameters()).device)
        dataset = copy.copy(dataset)
        dataset.pipeline = Compose(self.pipeline)
        size = runner.train_dataloader.batch_size
        for epoch in range(self.copies):
            runner.logger.info(f'Teacher: copy {epoch + 1} of {self.copies} of {len(dataset)} samples')
            for first in range(0, len(dataset), size):
                samples = [dataset[index] for index in range(first, min(first + size, len(dataset)))]
                data = self.teacher.data_preprocessor(pseudo_collate(samples), training=True)
                feats, _ = self.teacher.extract_feat(data['inputs'])
                self.teacher.cls_head.collect(feats, data['data_samples'])
        chosen = self.teacher.cls_head.fit()
        runner.logger.info('Teacher: ' + ', '.join(f'{name} {value:.4g}' for name, value in chosen.items()))

    @torch.no_grad()
    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Soften the labels of a batch."""
        assert data_batch is not None
        head, samples = self.teacher.cls_head, data_batch['data_samples']
        if missing := [sample for sample in samples if 'teacher_input' not in sample.metainfo]:
            raise ValueError(
                f'TeacherHook: sample {missing[0].get("frame_dir")!r}: expected an input for the teacher; put '
                "AddTeacherInput into the training pipeline, and give PackActionInputs meta_keys=('frame_dir', "
                "'teacher_input')"
            )
        inputs = torch.from_numpy(np.stack([sample.teacher_input for sample in samples]))
        feats, _ = self.teacher.extract_feat(inputs.to(head.samples))
        soft = head.left_out(feats, samples).softmax(dim=1).unflatten(0, (len(samples), -1)).mean(dim=1).cpu()
        for sample, probability in zip(samples, soft, strict=True):
            label = one_hot(sample.gt_label.squeeze(0), head.num_classes).to(probability)
            sample.set_gt_label((1 - self.weight) * label + self.weight * probability)
