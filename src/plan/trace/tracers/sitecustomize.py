# Found before the environment's own module of this name, which comes into its right at once.
import sys

_here = __file__.rpartition("/")[0]
_path = sys.path
sys.modules.pop("sitecustomize", None)
sys.path = [entry for entry in _path if entry != _here]
try:
    import sitecustomize  # noqa: F401
except ImportError as error:
    if error.name != "sitecustomize":
        raise
finally:
    # What the other module did to the path stays.
    sys.path.insert(0, _here)
    _path[:] = sys.path
    sys.path = _path

try:
    import ci_healer_trace

    ci_healer_trace.start()
except Exception:
    # A run without a trace is as good as none.
    pass
