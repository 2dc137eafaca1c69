"""The inferencer gives the scores of the test tool, on any input, in any batch."""

import copy
import json
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from mmaction.registry import TRANSFORMS
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from asea_mm.apis import InteractionInferencer
from asea_mm.apis.windows import window_ranges
from asea_mm.datasets import save_annotations
from asea_mm.datasets.recordings.finish import Sample
from asea_mm.errors import InputError
from asea_mm.evaluation.report import InteractionReport  # noqa: F401  (registered)

SAME = dict(rtol=0, atol=1e-6)


@pytest.fixture(scope='module')
def of_the_tool(config, checkpoint, tmp_path_factory):
    """Ids and scores that tools/test.py leaves behind."""
    folder = tmp_path_factory.mktemp('tested')
    cfg = config.copy()
    cfg.work_dir, cfg.load_from, cfg.log_level = str(folder), str(checkpoint), 'ERROR'
    cfg.test_evaluator = [dict(type='InteractionReport', out_dir=str(folder))]
    cfg.experiment_name = 'test_inferencer'
    Runner.from_cfg(cfg).test()
    with np.load(folder / 'scores.npz', allow_pickle=False) as content:
        return content['ids'].tolist(), content['scores']


@pytest.mark.parametrize(('batch_size', 'fuse'), [(7, False), (32, True)])
def test_scores_are_those_of_the_test_tool(of_the_tool, checkpoint, dataset, batch_size, fuse):
    ids, scores = of_the_tool
    annotations = [dataset.get_data_info(index) for index in range(len(dataset))]
    results = InteractionInferencer(checkpoint, fuse=fuse)(annotations, batch_size=batch_size)
    assert [result.name for result in results] == ids
    np.testing.assert_allclose([result.scores for result in results], scores, **SAME)
    assert len({result.label for result in results}) > 1
    assert np.ptp(scores, axis=0).max() > 0.1, 'the scores must depend on the sample'


def test_whole_result(inferencer, samples):
    result = inferencer(samples[0], topk=3)
    assert (result.name, result.num_frames, result.num_person) == ('input', samples[0].shape[1], 2)
    (pair,) = result.pairs
    assert (pair.persons, pair.person_names, pair.attention) == ([0, 1], ['1', '2'], [])
    assert sum(pair.scores) == pytest.approx(1, abs=1e-5)
    assert [candidate.label for candidate in pair.top_k] == np.argsort(-np.array(pair.scores))[:3].tolist()
    assert (pair.label, pair.label_name) == (result.label, inferencer.classes[int(np.argmax(pair.scores))])
    (window,) = pair.windows
    assert (window.start, window.stop, window.scores) == (0, result.num_frames, pair.scores)
    assert [joints.person for joints in pair.active_joints] == [0, 1]
    assert set(pair.active_joints[0].layers) == {'backbone.blocks.0.interaction', 'backbone.blocks.1.interaction'}


def test_forms_of_one_sample_agree(inferencer, samples, tmp_path):
    keypoint = samples[0]
    save_annotations(
        tmp_path / 'one.pkl',
        [dict(frame_dir='one', label=0, total_frames=keypoint.shape[1], keypoint=keypoint)],
        split=dict(val=['one'], fold2_val=['one'], fold2_train=[]),
        meta=dict(layout='nturgbd25', classes=inferencer.classes, source='x', units='m'),
    )
    np.save(tmp_path / 'one.npy', keypoint)
    np.savez(tmp_path / 'two.npz', keypoint=keypoint)
    frames = [
        dict(persons=[dict(id=name, keypoint=keypoint[k, t].tolist()) for k, name in enumerate('71')])
        for t in range(keypoint.shape[1])
    ]
    (tmp_path / 'three.json').write_text(json.dumps(dict(frames=frames)))
    files = (tmp_path / 'one.npy', str(tmp_path / 'two.npz'), tmp_path / 'three.json')
    single = [inferencer(source) for source in (keypoint, torch.from_numpy(keypoint), dict(keypoint=keypoint), *files)]
    many = [inferencer(tmp_path / 'one.pkl', **options)[0] for options in ({}, {'split': 'val'}, {'fold': 2})]
    many += inferencer([keypoint])
    for result in [*single, *many]:
        np.testing.assert_allclose(result.scores, single[0].scores, **SAME)
    assert single[-1].pairs[0].person_names == ['7', '1'], 'not its number, 1, counted from 1'
    assert many[0].name == 'one'


def test_units_and_axis_of_arrays(inferencer, samples):
    keypoint = samples[0]
    x, y, z = np.moveaxis(keypoint, -1, 0)
    turned = 1000 * np.stack([x, -z, y], axis=-1).astype(np.float64)
    result = inferencer(turned, units='millimetre', up='z')
    np.testing.assert_allclose(result.scores, inferencer(keypoint).scores, rtol=0, atol=1e-4)


def test_batch_equals_single(inferencer, samples):
    batch = inferencer(samples, batch_size=4)
    for keypoint, result in zip(samples, batch, strict=True):
        np.testing.assert_allclose(result.scores, inferencer(keypoint).scores, **SAME)
    explained = inferencer(samples, batch_size=4, explain=True)
    for keypoint, result in zip(samples, explained, strict=True):
        alone = inferencer(keypoint, explain=True)
        assert result.pairs[0].active_joints == alone.pairs[0].active_joints
        for found, expected in zip(result.pairs[0].attention, alone.pairs[0].attention, strict=True):
            np.testing.assert_allclose(found.mean, expected.mean, **SAME)
    assert len({str(result.pairs[0].active_joints) for result in explained}) > 1, 'or samples could be mixed up'


@pytest.mark.parametrize(('persons', 'chosen', 'pairs'), [(1, [0], 1), (2, [0, 1], 1), (5, [0, 3], 10)])
def test_any_number_of_persons(inferencer, crowd, persons, chosen, pairs):
    result = inferencer(crowd[:persons])
    assert (result.num_person, result.best.persons) == (persons, chosen)
    np.testing.assert_allclose(result.scores, inferencer(crowd[chosen]).scores, **SAME)
    every = inferencer(crowd[:persons], pairs='all')
    assert len(every.pairs) == pairs
    assert every.best.score == max(pair.score for pair in every.pairs)


def test_groups_of_persons(crowd):
    def groups(pairs, **more):
        return Sample('clip', keypoint, **more).groups(2, pairs)

    keypoint = crowd[[0, 3, 1]].copy()
    assert groups(None) == [(0, 1)]
    named = {'person_names': ['7', '2', '0']}
    assert groups([('2', '7'), (0, 2), ('0',)], **named) == [(1, 0), (0, 2), (2,)]
    with pytest.raises(InputError, match=r"of 3 \(7, 2, 0\) in a pair.*got \('1', '2'\)"):
        groups([('1', '2')], **named)
    assert groups(None, likeliest=(0, 2)) == [(0, 2)]
    keypoint[0, 4:], keypoint[2, :4] = 0, 0
    assert groups('all') == [(0, 1), (1, 2)]
    for pairs in ([(2, 0)], np.array([[2, 0]]), ([2, 0],)):
        assert groups(pairs) == [(2, 0)]


@pytest.mark.parametrize(
    ('total', 'window', 'overlap', 'expected'),
    [
        (10, None, 0, [(0, 10)]),
        (10, 4, 0, [(0, 4), (4, 8), (6, 10)]),
        (10, 4, 2, [(0, 4), (2, 6), (4, 8), (6, 10)]),
        (10, 10, 5, [(0, 10)]),
        (1, 4, 3, [(0, 1)]),
    ],
)
def test_window_ranges(total, window, overlap, expected):
    assert window_ranges(total, window, overlap) == expected


@pytest.mark.parametrize('merge', ['mean', 'max'])
def test_windows_are_clips_of_their_own(inferencer, samples, merge):
    keypoint = samples[0]
    result = inferencer(keypoint, window=16, overlap=4, merge=merge)
    windows = result.pairs[0].windows
    assert [(window.start, window.stop) for window in windows] == window_ranges(keypoint.shape[1], 16, 4)
    for window in windows:
        alone = inferencer(keypoint[:, window.start : window.stop])
        np.testing.assert_allclose(window.scores, alone.scores, **SAME)
    every = np.array([window.scores for window in windows])
    np.testing.assert_allclose(result.scores, every.mean(0) if merge == 'mean' else every.max(0), **SAME)


def test_results_are_what_json_holds(inferencer, crowd):
    result = inferencer(crowd, pairs='all', window=20, explain=True).to_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result['pairs'][0]['attention']


def test_explanation(inferencer, samples):
    (pair,) = inferencer(samples[0], explain=True).pairs
    joints = inferencer.skeleton.joints
    for active, attention in zip(pair.active_joints, pair.attention, strict=True):
        assert attention.person == active.person
        assert attention.others == [1 - active.person]
        assert set(attention.layers) == set(active.layers)
        weights = np.array(attention.mean)
        assert weights.shape == (25, 25)
        share = np.array([active.share.get(joint, 0) for joint in joints])
        np.testing.assert_allclose(weights.sum(axis=1), share, atol=1e-5)
        other = pair.active_joints[1 - active.person]
        assert not weights[:, [joints.index(joint) for joint in joints if joint not in other.share]].any()
        assert list(active.share.values()) == sorted(active.share.values(), reverse=True)
        assert 0 < len(active.share) < 25


def test_explanations_of_windows_are_their_mean(inferencer, samples):
    keypoint = samples[0][:, :32]
    whole = inferencer(keypoint, window=16, overlap=0, explain=True).pairs[0]
    halves = [inferencer(keypoint[:, start : start + 16], explain=True).pairs[0] for start in (0, 16)]
    for row in (0, 1):
        expected = np.mean([half.attention[row].mean for half in halves], axis=0)
        np.testing.assert_allclose(whole.attention[row].mean, expected, atol=1e-5)
        for joint, share in whole.active_joints[row].share.items():
            parts = [half.active_joints[row].share.get(joint, 0) for half in halves]
            assert share == pytest.approx(np.mean(parts), abs=1e-6)


def test_fewer_clips_and_steps_that_are_classes(checkpoint, config, samples):
    classes = copy.deepcopy(config)
    for step in classes.test_dataloader.dataset.pipeline:
        step['type'] = TRANSFORMS.get(step['type'])
    for model, number in (((checkpoint,), 1), ((checkpoint,), np.int64(3)), ((classes, checkpoint), 2)):
        inferencer = InteractionInferencer(*model, num_clips=number)
        assert inferencer.prepare(Sample('clip', samples[0]))['inputs'].shape[0] == number
    with pytest.raises(InputError, match='num_clips'):
        InteractionInferencer(checkpoint, num_clips=0)


def test_numbers_of_numpy_and_tensors_with_gradients(inferencer, samples):
    tensor = torch.from_numpy(samples[0]).requires_grad_()
    result = inferencer(tensor, window=np.int64(16), overlap=np.int32(8), topk=np.int64(2), batch_size=np.uint8(4))
    assert len(result.top_k) == 2
    assert result.scores == inferencer(samples[0], window=16, overlap=8, batch_size=4).scores
    assert inferencer(dict(keypoint=tensor)).scores == inferencer(samples[0]).scores


def test_a_bad_input_is_reported_and_the_others_go_on(inferencer, samples, tmp_path):
    keypoint = samples[0][:, :16]
    for name in 'ac':
        np.save(tmp_path / f'{name}.npy', keypoint)
    (tmp_path / 'b.npy').write_bytes(b'damaged')
    np.save(tmp_path / 'd.npy', keypoint[..., :2])
    errors, names = [], []
    options = dict(on_result=lambda sample, result: names.append((sample.name, result.name)), on_error=errors.append)
    inputs = [keypoint, tmp_path, tmp_path / 'none.npy', np.full_like(keypoint, 2e3), keypoint]
    results = inferencer(inputs, batch_size=2, **options)
    assert [result.name for result in results] == ['input 0', 'a', 'c', 'input 4']
    assert names == [(result.name, result.name) for result in results]
    for result in results:
        np.testing.assert_allclose(result.scores, results[0].scores, **SAME)
    assert [str(error).split(':')[0].rpartition('/')[2] for error in errors] == ['b.npy', 'd', 'none.npy', 'input 3']
    assert inferencer(tmp_path / 'b.npy', **options) is None
    with pytest.raises(InputError, match=r'b\.npy'):
        inferencer(tmp_path)


def test_inputs_are_read_when_the_model_is_ready_for_them(inferencer, samples, tmp_path):
    """What comes after a bad input is not read; what came before has its result."""
    seen = []
    with pytest.raises(FileNotFoundError, match='none'):
        inferencer(
            [samples[0], samples[1], 'none.npy'], batch_size=1, on_result=lambda _, result: seen.append(result.name)
        )
    assert seen == ['input 0', 'input 1']


@TRANSFORMS.register_module()
class WritesInPlace:
    """Doubles the coordinates, in the memory that it is given."""

    def __call__(self, results):
        results['keypoint'] *= 2
        return results


def test_a_transform_may_write_into_what_it_gets(checkpoint, config, samples, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    changed = copy.deepcopy(config)
    changed.test_dataloader.dataset.pipeline = [dict(type='WritesInPlace'), *changed.test_dataloader.dataset.pipeline]
    content['meta']['cfg'] = changed.pretty_text
    torch.save(content, tmp_path / 'in_place.pth')
    inferencer = InteractionInferencer(tmp_path / 'in_place.pth')
    keypoint = samples[0].copy()
    for window in inferencer(keypoint, window=16, overlap=12).best.windows:
        alone = inferencer(keypoint[:, window.start : window.stop])
        np.testing.assert_allclose(window.scores, alone.scores, **SAME)
    assert np.array_equal(keypoint, samples[0])


def test_samples_are_let_go_when_they_are_done(inferencer, samples):
    made: list[weakref.ref] = []
    alive = []

    def recordings():
        for number in range(12):
            sample = Sample(f'clip{number}', samples[0][:, :16].copy(), None, ['0', '1'])
            made.append(weakref.ref(sample))
            alive.append(sum(one() is not None for one in made))
            yield sample

    def read(*_):
        return recordings()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('asea_mm.apis.inferencer.read_samples', read)
        results = inferencer([None], batch_size=2)
    assert [result.name for result in results] == [f'clip{number}' for number in range(12)]
    assert max(alive) <= 4


def test_scope_of_the_caller_is_not_needed_and_stays_in_all_threads(checkpoint, samples):
    with DefaultScope.overwrite_default_scope('mmengine'), ThreadPoolExecutor(4) as pool:
        before = list(DefaultScope._instance_dict)
        assert len(list(pool.map(InteractionInferencer, [checkpoint] * 8))) == 8
        InteractionInferencer(checkpoint)(samples[0])
        assert list(DefaultScope._instance_dict) == before
        assert DefaultScope.get_current_instance().scope_name == 'mmengine'
