"""What must hold of a stated stack: one file per subject, each rule a function of a stack."""
