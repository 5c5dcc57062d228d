"""What gpubench itself costs, and the training steps it times, under pytest-benchmark."""
