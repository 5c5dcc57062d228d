"""What is asked of a snapshot: one file per subject, pure functions, no machine in sight."""
