"""axe-core, from npm, in a page: what a person with a screen reader or a keyboard would stumble over."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
INSTALL_S = 300.0
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = ("serious", "critical")


@cache
def axe_source() -> str:
    """The script, installed on first use by `npm ci` from the lock file beside this. Skips loudly without npm."""
    if not AXE.exists():
        npm = shutil.which("npm")
        if npm is None:
            reason = "NO NPM FOUND (apt-get install npm): accessibility was NOT checked"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=HERE, check=True, timeout=INSTALL_S, capture_output=True)
    return AXE.read_text()


def serious_findings(page: Page) -> list[str]:
    """What axe finds on the page as it is now, serious and critical, one line each with the places."""
    page.evaluate(axe_source())
    found: list[dict[str, Any]] = page.evaluate(
        "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then((done) => done.violations)",
        RULES,
    )
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: "
        + "; ".join(
            f"{' '.join(map(str, node['target']))} {node['failureSummary'][:160]!r}" for node in each["nodes"][:3]
        )
        for each in found
        if each["impact"] in SERIOUS
    ]
