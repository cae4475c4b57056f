"""Makes the iris_zipmap model: it comes from the same training as iris, so iris/make.py makes both."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "iris" / "make.py"), run_name="__main__")
