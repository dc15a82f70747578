#include <errno.h>
#include <proton/link.h>
#include <proton/terminus.h>
#include <stdlib.h>
#include <string.h>

#include "hub/amqp/incoming.h"
#include "hub/amqp/links.h"
#include "hub/amqp/message.h"
#include "hub/amqp/outgoing.h"
#include "hub/amqp/turn.h"
#include "hub/amqp/value.h"

enum { ATTACH_BYTES = 64 * 1024, ADDRESS_MAX = 1024 };

struct hub_amqp_link *hub_amqp_link_ref(struct hub_amqp_link *link)
{
    link->refs++;
    return link;
}

void hub_amqp_link_unref(struct hub_amqp_link *link)
{
    if (--link->refs > 0)
        return;
    edge_buf_fini(&link->partial);
    free(link->address);
    free(link);
}

static void put_in(struct hub_amqp_connection *c, struct hub_amqp_link *link)
{
    link->prev = NULL;
    link->next = c->links;
    if (link->next)
        link->next->prev = link;
    else
        c->last = link;
    c->links = link;
}

static void take_out(struct hub_amqp_connection *c, struct hub_amqp_link *link)
{
    if (link->prev)
        link->prev->next = link->next;
    else
        c->links = link->next;
    if (link->next)
        link->next->prev = link->prev;
    else
        c->last = link->prev;
}

/* Take it off the connection; tell its node; its memory goes at the end of the turn. */
static void end(struct hub_amqp_link *link)
{
    struct hub_amqp_connection *c = link->connection;

    take_out(c, link);
    link->next = c->dead;
    c->dead = link;
    pn_link_set_context(link->engine, NULL);
    link->engine = NULL; /* from here on it takes nothing */
    hub_amqp_incoming_end(link);
    hub_amqp_outgoing_end(link);
    if (link->ops)
        link->ops->detached(link, link->arg);
    if (c->busy == 0)
        hub_amqp_flush_soon(c);
}

void hub_amqp_links_reap(struct hub_amqp_connection *c)
{
    while (c->dead) {
        struct hub_amqp_link *link = c->dead;

        c->dead = link->next;
        hub_amqp_link_unref(link);
    }
}

void hub_amqp_links_end(struct hub_amqp_connection *c, pn_session_t *session)
{
    struct hub_amqp_link *link = c->links, *next;

    while (link) {
        if (session && pn_link_session(link->engine) != session) {
            link = link->next;
            continue;
        }
        next = link->next;
        end(link);
        link = next && !next->engine ? c->links : next; /* its node may have ended others */
    }
}

/* What a node does may change the list: each goes to its front when it has had its turn. */
void hub_amqp_links_resume(struct hub_amqp_connection *c)
{
    struct hub_amqp_link *link;

    c->round++;
    while (!c->ended && (link = c->last) && link->round != c->round) {
        link->round = c->round;
        take_out(c, link);
        put_in(c, link);
        if (link->taken && !link->client_sends)
            hub_amqp_outgoing_credit(link);
    }
}

/* "amqps://host/path", "path" and "/path" to "/path"; "$cbs" and "/$cbs" to "$cbs". */
static char *normal(const char *address)
{
    const char *path = strstr(address, "://");

    if (path) {
        path = strchr(path + 3, '/');
        path = path ? path : "";
    } else {
        path = address;
    }
    if (path[0] == '/' && path[1] == '$')
        path++;
    return edge_format("%s%s", path[0] == '/' || path[0] == '$' ? "" : "/", path);
}

/* A tree of the engine as pairs. */
static int pairs_of(struct hub_amqp_arena *arena, pn_data_t *tree, const struct hub_amqp_pair **ret,
                    size_t *ret_n)
{
    ssize_t size = tree ? pn_data_encoded_size(tree) : 0;
    char *text;

    if (size <= 0)
        return 0;
    text = hub_amqp_arena_get(arena, (size_t) size);
    if (!text || pn_data_encode(tree, text, (size_t) size) != size)
        return EDGE_ELIMIT;
    return hub_amqp_pairs_read(arena, (struct edge_bytes){(uint8_t *) text, (size_t) size}, ret,
                               ret_n);
}

/* The text of the one selector; its key is the client's choice. */
static const char *selector_of(struct hub_amqp_arena *arena, pn_link_t *engine)
{
    const struct hub_amqp_pair *filters = NULL;
    size_t n = 0;

    if (pairs_of(arena, pn_terminus_filter(pn_link_remote_source(engine)), &filters, &n) < 0)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct hub_amqp_value *value = &filters[i].value;

        if (value->kind == HUB_AMQP_STRING &&
            (n == 1 || strcmp(filters[i].name, "apache.org:selector-filter:string") == 0))
            return hub_amqp_arena_copy(arena, value->s);
    }
    return NULL;
}

static void remember_client(struct hub_amqp_connection *c, const struct hub_amqp_attach *attach)
{
    const struct hub_amqp_value *name =
        hub_amqp_find(attach->properties, attach->nproperties, "com.microsoft:client-version");
    char *copy;

    if (!name || name->kind != HUB_AMQP_STRING || name->s.len == 0 || name->s.len > 512)
        return;
    copy = edge_format("%.*s", (int) name->s.len, (const char *) name->s.data);
    if (!copy)
        return;
    free(c->client);
    c->client = copy;
}

static int ask(struct hub_amqp_link *link, const struct hub_amqp_attach *attach)
{
    struct hub_amqp_connection *c = link->connection;
    const struct hub_amqp_options *o = &c->server->options;
    int rc = HUB_AMQP_NOT_MINE;

    c->used_grant = 0;
    if (o->nodes && o->nodes->attach)
        rc = o->nodes->attach(link, attach, o->arg);
    if (rc != HUB_AMQP_NOT_MINE)
        link->grant = c->used_grant;
    if (rc == HUB_AMQP_NOT_MINE)
        rc = hub_amqp_cbs_attach(link, attach);
    if (rc == HUB_AMQP_NOT_MINE)
        rc = hub_amqp_person_attach(link, attach);
    return rc;
}

static void offer(struct hub_amqp_link *link, pn_link_t *engine)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ATTACH_BYTES);
    struct hub_amqp_attach attach = {
        .address = link->address, .name = pn_link_name(engine), .client_sends = link->client_sends};
    int rc = pairs_of(&arena, pn_link_remote_properties(engine), &attach.properties,
                      &attach.nproperties);

    if (rc == 0) {
        attach.selector = selector_of(&arena, engine);
        remember_client(link->connection, &attach);
        rc = ask(link, &attach);
    }
    hub_amqp_arena_fini(&arena);
    if (!link->engine)
        return; /* refused */
    if (rc == HUB_AMQP_NOT_MINE)
        hub_amqp_refuse(link, "amqp:not-found", "there is no such address");
    else if (rc < 0)
        hub_amqp_refuse(link, "amqp:invalid-field", edge_strerror(rc));
}

static struct hub_amqp_link *create(struct hub_amqp_connection *c, pn_link_t *engine,
                                    const char *address)
{
    struct hub_amqp_link *link = calloc(1, sizeof *link);

    if (!link)
        return NULL;
    *link = (struct hub_amqp_link){.connection = c,
                                   .refs = 1,
                                   .round = c->round,
                                   .engine = engine,
                                   .client_sends = pn_link_is_receiver(engine)};
    edge_buf_init(&link->partial, HUB_AMQP_MESSAGE_MAX);
    link->incoming_tail = &link->incoming;
    link->waiting_tail = &link->waiting;
    link->address = normal(address);
    put_in(c, link);
    pn_link_set_context(engine, link);
    return link;
}

void hub_amqp_link_opened(struct hub_amqp_connection *c, pn_link_t *engine)
{
    pn_terminus_t *terminus =
        pn_link_is_receiver(engine) ? pn_link_remote_target(engine) : pn_link_remote_source(engine);
    const char *address = pn_terminus_get_address(terminus);
    bool plain = address && !pn_terminus_is_dynamic(terminus) && strlen(address) <= ADDRESS_MAX;
    struct hub_amqp_link *link = create(c, engine, plain ? address : "");

    if (!link || !link->address)
        hub_amqp_drop(c, HUB_AMQP_STARVED, NULL);
    else if (!plain)
        hub_amqp_refuse(link, "amqp:not-implemented", "a link needs an address");
    else
        offer(link, engine);
}

void hub_amqp_link_closed(pn_link_t *engine, bool closed)
{
    struct hub_amqp_link *link = pn_link_get_context(engine);

    if (link)
        end(link);
    if (closed)
        pn_link_close(engine);
    else
        pn_link_detach(engine);
    pn_link_free(engine);
}

void hub_amqp_take(struct hub_amqp_link *link, const struct hub_amqp_link_ops *ops, void *arg,
                   unsigned credit)
{
    pn_link_t *engine = link->engine;

    link->ops = ops;
    link->arg = arg;
    link->taken = true;
    link->connection->welcome = true;
    pn_terminus_copy(pn_link_source(engine), pn_link_remote_source(engine));
    pn_terminus_copy(pn_link_target(engine), pn_link_remote_target(engine));
    pn_link_set_snd_settle_mode(engine, pn_link_remote_snd_settle_mode(engine));
    pn_link_set_rcv_settle_mode(engine, pn_link_remote_rcv_settle_mode(engine));
    pn_link_set_max_message_size(engine, HUB_AMQP_MESSAGE_MAX);
    pn_link_open(engine);
    if (link->client_sends) {
        link->window = credit;
        pn_link_flow(engine, (int) credit);
    } else {
        hub_amqp_outgoing_credit(link); /* clients give it with their attach */
    }
    hub_amqp_flush_soon(link->connection);
}

void hub_amqp_hold(struct hub_amqp_link *link, const struct hub_amqp_link_ops *ops, void *arg)
{
    link->ops = ops;
    link->arg = arg;
}

/* Attach (when that has not been) and detach. */
static void refuse(struct hub_amqp_link *link, const char *condition, const char *text,
                   const struct hub_amqp_pair *info, size_t ninfo)
{
    pn_link_t *engine = link->engine;
    struct edge_buf encoded = EDGE_BUF_INIT(ATTACH_BYTES);
    pn_condition_t *why;

    if (!engine)
        return;
    if (!link->taken) {
        pn_terminus_set_type(pn_link_source(engine), PN_UNSPECIFIED);
        pn_terminus_set_type(pn_link_target(engine), PN_UNSPECIFIED);
        pn_link_open(engine);
    }
    why = pn_link_condition(engine);
    if (condition) {
        pn_condition_set_name(why, condition);
        pn_condition_set_description(why, text);
    }
    if (ninfo > 0) {
        hub_amqp_pairs_write(&encoded, info, ninfo, HUB_AMQP_SYMBOL);
        if (edge_buf_error(&encoded) == 0)
            (void) pn_data_decode(pn_condition_info(why), encoded.data, encoded.len);
        edge_buf_fini(&encoded);
    }
    pn_link_close(engine);
    end(link);
}

void hub_amqp_refuse(struct hub_amqp_link *link, const char *condition, const char *text)
{
    refuse(link, condition, text, NULL, 0);
}

void hub_amqp_redirect(struct hub_amqp_link *link, const struct hub_amqp_pair *info, size_t ninfo)
{
    refuse(link, "amqp:link:redirect", "this address is served elsewhere", info, ninfo);
}

struct hub_amqp_connection *hub_amqp_link_connection(const struct hub_amqp_link *link)
{
    return link->connection;
}

const struct edge_tls_peer *hub_amqp_certificate(const struct hub_amqp_connection *c)
{
    return c->ended ? NULL : edge_stream_certificate(c->stream);
}

void hub_amqp_link_flow(pn_link_t *engine)
{
    struct hub_amqp_link *link = pn_link_get_context(engine);

    if (link && link->taken && !link->client_sends)
        hub_amqp_outgoing_credit(link);
}

void hub_amqp_link_delivery(pn_link_t *engine, pn_delivery_t *delivery)
{
    struct hub_amqp_link *link = pn_link_get_context(engine);

    if (!link)
        hub_amqp_incoming_ignore(engine, delivery);
    else if (link->client_sends)
        hub_amqp_incoming_delivery(link, delivery);
    else
        hub_amqp_outgoing_updated(link, delivery);
}
