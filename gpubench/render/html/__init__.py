"""Records as one HTML page: no script, nothing loaded, text escaped everywhere."""
