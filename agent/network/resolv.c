#include "agent/network/resolv.h"

#include <stdio.h>

#include "agent/network/names.h"

enum { WORD_MAX = 256, SERVERS_MAX = 8, WORDS_MAX = 64 };

static const char *const public_servers[] = {"8.8.8.8", "8.8.4.4", NULL};

/* A walk over the words of one line's keyword, through all its lines. */
struct words {
    const char *at;
    const char *end;
    const char *keyword;
    bool in_line;
    char word[WORD_MAX];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the current line; false at its end. Longer words than any real one are cut. */
static bool next_in_line(struct words *w)
{
    size_t len = 0;

    while (w->at < w->end && is_blank(*w->at))
        w->at++;
    if (w->at == w->end || *w->at == '\n' || *w->at == '#' || *w->at == ';')
        return false;
    for (; w->at < w->end && !is_blank(*w->at) && *w->at != '\n'; w->at++) {
        if (len < sizeof w->word - 1)
            w->word[len++] = *w->at;
    }
    w->word[len] = '\0';
    return true;
}

static void skip_line(struct words *w)
{
    const char *eol = memchr(w->at, '\n', (size_t) (w->end - w->at));

    w->at = eol ? eol + 1 : w->end;
}

static bool next_word(struct words *w)
{
    for (;;) {
        if (w->in_line && next_in_line(w))
            return true;
        if (w->in_line)
            skip_line(w);
        w->in_line = false;
        if (w->at >= w->end)
            return false;
        if (next_in_line(w) && strcmp(w->word, w->keyword) == 0)
            w->in_line = true;
        else
            skip_line(w);
    }
}

static struct words words_of(const char *host, size_t len, const char *keyword)
{
    const char *text = host ? host : ""; /* an absent file is an empty one */

    return (struct words){.at = text, .end = text + len, .keyword = keyword};
}

static bool is_reachable_server(const char *address)
{
    return agent_ipv4_ok(address) && strncmp(address, "127.", 4) != 0 &&
           strncmp(address, "0.", 2) != 0;
}

bool agent_resolv_has_server(const char *host, size_t len)
{
    struct words w = words_of(host, len, "nameserver");

    while (next_word(&w)) {
        if (is_reachable_server(w.word))
            return true;
    }
    return false;
}

static bool is_search_domain(const char *word)
{
    return agent_host_ok(word);
}

static int check_list(const char *const *list, bool (*ok)(const char *), const char *member,
                      struct edge_err *err)
{
    for (size_t i = 0; list && list[i]; i++) {
        if (i >= WORDS_MAX)
            return edge_fail(err, EDGE_ELIMIT, "%s has more than %d entries", member, WORDS_MAX);
        if (!ok(list[i]) && !(ok == is_search_domain && strcmp(list[i], ".") == 0))
            return edge_fail(err, EDGE_EINVALID, "%s: \"%.80s\" cannot be used", member, list[i]);
    }
    return 0;
}

int agent_resolv_check(const struct agent_resolv *wanted, struct edge_err *err)
{
    int rc = check_list(wanted->dns, agent_address_ok, "HostConfig.Dns", err);

    if (rc == 0)
        rc = check_list(wanted->search, is_search_domain, "HostConfig.DnsSearch", err);
    if (rc == 0)
        rc = check_list(wanted->options, agent_resolv_option_ok, "HostConfig.DnsOptions", err);
    return rc;
}

static void put_servers(struct edge_buf *text, const char *const *servers)
{
    for (size_t i = 0; servers[i] && i < WORDS_MAX; i++) {
        if (agent_address_ok(servers[i]))
            (void) edge_buf_printf(text, "nameserver %s\n", servers[i]);
    }
}

static void put_host_servers(struct edge_buf *text, const char *host, size_t len, bool host_mode)
{
    struct words w = words_of(host, len, "nameserver");
    int n = 0;

    while (n < SERVERS_MAX && next_word(&w)) {
        if (!(host_mode ? agent_address_ok(w.word) : is_reachable_server(w.word)))
            continue;
        (void) edge_buf_printf(text, "nameserver %s\n", w.word);
        n++;
    }
    if (n == 0)
        put_servers(text, public_servers);
}

/* "keyword a b c" on one line, or nothing when no word passes. */
static void put_list(struct edge_buf *text, const char *keyword, const char *const *list,
                     bool (*ok)(const char *))
{
    bool any = false;

    for (size_t i = 0; list[i] && i < WORDS_MAX; i++) {
        if (!ok(list[i]))
            continue;
        (void) edge_buf_printf(text, "%s %s", any ? "" : keyword, list[i]);
        any = true;
    }
    if (any)
        (void) edge_buf_puts(text, "\n");
}

static void put_host_list(struct edge_buf *text, const char *keyword, const char *host, size_t len,
                          bool (*ok)(const char *))
{
    struct words w = words_of(host, len, keyword);
    int n = 0;

    while (n < WORDS_MAX && next_word(&w)) {
        if (!ok(w.word))
            continue;
        (void) edge_buf_printf(text, "%s %s", n > 0 ? "" : keyword, w.word);
        n++;
    }
    if (n > 0)
        (void) edge_buf_puts(text, "\n");
}

static bool has_entries(const char *const *list)
{
    return list && list[0];
}

int agent_resolv_text(const struct agent_resolv *wanted, const char *host, size_t len,
                      struct edge_buf *text)
{
    if (has_entries(wanted->dns))
        put_servers(text, wanted->dns);
    else
        put_host_servers(text, host, len, wanted->host_mode);
    if (has_entries(wanted->search))
        put_list(text, "search", wanted->search, is_search_domain);
    else
        put_host_list(text, "search", host, len, is_search_domain);
    if (has_entries(wanted->options))
        put_list(text, "options", wanted->options, agent_resolv_option_ok);
    else
        put_host_list(text, "options", host, len, agent_resolv_option_ok);
    return edge_buf_error(text);
}
