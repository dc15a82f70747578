#include "agent/network/result.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

enum { WORDS_MAX = 400, INTERFACES_MAX = 64 };

void agent_cni_result_fini(struct agent_cni_result *result)
{
    edge_json_free(result->json);
    *result = (struct agent_cni_result){0};
}

/* "172.30.0.2/16" -> "172.30.0.2" */
static bool find_address(const struct edge_json *ips, char ret[16])
{
    size_t len = edge_json_len(ips);

    for (size_t i = 0; i < len && i < INTERFACES_MAX; i++) {
        const char *text = edge_json_str(edge_json_get(edge_json_at(ips, i), "address"), "");
        size_t end = strcspn(text, "/");

        if (end >= 16)
            continue;
        memcpy(ret, text, end);
        ret[end] = '\0';
        if (agent_ipv4_ok(ret))
            return true;
    }
    ret[0] = '\0';
    return false;
}

static void find_veth(const struct edge_json *interfaces, const char *bridge,
                      char ret[AGENT_IFNAME])
{
    size_t len = edge_json_len(interfaces);

    ret[0] = '\0';
    for (size_t i = 0; i < len && i < INTERFACES_MAX; i++) {
        const struct edge_json *one = edge_json_at(interfaces, i);
        const char *name = edge_json_str(edge_json_get(one, "name"), "");

        if (*edge_json_str(edge_json_get(one, "sandbox"), "") || strcmp(name, bridge) == 0)
            continue;
        if (agent_ifname_ok(name))
            (void) snprintf(ret, AGENT_IFNAME, "%s", name);
    }
}

int agent_cni_result_parse(const char *text, size_t len, const char *bridge,
                           struct agent_cni_result *ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_cni_result_fini) struct agent_cni_result result = {0};
    int rc = edge_json_parse(text, len, &result.json, err);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return edge_wrap(err, EDGE_EPROTOCOL, "the plugin's answer is no JSON");
    if (!find_address(edge_json_get(result.json, "ips"), result.address))
        return edge_fail(err, EDGE_EPROTOCOL, "the plugin's answer has no IPv4 address");
    find_veth(edge_json_get(result.json, "interfaces"), bridge, result.veth);
    *ret = result;
    result.json = NULL;
    return 0;
}

/* Append @p text to @p words on one line: whatever is no plain character becomes a blank. */
static void put_words(char words[WORDS_MAX], struct edge_bytes text)
{
    size_t at = strlen(words);

    for (size_t i = 0; i < text.len && at < WORDS_MAX - 1; i++)
        words[at++] = isprint(text.data[i]) ? (char) text.data[i] : ' ';
    words[at] = '\0';
}

static void trim(char words[WORDS_MAX])
{
    size_t len = strlen(words);

    while (len > 0 && (words[len - 1] == ' ' || words[len - 1] == ';'))
        words[--len] = '\0';
}

static void put_text(char words[WORDS_MAX], const char *text)
{
    put_words(words, (struct edge_bytes){(const uint8_t *) text, strlen(text)});
}

static void put_first_line(char words[WORDS_MAX], struct edge_bytes text)
{
    const uint8_t *eol = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;

    if (eol)
        text.len = (size_t) (eol - text.data);
    put_words(words, text);
}

int agent_cni_error(const char *plugin, const char *command, int status, struct edge_bytes output,
                    struct edge_bytes errors, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    char words[WORDS_MAX] = "";
    const char *details;
    int rc = output.len > 0 ? edge_json_parse((const char *) output.data, output.len, &json, NULL)
                            : EDGE_EINVALID;

    put_text(words, edge_json_str(edge_json_get(json, "msg"), ""));
    details = edge_json_str(edge_json_get(json, "details"), "");
    put_text(words, *words ? "; " : "");
    put_text(words, details);
    trim(words);
    if (rc < 0 || !*words)
        put_first_line(words, errors);
    rc = edge_fail(err, EDGE_ECHILD, "CNI plugin %s failed to %s: %s", plugin, command,
                   *words ? words : "it gave no reason");
    if (err)
        err->status = (int) edge_json_int(edge_json_get(json, "code"), status);
    return rc;
}
