"""Engines turn a request into takes. :mod:`.registry` returns them by name and imports each when it is asked for."""
