"""Where things are: the repository, the quern binary under test, the build folder, the ONNX backend corpora.

Used by every Python test and by bench/. Environment: QUERN names the binary (default build/release/quern of the
repository), QUERN_BUILD_DIR the folder for files a test makes (default: the binary's own folder).
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


def quern():
    """Path of the quern binary as a string; ends the program when there is none, for no test can pass without it."""
    path = Path(os.environ.get("QUERN", ROOT / "build" / "release" / "quern")).resolve()
    if not path.is_file() or not os.access(path, os.X_OK):
        sys.exit(f"no quern binary at {path}: build it, or name it in QUERN")
    return str(path)


def build_dir():
    """Folder for files made by tests; outside the source tree."""
    folder = os.environ.get("QUERN_BUILD_DIR")
    return Path(folder).resolve() if folder else Path(quern()).parent


def onnx_corpora():
    """The folder of the ONNX backend test data inside the installed onnx package (node, simple, light, ...)."""
    import onnx.backend.test

    return Path(onnx.backend.test.__file__).resolve().parent / "data"
