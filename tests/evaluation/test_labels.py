"""Names as a reader wants to see them, and that no name costs the loading of torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pdgn.evaluation.labels import MODEL_NAMES
from pdgn.models import MODELS

ROOT = Path(__file__).resolve().parents[2]


def test_every_model_has_a_name() -> None:
    assert set(MODEL_NAMES) == set(MODELS)


def test_tables_of_finished_evaluations_and_lists_of_rows_load_no_torch() -> None:
    code = (
        "import sys, experiments.__main__, pdgn.evaluation.seed_table; "
        "print(sorted({'torch', 'lightning', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
