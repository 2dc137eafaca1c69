"""What the hook reads from AT-NAC and where it writes it."""

import pytest
import torch
from mmaction.registry import HOOKS
from mmengine.logging import MessageHub
from torch import nn

from asea_mm.engine.hooks import ActiveJointsHook
from asea_mm.models import AEA
from tests import textbook


class Logger:
    def __init__(self):
        self.lines = []

    def info(self, line):
        self.lines.append(line)


class Visualizer:
    def __init__(self):
        self.added = []

    def add_scalars(self, scalars, step):
        self.added.append((step, scalars))


class Runner:
    """As much of mmengine's runner as the hook looks at."""

    def __init__(self, model, name, iteration=0):
        self.model, self.iter = model, iteration
        self.message_hub, self.logger = MessageHub.get_instance(name), Logger()
        self.visualizer = Visualizer()


def pair_of_layers(**options):
    """Two AEA of which the first has run on two samples of two persons; their input."""
    torch.manual_seed(0)
    model = nn.ModuleDict({'first': AEA(6, alpha=0.3, **options), 'second': AEA(6)})
    x = torch.randn(4, 6, 3, 7)
    model['first'](x, 2)
    return model, x


def expected_readings(x, alpha):
    found = [textbook.active_joints(textbook.node_amplitude(person.double(), 1.0), alpha) for person in x]
    share = torch.stack([mask for mask, _ in found]).double().mean().item()
    return {'alpha': alpha, 'tau': sum(tau for _, tau in found) / len(found), 'active': share}


def test_readings_are_those_of_the_last_batch():
    model, x = pair_of_layers()
    hook = ActiveJointsHook()
    runner = Runner(model, 'test_readings')
    for batch in (x, 3 * x.flip(3) + 1):
        model['first'](batch, 2)
        readings = hook.read(runner)
        assert list(readings) == ['first'], 'the second has not run yet'
        assert readings['first'] == pytest.approx(expected_readings(batch, 0.3), rel=1e-5)
    assert 0 < readings['first']['active'] < 1


def test_without_selection_there_is_only_the_share_in_a_wrapped_model():
    model, _ = pair_of_layers(score='all')
    assert ActiveJointsHook().read(Runner(nn.DataParallel(model), 'test_all')) == {'first': {'active': 1.0}}


def test_a_model_without_interaction():
    hook, runner = ActiveJointsHook(interval=1), Runner(nn.Linear(2, 2), 'test_none')
    hook.after_train_iter(runner, 0)
    hook.after_train_epoch(runner)
    assert runner.logger.lines == runner.visualizer.added == []
    assert not [key for key in runner.message_hub.log_scalars if key.startswith('aea/')]


@pytest.mark.parametrize('interval', [1, 3])
def test_writes_every_interval_to_the_message_hub_and_the_visualizer(interval):
    model, x = pair_of_layers()
    hook = ActiveJointsHook(interval)
    written = []
    for iteration in range(6):
        runner = Runner(model, f'test_interval_{interval}', iteration)
        before = len(runner.message_hub.log_scalars['aea/first/tau'].data[0]) if written else 0
        hook.after_train_iter(runner, iteration)
        scalars = runner.message_hub.log_scalars
        after = len(scalars['aea/first/tau'].data[0]) if 'aea/first/tau' in scalars else 0
        if after > before:
            written.append(iteration)
            ((step, shown),) = runner.visualizer.added
            assert step == iteration + 1
            assert shown == {key: runner.message_hub.get_scalar(key).current() for key in shown}
            assert set(shown) == {f'aea/first/{key}' for key in ('alpha', 'tau', 'active')}
        else:
            assert runner.visualizer.added == []
    assert written == list(range(interval - 1, 6, interval))
    for key, value in expected_readings(x, 0.3).items():
        assert runner.message_hub.get_scalar(f'aea/first/{key}').current() == pytest.approx(value, rel=1e-5)


def test_logs_a_line_per_module_and_epoch():
    model, x = pair_of_layers()
    runner = Runner(model, 'test_epoch')
    ActiveJointsHook().after_train_epoch(runner)
    values = expected_readings(x, 0.3)
    assert runner.logger.lines == [f'AEA first: active {values["active"]:.3f}, alpha 0.300, tau {values["tau"]:.3f}']


def test_is_registered_and_checks_its_interval():
    assert isinstance(HOOKS.build(dict(type='ActiveJointsHook', interval=5)), ActiveJointsHook)
    with pytest.raises(ValueError, match='interval must be at least 1, got 0'):
        ActiveJointsHook(0)
