"""Audio files in and out, and the measuring primitives that hearing and proving share."""
