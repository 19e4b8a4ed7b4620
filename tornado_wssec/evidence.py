"""Whether what happens is kept where it cannot be edited unseen, and what a server does while it cannot be kept."""

import logging
import os
from collections.abc import Callable

from .errors import AuditError
from .modes import AuditMode
from .settings import Limits
from .telemetry.audit import Audit
from .telemetry.audit_file import made_folder
from .telemetry.audit_writer import AuditWriter
from .telemetry.incidents import Incident

logger = logging.getLogger(__name__)


class Evidence:
    """The audit of one guard: to the logger, and into the files of a folder where one is named.

    Args:
        path: the folder; None: the logger alone.
        is_required: whether newcomers get 503 while what they do cannot be kept; else it is counted and told.
        wall: wall seconds.
    """

    def __init__(
        self, audit: Audit, path: str | None, *, is_required: bool, limits: Limits, wall: Callable[[], float]
    ) -> None:
        self._audit = audit
        self._path = path
        self._limits = limits
        self._wall = wall
        self._writer: AuditWriter | None = None
        self.is_required = is_required

    @property
    def mode(self) -> AuditMode:
        """What becomes of what cannot be written."""
        if self._path is None:
            return AuditMode.LOG
        return AuditMode.REQUIRED if self.is_required else AuditMode.BEST_EFFORT

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._writer.dropped if self._writer else 0

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """What can go wrong with the files; nothing before they are begun."""
        return () if self._writer is None else (self._writer.incident,)

    def start(self) -> None:
        """Begin a chain of this process in the folder.

        Raises:
            AuditError: it cannot be begun, and is required.
        """
        if self._path is None:
            return
        try:
            self._writer = AuditWriter(made_folder(self._path), self._limits, self._wall, os.getpid())
        except (AuditError, OSError) as error:
            told = str(error) if isinstance(error, AuditError) else f"{self._path}: {error.strerror}; see to the disk"
            if self.is_required:
                raise AuditError(told) from None
            logger.error("the audit goes to the log alone: %s", told)
        self._audit.sink = self._writer

    def stop(self, patience: float) -> None:
        """End the chain with its last line.

        Args:
            patience: seconds that the disk may take.
        """
        writer, self._writer, self._audit.sink = self._writer, None, None
        if writer is not None:
            writer.close(patience)

    def fault(self) -> str:
        """Why nobody may come in; nothing while evidence is kept, or need not be."""
        if self.is_required and self._writer is not None and self._writer.is_failing:
            return "the audit is required and cannot be written"
        return ""
