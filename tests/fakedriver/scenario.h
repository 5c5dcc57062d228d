/* A scenario is a text file of lines "key value", named by GPUBENCH_FAKE_DRIVER.
 *
 * A key of one GPU is "gpu.3.name"; "gpu.*.name" stands for every GPU and gives way to it.
 * The value "error 15" makes the call return 15, "hang" makes it never return, "crash" ends
 * the process. A line that starts with # is a comment.
 * Bytes are written as \xHH. What the scenario does not name is not supported (3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define TIMEOUT 10
#define VERSION_MISMATCH 25
#define VALUE_SIZE 256

static int find_line(const char *key, char *value)
{
    char line[512];
    const char *path = getenv("GPUBENCH_FAKE_DRIVER");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t length = strlen(key);
    int found = 0;

    if (!file)
        return 0;
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, key, length) && line[length] == ' ') {
            snprintf(value, VALUE_SIZE, "%s", line + length + 1);
            found = 1;
        }
    }
    fclose(file);
    return found;
}

static int answer(const char *value)
{
    if (!strcmp(value, "hang"))
        for (;;)
            pause();
    if (!strcmp(value, "crash"))
        abort();
    if (!strncmp(value, "error ", 6))
        return atoi(value + 6);
    return 0;
}

static int look_up(const char *key, char *value)
{
    return find_line(key, value) ? answer(value) : NOT_SUPPORTED;
}

static int look_up_gpu(unsigned index, const char *key, char *value)
{
    char full[128];

    snprintf(full, sizeof full, "gpu.%u.%s", index, key);
    if (find_line(full, value))
        return answer(value);
    snprintf(full, sizeof full, "gpu.*.%s", key);
    return look_up(full, value);
}
