# Team image "v2.6": PyTorch 2.6 with CUDA 12.1, on Ubuntu 20.04 with Python 3.10
ARG CUDA_RELEASE=12.1.1
FROM nvidia/cuda:${CUDA_RELEASE}-cudnn8-devel-ubuntu20.04

ENV DEBIAN_FRONTEND=noninteractive \
    TZ=Etc/UTC
RUN --mount=type=cache,target=/var/cache/apt \
    apt-get update && apt-get install -y --no-install-recommends \
      python3.10 python3.10-dev python3-pip \
      # editors
      git vim openssh-server \
    && rm -rf /var/lib/apt/lists/*

RUN python3.10 -m pip install --no-cache-dir \
      torch==2.6.0 torchvision==0.21.0 torchaudio==2.6.0 \
      --index-url https://download.pytorch.org/whl/cu121
RUN python3.10 -m pip install --no-cache-dir "transformers>=4.51" datasets seqeval

RUN cat > /opt/ner.py <<'PY'
print("ready")
PY
RUN python3.10 - <<'PY'
from transformers import AdamW, BertForTokenClassification
print("imports hold")
PY
EXPOSE 8888 22
CMD ["bash"]
