"""Coverage-guided fuzzing, for where atheris is installed; no part of the suite."""
