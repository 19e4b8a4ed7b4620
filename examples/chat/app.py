"""Run the chat that `wssec init --starter` writes: the very same files, from `tornado_wssec/starter`.

python -m examples.chat.app
"""

import runpy
import sys

from tornado_wssec.starter import FOLDER


def main() -> None:
    """Do what `python app.py` does in that folder; `schemas` is then the one beside it."""
    sys.path.insert(0, str(FOLDER))
    runpy.run_path(str(FOLDER / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
