"""Published data: what is good in it is not called wrong."""

import os

import pytest

from asea_mm.datasets import save_annotations
from asea_mm.datasets.check import check_annotations
from asea_mm.datasets.converters.sbu.convert import convert_sbu


def test_people_who_touch_each_other_are_no_fault(tmp_path):
    """SBU: they push, hug and shake hands, never twice the same body, in the joints' own order, metres and axes."""
    if not (root := os.environ.get('ASEA_SBU_ROOT')):
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    conversion = convert_sbu(root)
    save_annotations(tmp_path / 'sbu.pkl', conversion.annotations, conversion.split, conversion.meta)
    report = check_annotations(tmp_path / 'sbu.pkl')
    assert report.findings == {}
    assert report.facts['share of frames with persons'] == {'2': 1}
