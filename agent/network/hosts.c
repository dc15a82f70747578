#include "agent/network/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static bool parse_address(const char *text, const char *gateway, char ret[46])
{
    size_t len = strlen(text);

    if (strcmp(text, "host-gateway") == 0) {
        (void) snprintf(ret, 46, "%s", gateway);
        return true;
    }
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= 46)
        return false;
    memcpy(ret, text, len);
    ret[len] = '\0';
    return agent_address_ok(ret);
}

int agent_extra_host_parse(const char *text, const char *gateway, struct agent_extra_host *ret,
                           struct edge_err *err)
{
    size_t len = strcspn(text, ":=");

    if (text[len] && len < sizeof ret->name) {
        memcpy(ret->name, text, len);
        ret->name[len] = '\0';
        if (agent_host_ok(ret->name) && parse_address(text + len + 1, gateway, ret->address))
            return 0;
    }
    return edge_fail(err, EDGE_EINVALID, "HostConfig.ExtraHosts: \"%.80s\" is not \"name:address\"",
                     text);
}

/* " name", unless the line, whose names begin at @p line, has said it already. */
static void put_name(struct edge_buf *text, size_t line, const char *name)
{
    size_t len = strlen(name);

    if (!agent_host_ok(name) || edge_buf_error(text) < 0)
        return;
    for (const char *at = text->data + line; (at = strcasestr(at, name)); at++) {
        if ((at[-1] == ' ' || at[-1] == '\t') && (at[len] == '\0' || at[len] == ' '))
            return;
    }
    (void) edge_buf_printf(text, "%s%s", text->data[text->len - 1] == '\t' ? "" : " ", name);
}

static void put_record(struct edge_buf *text, const struct agent_record *record,
                       const char *hostname)
{
    size_t line;

    (void) edge_buf_printf(text, "%s\t", record->address);
    line = text->len;
    put_name(text, line, hostname);
    put_name(text, line, record->module);
    for (size_t i = 0; i < record->naliases; i++)
        put_name(text, line, record->aliases[i]);
    (void) edge_buf_puts(text, "\n");
}

static void put_extra(struct edge_buf *text, const struct agent_hosts *hosts)
{
    struct agent_extra_host extra;

    for (size_t i = 0; hosts->extra_hosts && hosts->extra_hosts[i]; i++) {
        if (i < AGENT_EXTRA_HOSTS_MAX &&
            agent_extra_host_parse(hosts->extra_hosts[i], hosts->gateway, &extra, NULL) == 0)
            (void) edge_buf_printf(text, "%s\t%s\n", extra.address, extra.name);
    }
}

static int by_module(const void *a, const void *b)
{
    const struct agent_record *const *x = a;
    const struct agent_record *const *y = b;
    int order = strcmp((*x)->module, (*y)->module);

    return order ? order : strcmp((*x)->id, (*y)->id);
}

static int put_peers(struct edge_buf *text, const struct agent_hosts *hosts,
                     const struct agent_record_set *set)
{
    EDGE_CLEANUP(edge_free) const struct agent_record **sorted = NULL;

    if (set->len == 0)
        return 0;
    sorted = calloc(set->len, sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    memcpy(sorted, set->items, set->len * sizeof *sorted);
    qsort(sorted, set->len, sizeof *sorted, by_module);
    for (size_t i = 0; i < set->len; i++) {
        if (agent_record_is_up(sorted[i]) && strcmp(sorted[i]->id, hosts->id) != 0)
            put_record(text, sorted[i], "");
    }
    return 0;
}

/* A module without an address of ours (network mode "none") still knows its own name. */
static void put_own(struct edge_buf *text, const struct agent_hosts *hosts,
                    const struct agent_record_set *set)
{
    const struct agent_record *own = agent_record_set_find(set, hosts->id);

    if (own && agent_record_is_up(own))
        put_record(text, own, hosts->hostname);
    else if (agent_host_ok(hosts->hostname))
        (void) edge_buf_printf(text, "127.0.1.1\t%s\n", hosts->hostname);
}

int agent_hosts_text(const struct agent_hosts *hosts, const struct agent_record_set *set,
                     struct edge_buf *text)
{
    int rc;

    (void) edge_buf_puts(text, "127.0.0.1\tlocalhost\n"
                               "::1\tlocalhost ip6-localhost ip6-loopback\n"
                               "ff02::1\tip6-allnodes\n"
                               "ff02::2\tip6-allrouters\n");
    put_own(text, hosts, set);
    put_extra(text, hosts);
    rc = put_peers(text, hosts, set);
    return rc < 0 ? rc : edge_buf_error(text);
}

int agent_hosts_copy(const struct agent_hosts *hosts, const struct edge_buf *host,
                     struct edge_buf *text)
{
    (void) edge_buf_append(text, host->data, host->len);
    if (host->len > 0 && host->data[host->len - 1] != '\n')
        (void) edge_buf_puts(text, "\n");
    put_extra(text, hosts);
    return edge_buf_error(text);
}
