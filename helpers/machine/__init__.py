"""Files, folders, downloads, and the masking of secrets."""
