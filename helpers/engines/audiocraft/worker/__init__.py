"""The audiocraft worker, a program run by its folder: see ``__main__.py``. Nothing of ours imports it."""
