/* How far the deployment has come with a module. */
#include "agent/supervisor/identity.h"

/* Up or down as it is wanted to be, or down by its own doing: then its policy has the say. */
static bool is_as_wanted(const struct sup_module *m, const struct agent_module_spec *spec)
{
    bool up = m->life.state == MODULE_RUNNING || m->life.state == MODULE_UNHEALTHY;
    bool down = m->life.state == MODULE_STOPPED || m->life.state == MODULE_FAILED ||
                m->life.state == MODULE_BACKOFF;

    if (spec->want == AGENT_WANT_STOPPED)
        return m->life.state == MODULE_STOPPED;
    return up ||
           (down && agent_module_ended_by_itself(&m->life) && m->life.down != AGENT_DOWN_NO_START);
}

static bool is_applied(const struct sup_module *m)
{
    const struct agent_module_spec *spec = sup_wanted(m);

    return spec && sup_is_current(m, spec) && strcmp(m->applied->text, spec->text) == 0 &&
           is_as_wanted(m, spec);
}

/* A note that says what went wrong; others only tell. */
static bool is_complaint(const char *note)
{
    return strncmp(note, "cannot ", 7) == 0 || strncmp(note, "settings.", 9) == 0;
}

/* What keeps it from being applied, or NULL: it is only under way. */
static const char *problem_of(const struct sup_module *m, const struct sup_pull *pull)
{
    const struct sup_identity *missing = sup_identity_missing(m);

    if (missing)
        return missing->error;
    if (pull && pull->state == SUP_PULL_WAITING && *pull->error)
        return pull->error;
    return m->tried && is_complaint(m->note) ? m->note : NULL;
}

void sup_progress_put(struct edge_json *object, const struct sup_module *m,
                      const struct sup_pull *pull)
{
    bool applied = is_applied(m);
    const char *problem = applied ? NULL : problem_of(m, pull);

    edge_ignore(edge_json_set_bool(object, "applied", applied));
    if (problem)
        edge_ignore(edge_json_set_str(object, "problem", problem));
}
