"""What holds for every test."""

import os

from hypothesis import settings

pytest_plugins = ["pytester", "tests.left_out", "tests.redis_fixtures"]

# No deadline: a busy machine is no fault. CI looks at the same examples each time, so that a red run is a change's.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
