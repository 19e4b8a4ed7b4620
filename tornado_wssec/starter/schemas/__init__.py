"""What may be said: one module for each subject."""
