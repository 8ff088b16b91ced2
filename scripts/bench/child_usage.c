/*
 * Runs a program and tells what it took, as one line of JSON:
 *
 *     child_usage <program> [argument ...]
 *
 * firstByteMs is the time from the fork to the first byte on the program's stdout, elapsedMs that to
 * its end, peakBytes the most memory that it held. (A process inherits the peak of the one that
 * started it: this one is small, which a Deno process is not.)
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(int argc, char ** argv) {
    int output[2];
    if (argc < 2 || pipe(output) != 0) {
        return 2;
    }
    const double start = now_ms();
    const pid_t child = fork();
    if (child == 0) {
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    close(output[1]);

    double first_byte = -1;
    char buffer[4096];
    while (read(output[0], buffer, sizeof buffer) > 0) {
        if (first_byte < 0) {
            first_byte = now_ms() - start;
        }
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        return 2;
    }
    const double elapsed = now_ms() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
#if defined(__APPLE__)
    const double peak = usage.ru_maxrss;
#else
    const double peak = usage.ru_maxrss * 1024.0;
#endif
    printf("{\"firstByteMs\": %.3f, \"elapsedMs\": %.3f, \"peakBytes\": %.0f}\n",
        first_byte < 0 ? elapsed : first_byte, elapsed, peak);
    return 0;
}
