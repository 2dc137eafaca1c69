"""Two-person interactions from an annotation file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import DATASETS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from ..errors import InputError
from ..keypoints import NO_INTERACTION
from ..skeletons import SKELETONS, Skeleton, get_skeleton
from .files.annotations import load_annotations, select_split, validate_annotation
from .files.limits import MOST_CLASSES
from .files.stored_samples import StoredSamples
from .files.validation import SHORT

# A list of classes, or new names and the classes that each is made of: one, several or none.
Classes = Sequence[str | int] | Mapping[str, str | int | Sequence[str | int] | None]

# What a sample gives to the pipeline; anything else in a file only costs memory in every worker.
_FIELDS = ('frame_dir', 'label', 'total_frames', 'keypoint', 'keypoint_score', 'img_shape', 'original_shape', 'fps')


def select_classes(classes: Classes, names: Sequence[str] | None, num_classes: int, source: str) -> dict[int, int]:
    """Original label to new label ``0 .. n - 1`` of a subset of classes, in the order given.

    Args:
        classes: Class names or original label numbers; or a dictionary of new names, each with one of these, a list of
            several that become one, or None where the data has no such class.
        names: All class names, if known.
        num_classes: How many classes there are.
        source: Who asks, for the messages.

    Raises:
        InputError: If a class is unknown or there twice, or the subset is empty or no list.
    """
    if isinstance(classes, str) or not classes:
        raise InputError(f'{source}: expected classes to be a list of at least one class, got {classes!r}')
    names = list(names or ())
    known = names or f'the label numbers 0 to {num_classes - 1}; metainfo=dict(classes=[...]) gives names'
    mapping: dict[int, int] = {}
    groups = [[item] for item in classes] if not isinstance(classes, Mapping) else map(_as_list, classes.values())
    for new_label, item in ((new_label, item) for new_label, group in enumerate(groups) for item in group):
        label = -1
        if isinstance(item, str) and item in names:
            label = names.index(item)
        elif isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            label = int(item)
        if not 0 <= label < num_classes:
            raise InputError(f'{source}: unknown class {item!r}; known are {known}')
        if label in mapping:
            raise InputError(f'{source}: class {item!r} is there twice in classes={classes}')
        mapping[label] = new_label
    return mapping


def in_order(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Named classes in the order of their names, with ``no interaction`` at the end, as ``AddNoInteraction`` has it.

    The order of a dictionary is not kept when mmengine writes a config: labels of one that was read again would be
    others.
    """
    return {name: classes[name] for name in sorted(classes, key=lambda name: (name == NO_INTERACTION, str(name)))}


def check_num_classes(num_classes: int, dataset: Any, setting: str = 'model.cls_head.num_classes') -> None:
    """Whether a model has as many classes as the data, before anything is trained or tested.

    Args:
        num_classes: Of the model.
        dataset: What it is trained or tested on; wrappers such as ``ConcatDataset`` and ``RepeatDataset`` are looked
            into. Where nobody names the classes, as in files of PYSKL, the data may have fewer than the model;
            datasets that say nothing of classes pass.
        setting: What a config calls the number, for the message.

    Raises:
        InputError: If the numbers differ; names both, and the file.
    """
    inside = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inside != [None]:
        for inner in inside:
            check_num_classes(num_classes, inner, setting)
        return
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None or num_classes == len(classes):
        return
    if num_classes < len(classes) or getattr(dataset, 'names_classes', True):
        source = getattr(dataset, 'ann_file', '') or type(dataset).__name__
        known = SHORT.repr(list(classes))
        raise InputError(f'{setting}: expected {len(classes)}, the classes of {source} ({known}), got {num_classes}')


def _as_list(item: Any) -> list:
    return [] if item is None else list(item) if isinstance(item, (list, tuple)) else [item]


# mmaction2's BaseActionDataset would import all of its datasets, and scipy.stats, to add start_index and modality
class PairDataset(BaseDataset):
    """What the datasets of this package share: float32 keypoints, and what they say about themselves.

    Each sample goes to the pipeline with ``layout``, the :class:`~asea_mm.skeletons.Skeleton` itself, so that no
    transform has to make it anew, and with the ``start_index`` and ``modality`` that mmaction2 expects.
    ``metainfo`` has ``classes``, ``units`` (``''`` where nobody says) and ``layout``: its name, or the dictionary of
    fields of one that is not in the table.
    """

    names_classes = True  # whether `classes` of `metainfo` are all there are; else, up to the highest label
    source_name = ''  # of one of several that are used together: ids begin with it, since both may have a '001'
    _skeleton: Skeleton
    _metainfo: dict

    def _describe_data(self, skeleton: Skeleton, classes: Sequence[str], units: str, **facts: Any) -> None:
        """Set what the data says about itself, beside what the user said in ``metainfo``."""
        self._skeleton = skeleton
        about = {'classes': tuple(classes), 'layout': skeleton.described, 'units': units, **facts}
        self._metainfo = {**self._metainfo, **about}

    def get_data_info(self, idx: int) -> dict:
        """One sample before the pipeline, its arrays a copy of their own.

        Shapes:
            - keypoint: ``(M, T, V, C)``, float32
            - keypoint_score: ``(M, T, V)``, float32
        """
        info = self._read(super().get_data_info(idx))
        info.update(layout=self._skeleton, start_index=0, modality='Pose')
        if self.source_name:
            info['frame_dir'] = f'{self.source_name}/{info["frame_dir"]}'
        for name in ('keypoint', 'keypoint_score'):
            if name in info:  # files store half precision, which no transform should compute in
                info[name] = np.asarray(info[name], dtype=np.float32)
        return info

    def _read(self, info: dict) -> dict:
        """Complete what the data list holds of a sample."""
        return info

    def sample_names(self) -> list[tuple[str, int]]:
        """Name and number of frames of every sample; their arrays are not read."""
        infos = [BaseDataset.get_data_info(self, index) for index in range(len(self))]
        return [(str(info['frame_dir']), int(info['total_frames'])) for info in self._headers(infos)]

    def _headers(self, infos: list[dict]) -> list[dict]:
        """What is known of samples without their arrays, for what the data list holds of them."""
        return infos

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of a sample, for mmengine's ``ClassBalancedDataset``."""
        return [super().get_data_info(idx)['label']]


@DATASETS.register_module()
class InteractionPoseDataset(PairDataset):
    """Skeletons of two persons from an annotation file, with splits, folds and class subsets.

    The file is ours, mmaction2's or PYSKL's (see :mod:`asea_mm.datasets.files.annotations`) and is read without running
    code from it. Every sample used is checked when the file is loaded; none is ever skipped, and a transform that
    returns ``None`` is an error. Samples of a file that ``save_annotations`` wrote stay on disk, where worker processes
    share them: each is read, and its values are checked, when it is asked for.

    Args:
        ann_file: Annotation file.
        pipeline: Transforms.
        split: Name of the split in the file, e.g. ``'xsub_train'``; all samples if ``None``. With ``fold``,
            ``'train'`` or ``'val'``.
        fold: Cross-validation fold; the split in the file is then ``f'fold{fold}_{split}'``.
        classes: Classes to keep, as names or original label numbers, relabelled 0, 1, ... in this order; samples of
            all others are left out, and the log says how many. A dictionary gives classes new names, which other data
            may share: ``{'attack': ['kicking', 'punching'], 'hug': None}``; they are in the order of their names, and
            ``no interaction`` is the last. All classes if ``None``.
        fps: Frames per second of samples that do not say, for ``ResampleFrameRate``.
        layout: Skeleton layout (a name or a dictionary of fields); by default what the file's ``meta`` says. Files of
            mmaction2 and PYSKL do not say: give ``'nturgbd25'`` for NTU RGB+D, ``'coco17'`` for HRNet poses.
        test_mode: For testing and validation.
        metainfo: Extra meta information. ``classes`` in it names the classes of a file that does not, or anew.
        data_root: Folder that a relative ``ann_file`` starts from.
        indices: The first ``indices`` samples only, or those with these indices.

    Raises:
        FileNotFoundError: If the file does not exist.
        InputError: If the file, the split, the fold, the classes, the layout or any sample used is not as it should
            be; the message names the file, and the sample where there is one.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: list[dict | ConfigDict | Callable],
        split: str | None = None,
        fold: int | None = None,
        classes: Classes | None = None,
        fps: float | None = None,
        layout: str | Mapping | Skeleton | None = None,
        test_mode: bool = False,
        metainfo: Mapping | Config | None = None,
        data_root: str = '',
        indices: int | Sequence[int] | None = None,
    ) -> None:
        if fold is not None and split not in ('train', 'val'):
            raise InputError(
                f"InteractionPoseDataset: with fold={fold!r}, split must be 'train' or 'val', got {split!r}"
            )
        self.split = split if fold is None else f'fold{fold}_{split}'
        self.classes = in_order(classes) if isinstance(classes, Mapping) else classes
        self.fps = fps
        self.layout = layout
        self._stored: StoredSamples | None = None
        super().__init__(
            ann_file,
            pipeline=pipeline,
            test_mode=test_mode,
            metainfo=metainfo,
            data_root=data_root,
            indices=indices,
            max_refetch=0,
        )

    def load_data_list(self) -> list[dict]:
        path = self.ann_file
        content = load_annotations(path, lazy=True)
        annotations, meta = content['annotations'], content['meta']
        if isinstance(annotations, StoredSamples):
            self._stored = annotations
            content['annotations'] = annotations = [
                {**header, 'number': number} for number, header in enumerate(annotations.headers())
            ]
        layout = self.layout if self.layout is not None else meta.get('layout')
        if layout is None:
            raise InputError(
                f"{path}: the file does not say which skeleton it has; give layout='nturgbd25' (or another of "
                f'{sorted(SKELETONS)}, or a dictionary of fields) to InteractionPoseDataset'
            )
        try:
            skeleton = get_skeleton(layout)
        except InputError as error:
            raise InputError(f'{path}: {error}') from None

        named = meta.get('classes')
        names = self._metainfo.get('classes', named)
        if named is not None and len(names) != len(named):
            raise InputError(f'{path}: expected metainfo to name its {len(named)} classes, got {len(names)} names')
        self.names_classes = names is not None or self.classes is not None
        if names is not None:
            num_classes = len(names)
        else:  # of the whole file, so that all its splits agree
            labels = [item.get('label') for item in annotations]
            largest = max((label for label in labels if isinstance(label, (int, np.integer))), default=0)
            num_classes = min(1 + largest, MOST_CLASSES)
        used = annotations if self.split is None else select_split(content, self.split, path)
        known_names = [str(label) for label in range(num_classes)] if names is None else list(names)
        classes = range(num_classes) if self.classes is None else self.classes
        mapping = select_classes(classes, names, num_classes, path)

        data_list, coordinates = [], set()
        fields = _FIELDS if self._stored is None else ('number', 'label')
        for annotation in used:
            validate_annotation(annotation, skeleton.num_joints, num_classes, path, values=self._stored is None)
            if annotation['label'] in mapping:
                coordinates.add(annotation['keypoint'].shape[-1])
                sample = {name: annotation[name] for name in fields if annotation.get(name) is not None}
                sample['label'] = mapping[int(annotation['label'])]
                data_list.append(sample)
        if len(data_list) < len(used):
            print_log(f'{path}: {len(used) - len(data_list)} of {len(used)} samples are of other classes', 'current')
        if not data_list:
            raise InputError(f'{path}: no samples in split {self.split!r} with classes {self.classes!r}')
        if len(coordinates) > 1:
            raise InputError(f'{path}: some samples have 2 coordinates and some have 3; a split must have one kind')
        units = str(meta.get('units') or '')
        new_names = list(classes) if isinstance(classes, Mapping) else [known_names[label] for label in mapping]
        self._describe_data(skeleton, new_names, units)
        return data_list

    def _headers(self, infos: list[dict]) -> list[dict]:
        headers = [] if self._stored is None else list(self._stored.headers())
        return [headers[info['number']] for info in infos] if headers else infos

    def _read(self, info: dict) -> dict:
        if self._stored is not None:
            sample = self._stored[info.pop('number')]
            validate_annotation(sample, None, None, self.ann_file)  # the rest was checked when the file was loaded
            info = {**{name: sample[name] for name in _FIELDS if sample.get(name) is not None}, **info}
        if self.fps is not None:
            info.setdefault('fps', self.fps)
        return info
