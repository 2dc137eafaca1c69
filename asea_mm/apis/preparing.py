"""A clip on its way into a model: through the test pipeline of its config."""

from typing import Any

from mmaction.registry import TRANSFORMS

from ..datasets.recordings.finish import Sample
from ..datasets.recordings.together import check_metres
from ..datasets.transforms import ProjectTo2D
from ..errors import InputError
from .loading import TrainedModel, mmaction_scope, part_name
from .windows import whole_number


class ClipPipeline:
    """The test pipeline of a model, which is not several as one.

    Args:
        trained: The model.
        num_clips: As of :class:`InteractionInferencer`.

    Raises:
        InputError: If ``num_clips`` is given and the pipeline samples no clips.
    """

    def __init__(self, trained: TrainedModel, num_clips: int | None = None) -> None:
        self._skeleton, self._channels, self._in_metres = trained.skeleton, trained.channels, trained.in_metres
        steps = [dict(step) for step in trained.pipeline]
        if num_clips is not None:
            samplers = [step for step in steps if part_name(step) == 'SampleClip']
            if not samplers:
                raise InputError('num_clips: the test pipeline of this model has no SampleClip step')
            samplers[-1]['num_clips'] = whole_number('num_clips', num_clips)
            steps = [step for step in steps if part_name(step) != 'AddTurnedClips']
        with mmaction_scope():
            self._transforms = [TRANSFORMS.build(step) for step in steps]

    def __call__(self, clip: Sample) -> dict:
        """A clip as input of the model; its arrays may be written into.

        Raises:
            InputError: If a transform refuses it, it cannot be in metres as training was, or the model was trained on
                other channels.
        """
        if self._in_metres and clip.keypoint.shape[-1] == 3:
            check_metres(clip.keypoint, clip.name)
        data: Any = {
            **clip.extra,
            'frame_dir': clip.name,
            'total_frames': clip.keypoint.shape[1],
            'keypoint': clip.keypoint,
            'layout': self._skeleton,
            'modality': 'Pose',
            'start_index': 0,
            'sample_idx': 0,
        }
        if clip.score is not None:
            data['keypoint_score'] = clip.score
        if clip.fps is not None:
            data['fps'] = clip.fps
        for transform in self._transforms:
            if isinstance(transform, ProjectTo2D) and clip.keypoint.shape[-1] == 2:
                continue  # of a model for poses in images that was tested on scenes in space
            try:
                data = transform(data)
            except InputError as error:
                raise error if str(error).startswith(clip.name) else InputError(f'{clip.name}: {error}') from None
            if data is None:
                raise InputError(f'{clip.name}: {type(transform).__name__} of the test pipeline returned None')
        got = data['inputs'].shape[-1]
        if self._channels and got != self._channels:
            raise InputError(
                f'{clip.name}: expected keypoints that give {self._channels} channels behind the test pipeline, as in '
                f'training, got {got} from {clip.keypoint.shape[-1]} coordinates '
                f'{"without scores" if clip.score is None else "and their scores"}'
            )
        return data
