"""What records say: intervals, comparisons, verdicts."""
