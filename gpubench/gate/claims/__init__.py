"""What records say of the claims of the source documents: one judge per kind, one table."""
