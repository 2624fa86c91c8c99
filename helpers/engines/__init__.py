"""Engines: what turns a request into takes. :mod:`.registry` is the door; adapters are imported only when asked for."""
