/* Bringing the reported section under IoT Hub's limit: what can be read elsewhere goes first, and
 * of it what takes most room. */
#include <stdlib.h>
#include <strings.h>

#include "agent/cloud/reported.h"
#include "common/base/bytes.h"
#include "common/iothub/twin.h"

/* In the order in which they are given up. */
static const struct piece {
    const char *within; /* object of the module that holds it, or NULL: the module itself */
    const char *name;   /* a member; with its numbered pieces when it is createOptions */
    const char *word;   /* for lastDesiredStatus.description; NULL: as part of the one before */
} pieces[] = {
    {"settings", "createOptions", "createOptions"},
    {NULL, "env", "env"},
    {NULL, "statusDescription", "statusDescription"},
    {"settings", "imageHash", "details"},
    {NULL, "lastRestartTimeUtc", NULL},
    {NULL, "imagePullPolicy", NULL},
    {NULL, "lastExitTimeUtc", NULL},
    {NULL, "restartPolicy", NULL},
    {NULL, "version", NULL},
    {NULL, "lastStartTimeUtc", NULL},
    {NULL, "restartCount", NULL},
    {NULL, "settings", NULL},
};

enum { SAID_MAX = 200 }; /* bytes of what is added to the description */

struct candidate {
    struct edge_json *module;
    size_t gain;
};

struct fit {
    struct edge_json *reported;
    size_t size;
    size_t max;
    struct candidate *modules; /* of modules and systemModules */
    size_t nmodules;
    struct edge_buf said;
};

static bool is_piece(const char *member, const char *name)
{
    size_t len = strlen(name);

    return strncmp(member, name, len) == 0 &&
           (!member[len] || (strcmp(name, "createOptions") == 0 &&
                             !member[len + strspn(member + len, "0123456789")]));
}

static struct edge_json *holder(const struct piece *piece, struct edge_json *module)
{
    return piece->within ? edge_json_get(module, piece->within) : module;
}

/* What goes with a piece, as IoT Hub counts; rather too little. */
static size_t gain_of(const struct piece *piece, struct edge_json *module)
{
    size_t gain = 0;

    for (edge_json_foreach (it, holder(piece, module))) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *alone = NULL;

        if (!is_piece(it.name, piece->name))
            continue;
        alone = edge_json_new_object();
        if (edge_json_set(alone, it.name, edge_json_copy(it.value)) == 0)
            gain += edge_twin_size(alone) - strlen("{}");
    }
    return gain;
}

static void drop(const struct piece *piece, struct edge_json *module)
{
    struct edge_json *object = holder(piece, module);
    struct edge_json_iter it = edge_json_first(object);

    while (it.name) {
        EDGE_CLEANUP(edge_free) char *name = edge_strdup(it.name);

        edge_json_next(&it); /* before its member goes */
        if (name && is_piece(name, piece->name))
            edge_json_del(object, name);
    }
}

static int larger_first(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    return (x->gain < y->gain) - (x->gain > y->gain);
}

static bool fits(const struct fit *fit)
{
    return fit->size + SAID_MAX <= fit->max;
}

/* @return how many modules have lost the piece */
static unsigned give_up(struct fit *fit, const struct piece *piece)
{
    unsigned lost = 0;

    for (size_t i = 0; i < fit->nmodules; i++)
        fit->modules[i].gain = gain_of(piece, fit->modules[i].module);
    qsort(fit->modules, fit->nmodules, sizeof *fit->modules, larger_first);
    for (size_t i = 0; i < fit->nmodules && !fits(fit) && fit->modules[i].gain > 0; i++) {
        drop(piece, fit->modules[i].module);
        fit->size -= fit->modules[i].gain;
        lost++;
    }
    fit->size = edge_twin_size(fit->reported);
    return lost;
}

static void say(struct fit *fit, unsigned n, const char *word)
{
    if (n > 0)
        edge_ignore(edge_buf_printf(&fit->said, "%s%s of %u module%s",
                                    fit->said.len > 0 ? ", " : "left out for its size: ", word, n,
                                    n == 1 ? "" : "s"));
}

static int collect(struct fit *fit)
{
    static const char *const sections[] = {"modules", "systemModules"};
    size_t most = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(sections); i++)
        most += edge_json_len(edge_json_get(fit->reported, sections[i]));
    fit->modules = calloc(most + 1, sizeof *fit->modules);
    if (!fit->modules)
        return -1;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(sections); i++)
        for (edge_json_foreach (it, edge_json_get(fit->reported, sections[i])))
            fit->modules[fit->nmodules++].module = it.value;
    return 0;
}

/* Nothing else helps: registries, then whole modules from the end. */
static void give_up_modules(struct fit *fit)
{
    struct edge_json *modules = edge_json_get(fit->reported, "modules");
    unsigned lost = 0;

    if (!fits(fit))
        edge_json_del(edge_json_get(fit->reported, "runtime"), "settings");
    fit->size = edge_twin_size(fit->reported);
    while (!fits(fit) && edge_json_len(modules) > 0) {
        EDGE_CLEANUP(edge_free) char *last = NULL;

        for (edge_json_foreach (it, modules)) {
            edge_free(last);
            last = edge_strdup(it.name);
        }
        if (!last)
            return;
        edge_json_del(modules, last);
        fit->size = edge_twin_size(fit->reported);
        lost++;
    }
    say(fit, lost, "all");
}

static void tell(struct fit *fit)
{
    struct edge_json *status = edge_json_need_object(fit->reported, "lastDesiredStatus");
    const char *before = edge_json_str(edge_json_get(status, "description"), "");
    EDGE_CLEANUP(edge_free)
    char *text =
        edge_format("%s%s%s", before, *before ? "; " : "", fit->said.data ? fit->said.data : "");

    if (text)
        edge_ignore(edge_json_set_str(status, "description", text));
}

bool agent_reported_fit(struct edge_json *reported, size_t max)
{
    struct fit fit = {reported, edge_twin_size(reported), max, NULL, 0, EDGE_BUF_INIT(SAID_MAX)};
    const char *word = "";
    unsigned lost = 0;

    if (fit.size <= max)
        return false;
    if (collect(&fit) < 0)
        return false;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(pieces) && !fits(&fit); i++) {
        unsigned n = give_up(&fit, &pieces[i]);

        if (pieces[i].word) {
            say(&fit, lost, word);
            lost = 0;
            word = pieces[i].word;
        }
        lost = n > lost ? n : lost;
    }
    say(&fit, lost, word);
    give_up_modules(&fit);
    tell(&fit);
    edge_buf_fini(&fit.said);
    free(fit.modules);
    return true;
}
