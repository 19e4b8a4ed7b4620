"""A support desk: customers open cases, agents answer, a supervisor moderates, and hostile text does nothing."""
