"""What happens when a dependency fails: each row of docs/faults.md, with the real component."""
