"""What is trained: models, batches and losses, from real files or seeded numbers."""
