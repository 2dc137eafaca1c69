"""Of what mmengine logs the screen shows what people read while it runs; the log file has all."""

import logging

# mmengine's notes to those who program with it
NOT_FOR_USERS = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'Distributed training is not used, all SyncBatchNorm',
)


def is_for_the_screen(record: logging.LogRecord) -> bool:
    """Whether a message is no table of hooks, no dump of a config or of the system, and no advice for programmers."""
    message = record.getMessage()
    is_long = '\n' in message.strip() and record.levelno < logging.WARNING
    return not (is_long or message.startswith(NOT_FOR_USERS))


def leave_out_of_screen(logger: logging.Logger) -> None:
    """Leave to the log file what is not :func:`is_for_the_screen`."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(is_for_the_screen)
