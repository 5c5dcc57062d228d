# Team image "v2.8"
FROM nvidia/cuda:11.8-devel
LABEL org.example.cuda="11.8" org.example.cudnn="8.x"
ENV CUDA_VERSION=11.8 \
    CUDNN_VERSION=8.9
RUN apt-get update && apt-get install -y python3-pip build-essential
RUN pip3 install torch==2.8.0 torchvision==0.23.0
