/* A libnvidia-ml.so.1 of the least that NVML can be: it starts, counts one GPU and names it. */
#include <stdio.h>

static int device;

int nvmlInitWithFlags(unsigned flags) { return flags ? 2 : 0; }
int nvmlInit_v2(void) { return 0; }
const char *nvmlErrorString(int code) { return code ? "error" : "success"; }
int nvmlDeviceGetCount_v2(unsigned *out) { return *out = 1, 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) { return *out = &device, index ? 2 : 0; }
int nvmlDeviceGetName(void *gpu, char *out, unsigned size)
{
    (void)gpu;
    snprintf(out, size, "NVIDIA A100-PCIE-40GB");
    return 0;
}
