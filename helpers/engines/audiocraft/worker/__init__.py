"""The audiocraft worker, a program run by its folder: see ``__main__.py``. No module imports it."""
