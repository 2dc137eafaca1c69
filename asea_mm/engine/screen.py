"""mmengine's runner, of whose messages the screen shows what people read while it runs; the log file has all."""

import logging
import os
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

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


class Training(Runner):
    """mmengine's runner with less on the screen."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                handler.addFilter(is_for_the_screen)
        logger.info(f'Everything, also the config, is in the log {os.path.join(self._log_dir, self.timestamp)}.log')
        return logger


class Testing(Training):
    """The same for tests, which leave the config of the training in its work folder as it is; the log has theirs."""

    def dump_config(self) -> None:
        pass
