"""Metre, pitch and instruments: facts and arithmetic without audio."""
