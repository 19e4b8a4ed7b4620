"""What happened, told without secrets."""
