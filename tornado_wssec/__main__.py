"""Run the `wssec` command as `python -m tornado_wssec`."""

from .cli import main

if __name__ == "__main__":
    main()
