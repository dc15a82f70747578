#include <inttypes.h>
#include <stdio.h>

#include "tests/bench/load/run.h"

static double seconds(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? (double) (to_us - from_us) / 1e6 : 1e-6;
}

static void print_times(const char *what, const struct histogram *times)
{
    printf("%s_p50_us %" PRIu64 "\n%s_p99_us %" PRIu64 "\n%s_max_us %" PRIu64 "\n", what,
           histogram_at(times, 0.50), what, histogram_at(times, 0.99), what, times->max);
}

static void print_server(const struct run *run)
{
    double messages = run->load.acked ? (double) run->load.acked : 1;

    printf("pss_kib %lu\nidle_pss_kib %lu\n", run->after.pss_kib, run->idle.pss_kib);
    printf("cpu_us_per_message %.3f\n", (run->after.cpu_s - run->before.cpu_s) * 1e6 / messages);
    printf("cpu_connect_us %.1f\n",
           (run->before.cpu_s - run->idle.cpu_s) * 1e6 / (run->devices + run->subscribers));
    printf("cores %.2f\n",
           (run->after.cpu_s - run->before.cpu_s) / seconds(run->published_us, run->drained_us));
    printf("written_per_message %.0f\n",
           (run->after.written_bytes - run->before.written_bytes) / messages);
}

int run_report(const struct run *run)
{
    const struct load *load = &run->load;
    bool all = load->acked == load->sent && load->received >= run->drain &&
               (!run->subscribers || load->received >= load->acked);

    printf("connect_per_s %.0f\nup %u\nlost %u\n",
           (run->devices + run->subscribers) / run->connect_s, load->up, load->lost);
    printf("sent %" PRIu64 "\nacked %" PRIu64 "\nreceived %" PRIu64 "\n", load->sent, load->acked,
           load->received);
    printf("acked_per_s %.0f\n",
           (double) run->acked_in_time / seconds(run->published_us, run->ended_us));
    print_times("ack", &load->acks);
    if (run->subscribers) {
        printf("received_per_s %.0f\n",
               (double) load->received / seconds(load->first_us, load->last_us));
        print_times("end", &load->ends);
    }
    if (load->again) {
        printf("returned %u\nfailed %u\nrefused %u\n", load->returned, load->failed, load->refused);
        printf("settled_s %.2f\n", seconds(load->first_lost_us, load->last_up_us));
        print_times("outage", &load->outages);
    }
    if (run->pid)
        print_server(run);
    printf("loader_cores %.2f\n", run->own_cpu_s / seconds(run->published_us, run->drained_us));
    if (load->lost > 0)
        fprintf(stderr, "first lost: %s\n", load->reason);
    return load->lost == 0 && all ? 0 : 1;
}
