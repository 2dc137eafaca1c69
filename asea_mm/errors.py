"""The error that users can mend."""


class InputError(ValueError):
    """Something that the user gave is not as expected: the message names what, what was expected and what came.

    Commands show it as one line. Our own faults are other errors and keep their traceback.
    """
