/* Loaded before a program, it gives it a disk that stalls: of every ten seconds since the program's start, no sync ends
 * in the last two. What was written is on disk all the same, only later. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define PERIOD_NS (10 * SECOND_NS)
#define STALL_NS (2 * SECOND_NS)

static int64_t start_ns;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

__attribute__((constructor)) static void begin(void) { start_ns = now_ns(); }

static void stall(void) {
    int64_t into_ns = (now_ns() - start_ns) % PERIOD_NS;
    if (into_ns < PERIOD_NS - STALL_NS) return;
    int64_t left_ns = PERIOD_NS - into_ns;
    struct timespec left = {left_ns / SECOND_NS, left_ns % SECOND_NS};
    while (nanosleep(&left, &left) != 0) {}
}

static int sync_after_stall(const char *name, int file) {
    int (*sync_file)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = sync_file(file);
    stall();
    return result;
}

int fsync(int file) { return sync_after_stall("fsync", file); }
int fdatasync(int file) { return sync_after_stall("fdatasync", file); }
int syncfs(int file) { return sync_after_stall("syncfs", file); }
