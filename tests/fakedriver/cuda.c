/* A libcuda.so.1 that answers what a scenario says; see scenario.h. */
#include "scenario.h"

static int number(const char *key, int *out)
{
    char value[VALUE_SIZE];
    int code = look_up(key, value);
    if (!code)
        *out = atoi(value);
    return code;
}

int cuInit(unsigned flags)
{
    char value[VALUE_SIZE];
    int code = look_up("cuda.init", value);
    (void)flags;
    return code == NOT_SUPPORTED ? 0 : code;
}

int cuDriverGetVersion(int *out) { return number("cuda_version", out); }
int cuDeviceGetCount(int *out) { return number("cuda.count", out); }

int cuGetErrorName(int code, const char **out)
{
    static char words[32];
    snprintf(words, sizeof words, "CUDA_FAKE_%d", code);
    *out = words;
    return 0;
}
