/* A libnvidia-ml.so.1 that answers what a scenario says; see scenario.h. */
#include "scenario.h"
#include <time.h>

typedef struct { unsigned index; } *Device;
static struct { unsigned index; } devices[64];
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } Pci;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory2;
typedef struct { unsigned version; int margin; } Margin;
typedef struct { unsigned max, high, partial, low, none; } Banks;
typedef struct { unsigned version; unsigned long long counts[11]; unsigned exceeded; } Sram;
typedef struct { unsigned environment, feature, tools; } Confidential;
typedef struct {
    unsigned id, scope;
    long long stamp, latency;
    unsigned type;
    int code;
    union { double d; unsigned u; unsigned long long ull; int i; } value;
} Field;
typedef struct {
    unsigned version;
    unsigned char cluster[16];
    int status;
    unsigned clique, state, mask;
} Fabric;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu, compute; } Process;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { Device device; unsigned long long kind, data; unsigned gpu, compute; } Event;
typedef struct { unsigned index, delivered; } *EventSet;
static struct { unsigned index, delivered; } event_sets[64];

static void unescape(const char *text, char *out, unsigned size)
{
    unsigned n = 0;
    while (*text && n + 1 < size) {
        if (!strncmp(text, "\\x", 2)) {
            char digits[3] = { text[2], text[3], 0 };
            out[n++] = (char)strtol(digits, NULL, 16);
            text += 4;
        } else {
            out[n++] = *text++;
        }
    }
    out[n] = 0;
}

static int text(unsigned index, const char *key, char *out, unsigned size)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(index, key, value);
    if (!code)
        unescape(value, out, size);
    return code;
}

static int number(unsigned index, const char *key, unsigned *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(index, key, value);
    if (!code)
        *out = (unsigned)strtoul(value, NULL, 0);
    return code;
}

static int pair(unsigned index, const char *key, unsigned *first, unsigned *second)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(index, key, value);
    if (!code)
        sscanf(value, "%u %u", first, second);
    return code;
}

static int number64(unsigned index, const char *key, unsigned long long *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(index, key, value);
    if (!code)
        *out = strtoull(value, NULL, 0);
    return code;
}

static int system_number(const char *key, unsigned *out)
{
    char value[VALUE_SIZE];
    int code = look_up(key, value);
    if (!code)
        *out = (unsigned)strtoul(value, NULL, 0);
    return code;
}

/* A real library knows no device beyond the last, whatever it counts. */
static int has_gpu(unsigned index)
{
    unsigned devices_there = 64;
    if (system_number("devices", &devices_there))
        system_number("count", &devices_there);
    return index < devices_there;
}

int nvmlInitWithFlags(unsigned flags)
{
    char value[VALUE_SIZE];
    int code = look_up("init", value);
    (void)flags;
    return code == NOT_SUPPORTED ? 0 : code;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code)
{
    static char words[32];
    snprintf(words, sizeof words, "fake error %d", code);
    return words;
}

int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    char value[VALUE_SIZE];
    int code = look_up("driver_version", value);
    if (!code)
        snprintf(out, size, "%s", value);
    return code;
}

int nvmlSystemGetCudaDriverVersion(int *out)
{
    char value[VALUE_SIZE];
    int code = look_up("cuda_version", value);
    if (!code)
        *out = atoi(value);
    return code;
}

int nvmlDeviceGetCount_v2(unsigned *out)
{
    char value[VALUE_SIZE];
    int code = look_up("count", value);
    if (!code)
        *out = (unsigned)atoi(value);
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(index, "handle", value);
    if (index >= 64 || !has_gpu(index))
        return INVALID_ARGUMENT;
    if (code && code != NOT_SUPPORTED)
        return code;
    devices[index].index = index;
    *out = (Device)&devices[index];
    return 0;
}

#define TEXT(function, key) \
    int function(Device d, char *out, unsigned size) { return text(d->index, key, out, size); }
#define NUMBER(function, key) \
    int function(Device d, unsigned *out) { return number(d->index, key, out); }

TEXT(nvmlDeviceGetName, "name")
TEXT(nvmlDeviceGetUUID, "uuid")
TEXT(nvmlDeviceGetSerial, "serial")
TEXT(nvmlDeviceGetVbiosVersion, "vbios")
NUMBER(nvmlDeviceGetPowerUsage, "power_mw")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power_limit_mw")
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power_default_mw")
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_generation")
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_generation_max")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max")
NUMBER(nvmlDeviceGetPersistenceMode, "persistence")
NUMBER(nvmlDeviceGetComputeMode, "compute_mode")
NUMBER(nvmlDeviceGetMaxMigDeviceCount, "mig_slots")
NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie_generation_device_max")
NUMBER(nvmlDeviceGetPcieReplayCounter, "replays")
NUMBER(nvmlDeviceGetFanSpeed, "fan")

#define CLOCK(function, name) \
    int function(Device d, int kind, unsigned *out) \
    { \
        char key[32]; \
        snprintf(key, sizeof key, name ".%d", kind); \
        return number(d->index, key, out); \
    }

CLOCK(nvmlDeviceGetClockInfo, "clock")
CLOCK(nvmlDeviceGetMaxClockInfo, "clock_max")
CLOCK(nvmlDeviceGetApplicationsClock, "clock_applications")
CLOCK(nvmlDeviceGetDefaultApplicationsClock, "clock_default")
CLOCK(nvmlDeviceGetMaxCustomerBoostClock, "clock_boost")

int nvmlDeviceGetPciInfo_v3(Device d, Pci *out)
{
    memset(out, 0, sizeof *out);
    return text(d->index, "pci", out->bus_id, sizeof out->bus_id);
}

int nvmlDeviceGetCudaComputeCapability(Device d, int *major, int *minor)
{
    return pair(d->index, "capability", (unsigned *)major, (unsigned *)minor);
}

int nvmlDeviceGetMemoryInfo(Device d, Memory *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(d->index, "memory", value);
    if (!code) {
        sscanf(value, "%llu %llu", &out->total, &out->used);
        out->free = out->total - out->used;
    }
    return code;
}

int nvmlDeviceGetEccMode(Device d, unsigned *now, unsigned *pending)
{
    return pair(d->index, "ecc_mode", now, pending);
}

int nvmlDeviceGetTotalEccErrors(Device d, int type, int counter, unsigned long long *out)
{
    char key[32];
    snprintf(key, sizeof key, "ecc.%d.%d", type, counter);
    return number64(d->index, key, out);
}

int nvmlDeviceGetMemoryErrorCounter(Device d, int type, int counter, int place,
                                    unsigned long long *out)
{
    char key[32];
    snprintf(key, sizeof key, "ecc.%d.%d.%d", type, counter, place);
    return number64(d->index, key, out);
}

int nvmlDeviceGetFieldValues(Device d, int count, Field *fields)
{
    char key[64], value[VALUE_SIZE];
    int i;
    for (i = 0; i < count; i++) {
        snprintf(key, sizeof key, "field.%u.%u", fields[i].id, fields[i].scope);
        fields[i].code = look_up_gpu(d->index, key, value);
        if (fields[i].code == NOT_SUPPORTED) {
            snprintf(key, sizeof key, "field.%u", fields[i].id);
            fields[i].code = look_up_gpu(d->index, key, value);
        }
        if (fields[i].code)
            continue;
        fields[i].type = value[0] == '-' ? 5 : 3;
        if (value[0] == '-')
            fields[i].value.i = atoi(value);
        else
            fields[i].value.ull = strtoull(value, NULL, 0);
    }
    return 0;
}

int nvmlDeviceValidateInforom(Device d)
{
    char value[VALUE_SIZE];
    return look_up_gpu(d->index, "inforom", value);
}

#ifndef WITHOUT_REMAPPED_ROWS
int nvmlDeviceGetRemappedRows(Device d, unsigned *corrected, unsigned *uncorrected,
                              unsigned *pending, unsigned *failed)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(d->index, "rows", value);
    if (!code)
        sscanf(value, "%u %u %u %u", corrected, uncorrected, pending, failed);
    return code;
}
#endif

static int throttle(Device d, unsigned long long *out)
{
    return number64(d->index, "throttle", out);
}

#ifndef WITHOUT_EVENT_REASONS
int nvmlDeviceGetCurrentClocksEventReasons(Device d, unsigned long long *out)
{
    return throttle(d, out);
}
#endif

int nvmlDeviceGetCurrentClocksThrottleReasons(Device d, unsigned long long *out)
{
    return throttle(d, out);
}

int nvmlDeviceGetTemperature(Device d, int sensor, unsigned *out)
{
    (void)sensor;
    return number(d->index, "temperature", out);
}

int nvmlDeviceGetTemperatureThreshold(Device d, int kind, unsigned *out)
{
    char key[32];
    snprintf(key, sizeof key, "threshold.%d", kind);
    return number(d->index, key, out);
}

int nvmlDeviceGetMigMode(Device d, unsigned *now, unsigned *pending)
{
    return pair(d->index, "mig", now, pending);
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device d, unsigned slot, Device *out)
{
    unsigned instances = 0;
    number(d->index, "mig_instances", &instances);
    *out = d;
    return slot < instances ? 0 : 6;
}

int nvmlDeviceGetComputeRunningProcesses_v2(Device d, unsigned *count, Process *out)
{
    unsigned running = 0, room = *count, i;
    int code = number(d->index, "processes", &running);
    if (code)
        return code;
    *count = running;
    if (room < running)
        return 7;
    for (i = 0; i < running; i++)
        memset(&out[i], 0, sizeof out[i]);
    return 0;
}

int nvmlDeviceGetUtilizationRates(Device d, Utilization *out)
{
    return pair(d->index, "utilization", &out->gpu, &out->memory);
}

/* The counter of a GPU that has drawn so many milliwatts since the machine started. */
int nvmlDeviceGetTotalEnergyConsumption(Device d, unsigned long long *out)
{
    struct timespec now;
    unsigned milliwatts = 0;
    int code = number(d->index, "energy_mw", &milliwatts);
    clock_gettime(CLOCK_MONOTONIC, &now);
    *out = (unsigned long long)((now.tv_sec + now.tv_nsec / 1e9) * milliwatts);
    return code;
}

/* -- events: "gpu.N.xid 79 48" are two errors, each told once to every set --------------------- */

int nvmlEventSetCreate(EventSet *out)
{
    static unsigned made = 0;
    char value[VALUE_SIZE];
    int code = look_up("events", value);
    *out = (EventSet)&event_sets[made++ % 64];
    (*out)->delivered = 0;
    return code == NOT_SUPPORTED ? 0 : code;
}

int nvmlDeviceRegisterEvents(Device d, unsigned long long kinds, EventSet set)
{
    set->index = d->index;
    return kinds & 8 ? 0 : INVALID_ARGUMENT;
}

int nvmlEventSetFree(EventSet set) { (void)set; return 0; }

int nvmlEventSetWait_v2(EventSet set, Event *out, unsigned milliseconds)
{
    char value[VALUE_SIZE], *place = value, *end;
    unsigned seen = 0;
    unsigned long long code;
    (void)milliseconds;
    if (look_up_gpu(set->index, "xid", value))
        return TIMEOUT;
    for (;; seen++, place = end) {
        code = strtoull(place, &end, 10);
        if (end == place)
            return TIMEOUT;
        if (seen == set->delivered)
            break;
    }
    set->delivered++;
    memset(out, 0, sizeof *out);
    out->device = (Device)&devices[set->index];
    out->kind = 8;
    out->data = code;
    return 0;
}

/* -- links between GPUs ----------------------------------------------------------------------- */

int nvmlDeviceGetNvLinkState(Device d, unsigned link, unsigned *active)
{
    char key[32];
    unsigned links = 0;
    int code = number(d->index, "nvlinks", &links);
    if (code)
        return code;
    if (link >= links)
        return INVALID_ARGUMENT;
    *active = 1;
    snprintf(key, sizeof key, "nvlink.%u", link);
    code = number(d->index, key, active);
    return code == NOT_SUPPORTED ? 0 : code;
}

int nvmlDeviceGetNvLinkErrorCounter(Device d, unsigned link, int counter, unsigned long long *out)
{
    char key[48];
    int code;
    snprintf(key, sizeof key, "nvlink_error.%d.%u", counter, link);
    code = number64(d->index, key, out);
    if (code != NOT_SUPPORTED)
        return code;
    snprintf(key, sizeof key, "nvlink_error.%d", counter);
    return number64(d->index, key, out);
}

int nvmlDeviceGetP2PStatus(Device one, Device other, int kind, unsigned *out)
{
    char key[32];
    int code;
    snprintf(key, sizeof key, "p2p.%d.%u", kind, other->index);
    code = number(one->index, key, out);
    if (code != NOT_SUPPORTED)
        return code;
    snprintf(key, sizeof key, "p2p.%d", kind);
    return number(one->index, key, out);
}

/* -- what an older library does not have ------------------------------------------------------ */

#ifndef WITHOUT_NEWER
int nvmlDeviceGetComputeRunningProcesses_v3(Device d, unsigned *count, Process *out)
{
    return nvmlDeviceGetComputeRunningProcesses_v2(d, count, out);
}

int nvmlDeviceGetGpuFabricInfoV(Device d, Fabric *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(d->index, "fabric", value);
    if (out->version != (sizeof *out | 2u << 24))
        return VERSION_MISMATCH;
    if (!code)
        sscanf(value, "%u %d %i", &out->state, &out->status, (int *)&out->mask);
    return code;
}

int nvmlDeviceGetMemoryInfo_v2(Device d, Memory2 *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(d->index, "memory", value);
    if (out->version != (sizeof *out | 2u << 24))
        return VERSION_MISMATCH;
    if (!code) {
        out->reserved = 0;
        sscanf(value, "%llu %llu %llu", &out->total, &out->used, &out->reserved);
        out->free = out->total - out->used - out->reserved;
    }
    return code;
}

int nvmlDeviceGetSramEccErrorStatus(Device d, Sram *out)
{
    if (out->version != (sizeof *out | 1u << 24))
        return VERSION_MISMATCH;
    return number(d->index, "sram_threshold", &out->exceeded);
}

int nvmlDeviceGetRowRemapperHistogram(Device d, Banks *out)
{
    char value[VALUE_SIZE];
    int code = look_up_gpu(d->index, "banks", value);
    if (!code)
        sscanf(value, "%u %u %u %u %u", &out->max, &out->high, &out->partial, &out->low,
               &out->none);
    return code;
}

int nvmlDeviceGetMarginTemperature(Device d, Margin *out)
{
    return number(d->index, "margin", (unsigned *)&out->margin);
}

int nvmlDeviceGetGspFirmwareVersion(Device d, char *out) { return text(d->index, "gsp", out, 64); }

int nvmlSystemGetConfComputeState(Confidential *out)
{
    return system_number("cc", &out->feature);
}

int nvmlSystemGetConfComputeGpusReadyState(unsigned *out)
{
    return system_number("cc_ready", out);
}
#endif
