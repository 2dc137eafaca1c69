"""What the hook reads from AT-NAC and where it writes it."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from asea_mm.engine.hooks import ActiveJointsHook
from asea_mm.models import AEA
from tests import textbook


def runner_of(model, iteration=0):
    """As much of mmengine's runner as the hook looks at."""
    hub = MessageHub.get_instance(f'test_hooks_{id(model)}')
    return SimpleNamespace(model=model, iter=iteration, message_hub=hub, logger=Mock(), visualizer=Mock())


@pytest.fixture
def model_and_input():
    """Two AEA of which the first has run on two samples of two persons; their input."""
    torch.manual_seed(0)
    model = nn.ModuleDict({'first': AEA(6, alpha=0.3), 'second': AEA(6)})
    x = torch.randn(4, 6, 3, 7)
    model['first'](x, 2)
    return model, x


def expected_readings(x, alpha):
    selections = [textbook.active_joints(textbook.node_amplitude(person.double(), 1.0), alpha) for person in x]
    share = torch.stack([mask for mask, _ in selections]).double().mean().item()
    return {'alpha': alpha, 'tau': sum(tau for _, tau in selections) / len(selections), 'active': share}


def test_readings_are_those_of_the_last_batch(model_and_input):
    model, x = model_and_input
    for batch in (x, 3 * x.flip(3) + 1):
        model['first'](batch, 2)
        readings = ActiveJointsHook().read(runner_of(nn.DataParallel(model)))
        assert list(readings) == ['first'], 'the second has not run yet'
        assert readings['first'] == pytest.approx(expected_readings(batch, 0.3), rel=1e-5)
    assert 0 < readings['first']['active'] < 1


def test_without_selection_there_is_only_the_share():
    model = nn.ModuleDict({'first': AEA(6, score='all')})
    model['first'](torch.randn(4, 6, 3, 7), 2)
    assert ActiveJointsHook().read(runner_of(model)) == {'first': {'active': 1.0}}


@pytest.mark.parametrize('interval', [1, 3])
def test_writes_every_interval_to_the_message_hub_and_the_visualizer(model_and_input, interval):
    model, x = model_and_input
    hook, written = ActiveJointsHook(interval), []
    for iteration in range(6):
        runner = runner_of(model, iteration)
        hook.after_train_iter(runner, iteration)
        for (shown,), place in runner.visualizer.add_scalars.call_args_list:
            written.append(iteration)
            assert place == {'step': iteration + 1}
            assert shown == {key: runner.message_hub.get_scalar(key).current() for key in shown}
            expected = {f'aea/first/{key}': value for key, value in expected_readings(x, 0.3).items()}
            assert shown == pytest.approx(expected, rel=1e-5)
    assert written == list(range(interval - 1, 6, interval))


def test_logs_a_line_per_module_and_epoch(model_and_input):
    runner = runner_of(model_and_input[0])
    ActiveJointsHook().after_train_epoch(runner)
    values = expected_readings(model_and_input[1], 0.3)
    (line,) = runner.logger.info.call_args.args
    assert line == f'AEA first: active {values["active"]:.3f}, alpha 0.300, tau {values["tau"]:.3f}'
