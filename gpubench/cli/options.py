"""Options that several commands have: what is trained, on what, and how it is fed."""

import typer

PRESET = typer.Option(help="smoke, standard or procurement (default: standard with a GPU).")
ACCUMULATION = typer.Option(min=1, max=4096, help="Batches that make one step of the optimizer.")
DEVICE = typer.Option(help="auto, cuda or cpu.")
DATA = typer.Option(help="synthetic, BIO files or a folder of images, or hf:NAME.")
MODEL = typer.Option(help="A timm architecture, or a model folder or hub name.")
SEQUENCE = typer.Option(min=8, help="Tokens per sentence (bert-ner).")
IMAGE = typer.Option(min=16, help="Pixels along a side (deit).")
WORKERS = typer.Option(min=0, max=256, help="Loader processes (default: 4, or the cores if fewer).")
LENGTHS = typer.Option(help="Pad sentences to fixed or bucketed lengths (bert-ner).")
LONG = typer.Option(help="truncate long sentences or window over them (bert-ner).")
AUGMENT = typer.Option("--augment", help="Random resized crop and flip (deit, files).")
SECONDS = typer.Option(min=0.1, help="The shortest window of a process.")
