"""Converters from raw data to annotations: :data:`CONVERTERS`, all called alike, see :mod:`.protocol`."""

from .custom.convert import CONVERTER as CUSTOM
from .custom.convert import convert_custom
from .k3hi.convert import CONVERTER as K3HI
from .k3hi.convert import convert_k3hi
from .kinetics.convert import CONVERTER as KINETICS10
from .kinetics.convert import convert_kinetics10
from .ntu.convert import CONVERTER as NTU
from .ntu.convert import convert_ntu
from .protocol import Conversion, Converter
from .sbu.convert import CONVERTER as SBU
from .sbu.convert import convert_sbu

CONVERTERS: dict[str, Converter] = {'sbu': SBU, 'k3hi': K3HI, 'ntu': NTU, 'kinetics10': KINETICS10, 'custom': CUSTOM}

__all__ = [
    'CONVERTERS',
    'Conversion',
    'Converter',
    'convert_custom',
    'convert_k3hi',
    'convert_kinetics10',
    'convert_ntu',
    'convert_sbu',
]
