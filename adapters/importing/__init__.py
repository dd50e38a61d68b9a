"""Importers: recorded data sets of many shapes become one totally ordered log (see docs/importing.md)."""

from adapters.importing.manifest import load_manifest
from adapters.importing.plan import ImportPlan, ImportReport
from adapters.importing.tally import Gap, Refusal, SourceReport

__all__ = ["Gap", "ImportPlan", "ImportReport", "Refusal", "SourceReport", "load_manifest"]
