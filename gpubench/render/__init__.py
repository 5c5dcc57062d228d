"""Tables and findings as text, one file per format."""
