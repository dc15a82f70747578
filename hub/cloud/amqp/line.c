#include "hub/cloud/amqp/trunk.h"

void hub_line_init(struct hub_line *line)
{
    *line = (struct hub_line){.last = &line->first};
}

void hub_line_join(struct hub_line *line, struct hub_twig *twig)
{
    if (twig->line == line)
        return;
    hub_line_leave(twig);
    twig->line = line;
    twig->next_in_line = NULL;
    twig->line_link = line->last;
    *line->last = twig;
    line->last = &twig->next_in_line;
}

void hub_line_leave(struct hub_twig *twig)
{
    if (!twig->line)
        return;
    *twig->line_link = twig->next_in_line;
    if (twig->next_in_line)
        twig->next_in_line->line_link = twig->line_link;
    else
        twig->line->last = twig->line_link;
    twig->line = NULL;
}
