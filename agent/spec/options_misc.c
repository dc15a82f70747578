/* The rest of the top level: environment, labels, names, stopping. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"
#include "agent/spec/spec.h"

enum {
    LABEL_MAX = 4096, /* containerd's, key and value together */
    STOP_MAX_S = 24 * 3600,
};

/* "K" alone means "K=": IoT Edge's reading, not Docker's (which takes K away). A value is never
 * quoted in an error: it may be a secret. */
static int check_env(struct opt_reader *reader, char **item, size_t *total)
{
    size_t name = strcspn(*item, "=");

    if (name == 0)
        return opt_fail(reader, EDGE_EINVALID, "the variable has no name");
    *total += strlen(*item) + 2;
    if (*total > OPT_MAX_ENV)
        return opt_fail(reader, EDGE_ELIMIT, "the environment is larger than %d bytes",
                        OPT_MAX_ENV);
    if ((*item)[name] == '=')
        return 0;
    return opt_keep(item, edge_format("%s=", *item));
}

int opt_env(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    size_t total = 0;
    int rc = opt_texts(reader, value, field);

    for (size_t i = 0; rc == 0 && (*list)[i]; i++) {
        size_t before = opt_enter_index(reader, i);

        rc = check_env(reader, &(*list)[i], &total);
        opt_leave(reader, before);
    }
    return rc;
}

static int add_label(struct opt_reader *reader, const char *key, const struct edge_json *value)
{
    struct agent_options *out = reader->out;
    struct agent_pair pair = {0};
    struct agent_pair *more;
    int rc = 0;

    if (!*key)
        return opt_fail(reader, EDGE_EINVALID, "a label has no name");
    if (value)
        rc = opt_text(reader, value, &pair.value);
    else
        rc = opt_keep(&pair.value, strdup(""));
    if (rc == 0 && strlen(key) + strlen(pair.value) > LABEL_MAX)
        rc = opt_fail(reader, EDGE_ELIMIT, "name and value are longer than %d bytes", LABEL_MAX);
    pair.key = strdup(key);
    more = rc == 0 && pair.key ? opt_extend(out->labels, out->nlabels, sizeof *more) : NULL;
    if (!more) {
        free(pair.key);
        free(pair.value);
        return rc < 0 ? rc : -ENOMEM;
    }
    out->labels = more;
    more[out->nlabels++] = pair;
    return 0;
}

int opt_labels(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each_member(reader, value, add_label);
}

int opt_hostname(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **name = field;
    int rc = opt_word(reader, value, field);

    if (rc < 0)
        return rc;
    if (strlen(*name) > 64)
        return opt_fail(reader, EDGE_EINVALID, "is longer than 64 bytes");
    for (const char *c = *name; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr("-._", *c))
            return opt_fail(reader, EDGE_EINVALID, "`%s` is not a host name", *name);
    }
    if (!**name) {
        free(*name);
        *name = NULL;
    }
    return 0;
}

int opt_workdir(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    char *clean = NULL;
    int rc = opt_text(reader, value, &text);

    if (rc < 0 || !*text)
        return rc;
    rc = opt_clean_path(reader, text, &clean);
    return rc < 0 ? rc : opt_keep(field, clean);
}

int opt_stop_signal(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **text = field;
    int number;
    int rc = opt_word(reader, value, field);

    if (rc == 0 && !**text) {
        free(*text);
        *text = NULL;
        return 0;
    }
    if (rc == 0 && agent_signal_parse(*text, &number) < 0)
        return opt_fail(reader, EDGE_EINVALID, "`%.40s` is not a signal", *text);
    return rc;
}

/* Docker waits for ever at -1; a day is long enough. */
int opt_stop_timeout(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t seconds;
    int rc = opt_number(reader, value, &seconds);

    if (rc < 0)
        return rc;
    *(int *) field = seconds < 0 || seconds > STOP_MAX_S ? STOP_MAX_S : (int) seconds;
    return 0;
}
