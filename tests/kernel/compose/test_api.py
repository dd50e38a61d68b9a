"""Every operation that reads answers as its document says, over a kernel that runs: the demo, without a database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from bus.clock import WallClock
from kernel.compose.api import api_part
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability, log_settings_of
from kernel.compose.secret_environment import SecretEnvironment
from kernel.compose.secret_parts import SecretParts
from kernel.compose.services import Services
from kernel.compose.system_pages import parts_of, system_sources
from kernel.profile import load_profile
from webui.api import Api
from webui.part import Part
from webui.server import WebServer
