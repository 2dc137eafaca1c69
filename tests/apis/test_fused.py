"""Several models as one: scores are those of the members, fused; recordings, layouts, streams and refusals."""

import copy

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample

from asea_mm.apis import InteractionInferencer, StreamingRecognizer
from asea_mm.apis.fusing import write_fused
from asea_mm.apis.loading import load_model
from asea_mm.deploy.export import export_model
from asea_mm.errors import InputError
from asea_mm.evaluation.fusion import fuse_scores
from asea_mm.layout_mapping import LayoutMapping
from asea_mm.skeletons import get_skeleton

from .conftest import tiny_config, write_checkpoint

NTU = get_skeleton('nturgbd25')


def changed(path, change):
    """A checkpoint whose meta and config are changed."""
    content = torch.load(path, weights_only=False)
    change(content)
    torch.save(content, path)
    return path


@pytest.fixture(scope='module')
def members(checkpoint, config, dataset, tmp_path_factory):
    """A network; one of common13, of one stream, calibrated, its classes in another order; a kernel regression."""
    folder = tmp_path_factory.mktemp('members')
    cfg = copy.deepcopy(config)
    cfg.model.backbone.update(layout='common13', in_channels=3, interaction=None)
    pipeline = cfg.test_dataloader.dataset.pipeline
    next(step for step in pipeline if step['type'] == 'GenerateStream')['stream'] = 'bone'
    pipeline.insert(0, dict(type='MapLayout', layout='common13'))
    about = {**dataset.metainfo, 'classes': dataset.metainfo['classes'][::-1]}
    mapped = write_checkpoint(folder / 'mapped.pth', cfg, about)
    changed(mapped, lambda content: content['meta'].update(calibration={'temperature': 1.7}))

    cfg = tiny_config('asea_demo')
    cfg.model.backbone = dict(type='ClipStatistics', layout='nturgbd25', in_channels=3)
    cfg.model.cls_head = dict(type='KernelRidgeHead', num_classes=len(dataset.metainfo['classes']))
    model = MODELS.build(cfg.model)
    for sample in DATASETS.build(cfg.test_dataloader.dataset):
        label = int(sample['data_samples'].gt_label)
        named = ActionDataSample(metainfo=dict(frame_dir=sample['data_samples'].frame_dir)).set_gt_label(label)
        model(sample['inputs'][None].float(), [named], mode='loss')
    model.cls_head.fit()
    kernel = folder / 'kernel.pth'
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dataset.metainfo)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), kernel)
    return [checkpoint, mapped, kernel]


def scores_of(inferencer, samples):
    return np.array([result.scores for result in inferencer(samples)])


def expected(members, samples, weights, rule, **options):
    """Each member on its own, its classes in the order of the first."""
    alone = [InteractionInferencer(path, **options) for path in members]
    rows = [scores_of(one, samples)[:, [one.classes.index(name) for name in alone[0].classes]] for one in alone]
    return fuse_scores(np.stack(rows), weights, rule)


@pytest.mark.parametrize(('weights', 'rule'), [((0.5, 0.3, 0.2), 'sum'), ((2, 1, 0), 'product'), (None, 'product')])
def test_scores_are_those_of_the_members_fused(members, samples, tmp_path, weights, rule):
    write_fused(members, tmp_path / 'fused.pth', weights, rule)
    fused = InteractionInferencer(tmp_path / 'fused.pth')
    got = scores_of(fused, samples)
    np.testing.assert_allclose(got, expected(members, samples, weights or (1, 1, 1), rule), atol=1e-6)
    assert fused.classes == InteractionInferencer(members[0]).classes
    at_once = InteractionInferencer(members, model_weights=weights, rule=rule)
    np.testing.assert_array_equal(scores_of(at_once, samples), got)


def test_the_whole_has_a_temperature_of_its_own(members, samples, tmp_path):
    path = tmp_path / 'fused.pth'
    write_fused(members, path)
    plain = scores_of(InteractionInferencer(path), samples)
    changed(path, lambda content: content['meta'].update(calibration={'temperature': 2.0}))
    roots = np.sqrt(plain)
    expected_scores = roots / roots.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores_of(InteractionInferencer(path), samples), expected_scores, atol=1e-5)


def test_a_member_whose_keypoints_have_another_layout(members, config, dataset, samples, tmp_path):
    """It is given the joints of the first, and both are given those of any recording."""
    cfg = copy.deepcopy(config)
    cfg.model.backbone.layout = 'common13'
    cfg.test_dataloader.dataset.pipeline.insert(0, dict(type='MapLayout', layout='common13'))
    about = {**dataset.metainfo, 'layout': 'common13'}
    common = write_checkpoint(tmp_path / 'common.pth', cfg, about)

    def without_mapping(content):
        del cfg.test_dataloader.dataset.pipeline[0]
        content['meta']['cfg'] = cfg.pretty_text

    changed(common, without_mapping)
    both = InteractionInferencer([members[0], common])
    assert both.skeleton.name == 'nturgbd25'
    np.testing.assert_allclose(
        scores_of(both, samples), expected([members[0], common], samples, (1, 1), 'sum', layout='nturgbd25'), atol=1e-6
    )
    keypoint, _ = LayoutMapping(NTU, get_skeleton('kinect20')).apply(samples[0])
    both = InteractionInferencer([members[0], common], layout='kinect20')
    alone = expected([members[0], common], [keypoint], (1, 1), 'sum', layout='kinect20')
    np.testing.assert_allclose(scores_of(both, [keypoint]), alone, atol=1e-6)
    assert InteractionInferencer([common, members[0]]).skeleton.name == 'common13'


def test_joints_are_told_of_the_first_member_that_chooses_some(members, samples):
    alone = InteractionInferencer(members[0])(samples[0], explain=True).best
    told = InteractionInferencer(members[::-1])(samples[0], explain=True).best
    assert told.active_joints == alone.active_joints
    np.testing.assert_allclose(told.attention[0].mean, alone.attention[0].mean, atol=1e-6)
    assert not InteractionInferencer(members[1:])(samples[0], explain=True).best.active_joints


def test_fewer_clips_and_fused_batch_norms(members, samples):
    options = dict(num_clips=1, fuse=True)
    got = scores_of(InteractionInferencer(members, **options), samples)
    np.testing.assert_allclose(got, expected(members, samples, (1, 1, 1), 'sum', **options), atol=1e-5)


def test_windows_and_streams(members, samples):
    inferencer = InteractionInferencer(members, rule='product')
    frames = samples[0][:, :24]
    (window,) = inferencer(frames, window=24).best.windows
    stream = StreamingRecognizer(inferencer, window=24, stride=1, min_shared=0.01)
    for frame in frames.swapaxes(0, 1):
        results = stream.push(dict(enumerate(frame)))
    np.testing.assert_allclose(results[0].scores, window.scores, atol=1e-5)


def test_scores_that_are_not_finite_name_the_sample(members, samples):
    inferencer = InteractionInferencer(members, rule='product')
    inferencer.model.members[0].cls_head.fc.bias.data.fill_(np.nan)
    with pytest.raises(InputError, match='not finite'):
        inferencer(samples[0])


def of_other_classes(content):
    content['meta']['dataset_meta']['classes'] = ('another', *content['meta']['dataset_meta']['classes'][1:])


def of_logits(content):
    content['meta']['cfg'] = content['meta']['cfg'].replace(
        "type='InteractionHead'", "average_clips='score', type='InteractionHead'"
    )


def of_three_persons(content):
    content['meta']['cfg'] = content['meta']['cfg'].replace('num_person=2', 'num_person=3')


@pytest.mark.parametrize(
    ('change', 'words'),
    [(of_other_classes, ['other classes', 'another']), (of_logits, ['average_clips']), (of_three_persons, ['persons'])],
)
def test_models_that_do_not_go_together_are_refused(checkpoint, tmp_path, change, words):
    other = tmp_path / 'other.pth'
    other.write_bytes(checkpoint.read_bytes())
    changed(other, change)
    with pytest.raises(InputError) as caught:
        write_fused([checkpoint, other], tmp_path / 'fused.pth')
    assert all(word in str(caught.value) for word in ['other.pth', *words])
    assert not (tmp_path / 'fused.pth').exists()


def test_models_of_pictures_and_of_space_are_refused(checkpoint, config, dataset, tmp_path):
    cfg = copy.deepcopy(config)
    flat = [
        step for step in cfg.test_dataloader.dataset.pipeline if step['type'] not in ('AlignFacing', 'AddTurnedClips')
    ]
    cfg.test_dataloader.dataset.pipeline = flat
    path = write_checkpoint(tmp_path / 'flat.pth', cfg, dataset.metainfo)

    def flatten(content):
        cfg.model.backbone.in_channels = 4
        content['meta']['cfg'] = cfg.pretty_text
        content['state_dict'] = MODELS.build(cfg.model).state_dict()

    changed(path, flatten)
    with pytest.raises(InputError, match='coordinates 2 and 3'):
        write_fused([checkpoint, path], tmp_path / 'fused.pth')


def test_wrong_uses_are_refused(members, config, tmp_path):
    path = tmp_path / 'fused.pth'
    write_fused(members, path)
    for wrong in ([members[0]], [members[0], members[0]], [members[0], path]):
        with pytest.raises(InputError):
            InteractionInferencer(wrong)
    for weights in ((1,), (0, 0, 0), (1, -1, 1), (1, float('nan'), 1)):
        with pytest.raises(InputError, match='3 weights of at least 0'):
            InteractionInferencer(members, model_weights=weights)
    with pytest.raises(InputError, match='model_weights'):
        InteractionInferencer(members[0], model_weights=(1,))
    with pytest.raises(InputError, match=r'tiny\.pth, mapped\.pth, kernel\.pth.*not exported'):
        load_model(config, path)
    with pytest.raises(InputError, match='export each of them'):
        export_model(load_model(path), tmp_path / 'fused.onnx')
    with pytest.raises(InputError, match='not trained'):
        load_model(path).model([], [], mode='loss')


@pytest.mark.parametrize('wrong', [[], 'x', [{'file': 'a', 'meta': {}}], [{'file': 1, 'meta': {}}] * 3, [[]] * 3])
def test_damaged_metas_of_members_are_errors_of_the_file(members, tmp_path, wrong):
    path = tmp_path / 'fused.pth'
    write_fused(members, path)
    changed(path, lambda content: content['meta'].update(members=wrong))
    with pytest.raises(InputError, match=r'fused\.pth'):
        InteractionInferencer(path)
