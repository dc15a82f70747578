#include "agent/runtime/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/crypto/sha256.h"

enum { LABEL_MAX = 4096, PIECE = 3900, PIECES_MAX = 64, LABELS_MAX = 1024, ID_MAX = 76 };

static bool is_legal_id(const char *text)
{
    size_t len = strlen(text);
    bool after_mark = true; /* a mark may neither begin, end nor follow another */

    if (len == 0 || len > ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool alnum = isalnum((unsigned char) text[i]) != 0;

        if (!alnum && (after_mark || !strchr("._-", text[i])))
            return false;
        after_mark = !alnum;
    }
    return !after_mark;
}

void agent_container_id(const char *module, char id[AGENT_ID_SIZE])
{
    char hex[EDGE_SHA256_HEX];
    size_t used = 0;

    if (is_legal_id(module)) {
        (void) snprintf(id, AGENT_ID_SIZE, "%s", module);
        return;
    }
    for (const char *c = module; *c && used < 40; c++) {
        if (isalnum((unsigned char) *c))
            id[used++] = *c;
    }
    edge_sha256_of(module, strlen(module), hex);
    (void) snprintf(id + used, AGENT_ID_SIZE - used, "%s%.16s", used ? "-" : "", hex);
}

struct agent_labels {
    struct agent_ctrd_label *items;
    size_t len;
};

struct agent_labels *agent_labels_create(void)
{
    return calloc(1, sizeof(struct agent_labels));
}

struct agent_labels *agent_labels_free(struct agent_labels *labels)
{
    if (!labels)
        return NULL;
    for (size_t i = 0; i < labels->len; i++) {
        free((char *) (uintptr_t) labels->items[i].key);
        free((char *) (uintptr_t) labels->items[i].value);
    }
    free(labels->items);
    free(labels);
    return NULL;
}

int agent_labels_add(struct agent_labels *labels, const char *key, const char *value)
{
    struct agent_ctrd_label item;
    struct agent_ctrd_label *items;

    if (strlen(key) + strlen(value) > LABEL_MAX || labels->len >= LABELS_MAX)
        return EDGE_ELIMIT;
    items = reallocarray(labels->items, labels->len + 1, sizeof *items);
    if (!items)
        return -ENOMEM;
    labels->items = items;
    item = (struct agent_ctrd_label){strdup(key), strdup(value)};
    items[labels->len++] = item;
    return item.key && item.value ? 0 : -ENOMEM;
}

const struct agent_ctrd_label *agent_labels_items(const struct agent_labels *labels,
                                                  size_t *ret_len)
{
    *ret_len = labels->len;
    return labels->items;
}

static void piece_key(size_t number, char key[64])
{
    if (number == 0)
        (void) snprintf(key, 64, "%s", AGENT_LABEL_SPEC);
    else
        (void) snprintf(key, 64, "%s%02zu", AGENT_LABEL_SPEC, number);
}

/* Where to cut: never inside a UTF-8 character, for containerd 2.x refuses the halves. */
static size_t piece_len(const char *text)
{
    size_t len = strnlen(text, PIECE);

    while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static int add_pieces(struct agent_labels *labels, const char *text)
{
    for (size_t i = 0; i < PIECES_MAX; i++) {
        char key[64];
        char value[PIECE + 1];
        size_t len = piece_len(text);
        int rc;

        memcpy(value, text, len);
        value[len] = '\0';
        text += len;
        piece_key(i, key);
        rc = agent_labels_add(labels, key, value);
        if (rc < 0)
            return rc;
    }
    return *text ? EDGE_ELIMIT : 0;
}

int agent_labels_add_spec(struct agent_labels *labels, const struct agent_module_spec *spec)
{
    int rc = agent_labels_add(labels, AGENT_LABEL_MODULE, spec->name);

    if (rc == 0)
        rc = agent_labels_add(labels, AGENT_LABEL_HASH, spec->hash);
    if (rc == 0)
        rc = add_pieces(labels, spec->text);
    return rc;
}

char *agent_labels_spec_text(const struct agent_ctrd_container *container)
{
    struct edge_buf text;

    edge_buf_init(&text, (size_t) PIECES_MAX * LABEL_MAX);
    for (size_t i = 0; i < PIECES_MAX; i++) {
        char key[64];
        const char *value;

        piece_key(i, key);
        value = agent_ctrd_container_label(container, key);
        if (!value || !*value)
            break;
        (void) edge_buf_puts(&text, value);
    }
    if (text.len == 0) {
        edge_buf_fini(&text);
        return NULL;
    }
    return edge_buf_take(&text);
}
