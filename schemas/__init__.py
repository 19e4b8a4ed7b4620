"""Reference catalogues of messages, one module for each kind of application; none is part of the package."""
