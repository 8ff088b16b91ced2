/*
 * How fast memory can be read, in bytes per second:
 *
 *     read_bandwidth <bytes> <threads>
 *
 * Each thread adds up its part of a block of <bytes>, again and again, as a decode step reads all
 * weights for each token. The best of several tries counts.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 7, PREFETCH_BYTES = 8192, LINE_BYTES = 64 };

struct part {
    const char * data;
    size_t bytes;
    int passes;
    uint64_t sum;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void * read_part(void * argument) {
    struct part * part = argument;
    uint64_t sums[LINE_BYTES / sizeof(uint64_t)] = {0};
    for (int pass = 0; pass < part->passes; pass++) {
        for (size_t at = 0; at < part->bytes; at += LINE_BYTES) {
            /* The hardware looks ahead less far than it takes to keep the memory busy. */
            __builtin_prefetch(part->data + at + PREFETCH_BYTES);
            const uint64_t * line = (const uint64_t *) (part->data + at);
            for (size_t i = 0; i < LINE_BYTES / sizeof(uint64_t); i++) {
                sums[i] += line[i];
            }
        }
    }
    for (size_t i = 0; i < LINE_BYTES / sizeof(uint64_t); i++) {
        part->sum += sums[i];
    }
    return NULL;
}

int main(int argc, char ** argv) {
    const size_t bytes = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
    const int num_threads = argc > 2 ? atoi(argv[2]) : 0;
    if (bytes < (1 << 20) || num_threads < 1 || num_threads > 512) {
        fputs("usage: read_bandwidth <bytes> <threads>\n", stderr);
        return 2;
    }
    const size_t part_bytes = bytes / num_threads / LINE_BYTES * LINE_BYTES;
    char * data = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (data == NULL) {
        return 1;
    }
    memset(data, 1, bytes);

    /* About 2 GB for each try: tenths of a second, beside which starting threads is nothing. */
    const int passes = bytes < 2e9 ? (int) (2e9 / bytes) + 1 : 1;
    double best = 0;
    uint64_t sum = 0;
    for (int try = 0; try < TRIES; try++) {
        pthread_t threads[512];
        struct part parts[512];
        const double start = now();
        for (int i = 0; i < num_threads; i++) {
            parts[i] = (struct part) {data + i * part_bytes, part_bytes, passes, 0};
            if (pthread_create(&threads[i], NULL, read_part, &parts[i]) != 0) {
                return 1;
            }
        }
        for (int i = 0; i < num_threads; i++) {
            pthread_join(threads[i], NULL);
            sum += parts[i].sum;
        }
        const double rate = (double) part_bytes * num_threads * passes / (now() - start);
        best = rate > best ? rate : best;
    }
    /* Printing the sum keeps the compiler from leaving out the reading. */
    printf("%.0f %llu\n", best, (unsigned long long) sum);
    return 0;
}
