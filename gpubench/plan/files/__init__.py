"""Reads files that state a stack: one file per kind, each giving facts with their lines."""
