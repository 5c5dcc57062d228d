"""Training by several processes: torchrun's machinery starts the ranks, files bring their answers.

``launcher`` is the child that the runner started: it starts the ranks, watches them and answers.
``rank`` is a rank's program, ``measuring`` and ``following`` are what it does, ``group`` is how
ranks agree, ``spreads`` how a model lies over them, ``meeting`` how several nodes take part.
"""
