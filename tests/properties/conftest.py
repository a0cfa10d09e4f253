"""Two profiles: quick for every run, deep when `OFFICINA_FUZZ=long`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "quick", max_examples=60, deadline=None, suppress_health_check=_SLOW, print_blob=True
)
settings.register_profile(
    "deep", max_examples=3000, deadline=None, suppress_health_check=_SLOW, print_blob=True
)
settings.load_profile("deep" if os.environ.get("OFFICINA_FUZZ") == "long" else "quick")
