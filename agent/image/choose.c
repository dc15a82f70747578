/* Which manifest of an index runs here. */
#include <string.h>

#include "agent/image/manifest.h"

enum { LAST_RESORT = 1000 };

/* "linux/amd64, linux/arm/v7, …" for the text of a refusal. */
static void list_platforms(const struct agent_manifest *index, struct edge_buf *text)
{
    for (size_t i = 0; i < index->nentries; i++) {
        const struct agent_manifest_entry *entry = &index->entries[i];

        if (strcmp(entry->os, "unknown") == 0)
            continue; /* attestations */
        edge_buf_printf(text, "%s%.20s/%.20s%s%.20s", text->len ? ", " : "", entry->os,
                        entry->architecture, *entry->variant ? "/" : "", entry->variant);
    }
}

static int rank_entry(const struct agent_manifest_entry *entry, const struct agent_platform *host)
{
    const struct agent_platform platform = {entry->os, entry->architecture, entry->variant};

    if (!*entry->os && !*entry->architecture)
        return LAST_RESORT; /* not said: the image's config will tell */
    return agent_platform_rank(host, &platform);
}

int agent_manifest_choose(const struct agent_manifest *index, const struct agent_platform *host,
                          const struct agent_manifest_blob **ret, struct edge_err *err)
{
    const struct agent_manifest_entry *best = NULL;
    int best_rank = -1;
    struct edge_buf text;
    int rc;

    for (size_t i = 0; i < index->nentries; i++) {
        const struct agent_manifest_entry *entry = &index->entries[i];
        int rank = rank_entry(entry, host);

        if (rank >= 0 && (!best || rank < best_rank)) {
            best = entry;
            best_rank = rank;
        }
    }
    if (best) {
        *ret = &best->manifest;
        return 0;
    }
    edge_buf_init(&text, 300);
    list_platforms(index, &text);
    rc = edge_fail(err, EDGE_EUNSUPPORTED, "no build for %s/%s%s%s; there is %s", host->os,
                   host->architecture, *host->variant ? "/" : "", host->variant,
                   text.len ? text.data : "none at all");
    edge_buf_fini(&text);
    return rc;
}
