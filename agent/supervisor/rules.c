/* The rules of the module network, which others may flush: looked at with every list. */
#include <stdlib.h>

#include "agent/supervisor/internal.h"
#include "common/base/log.h"

struct look {
    struct agent_supervisor *sup;
    int rc;
    struct edge_err err;
};

static void look_work(void *arg)
{
    struct look *look = arg;

    look->rc = agent_network_check(look->sup->cfg.net, &look->err);
}

static void look_done(void *arg)
{
    struct look *look = arg;

    look->sup->looking = false;
    if (look->rc > 0)
        edge_warn("the rules of the module network were gone, flushed by another program perhaps: "
                  "they are written again");
    else if (look->rc < 0)
        edge_error("the rules of the module network are gone, published ports do not answer: %s",
                   look->err.text);
    free(look);
}

void sup_rules_look(struct agent_supervisor *sup)
{
    struct look *look = sup->looking ? NULL : calloc(1, sizeof *look);

    if (!look)
        return; /* the next list will do */
    look->sup = sup;
    sup->looking = true;
    edge_pool_submit(sup->net, look_work, look_done, look);
}
