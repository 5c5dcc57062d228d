"""Models without chance: what parity needs, since it compares numerics alone."""

import torch


def switch_off_dropout(model: torch.nn.Module) -> None:
    """Set every dropout and drop path of the model to 0, whatever the module calls its rate.

    transformers hands the rate of attention's dropout to a function, from an attribute.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("drop_prob", "dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
