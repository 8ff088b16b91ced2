/*
 * A server that holds and computes a part of a model for a client on another machine:
 *
 *     rpc-server [host:port] [threads]
 *
 * It offers all GPUs that the build can drive, or the processor if there are none.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml-rpc.h"
#include "gpt2.h"

#define MAX_DEVICES 15

static const char * const usage =
    "Holds and computes a part of a model for a client on another machine, one at a time.\n"
    "\n"
    "Usage: rpc-server [host:port] [threads]\n"
    "\n"
    "  host:port  the address to listen on (default: 127.0.0.1:50052)\n"
    "  threads    threads of the processor, if it computes (default: 4)\n"
    "\n"
    "Whoever can connect can read and write this process's memory: listen in trusted networks only.\n";

static size_t find_devices(ggml_backend_dev_t * devices) {
    size_t count = 0;
    for (size_t i = 0; i < ggml_backend_dev_count() && count < MAX_DEVICES; i++) {
        const enum ggml_backend_dev_type type = ggml_backend_dev_type(ggml_backend_dev_get(i));
        if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) {
            devices[count++] = ggml_backend_dev_get(i);
        }
    }
    if (count == 0) {
        devices[count++] = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    }
    return count;
}

int main(int argc, char ** argv) {
    const char * endpoint = argc > 1 ? argv[1] : "127.0.0.1:50052";
    const int threads = argc > 2 ? atoi(argv[2]) : 4;
    if (argc > 3 || strchr(endpoint, ':') == NULL || threads < 1 || threads > 512) {
        fputs(usage, stderr);
        return 2;
    }
#ifndef _WIN32
    /* A client that ends while it is sent something must not end the server. */
    signal(SIGPIPE, SIG_IGN);
#endif
    if (strncmp(endpoint, "127.", 4) != 0) {
        fputs("Listening beyond this machine: whoever can connect can read and write this process's memory.\n", stderr);
    }
    gpt2_use_kernels();
    ggml_backend_dev_t devices[MAX_DEVICES];
    const size_t count = find_devices(devices);
    ggml_backend_rpc_start_server(endpoint, NULL, (size_t) threads, count, devices);
    /* It serves until it is ended; ggml has said why it could not begin. */
    return 1;
}
