FROM pytorch/pytorch:2.7.0-cuda12.6-cudnn9-devel
RUN pip install timm
RUN python -c "from torchvision.models import deit_small_patch16_224; deit_small_patch16_224()"
