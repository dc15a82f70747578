#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/config/check.h"
#include "agent/config/schema.h"

static bool one_of(const char *text, const char *const *words, size_t nwords)
{
    for (size_t i = 0; i < nwords; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

const char *config_check_source(const char *text)
{
    static const char *const sources[] = {"file", "manual", "dps"};

    if (strcmp(text, "external") == 0)
        return "file, manual or dps: provisioning by an external endpoint is not offered";
    return one_of(text, sources, EDGE_ARRAY_LEN(sources)) ? NULL : "file, manual or dps";
}

const char *config_check_connection_string(const char *text)
{
    if (strlen(text) > 1024 || !strcasestr(text, "HostName=") || !strcasestr(text, "DeviceId="))
        return "a connection string, HostName=…;DeviceId=…;SharedAccessKey=…";
    return NULL;
}

const char *config_check_authentication(const char *text)
{
    static const char *const methods[] = {"x509", "sas"};

    return one_of(text, methods, EDGE_ARRAY_LEN(methods)) ? NULL : "x509 or sas";
}

const char *config_check_attestation(const char *text)
{
    static const char *const methods[] = {"symmetric_key", "x509"};

    if (strcasecmp(text, "tpm") == 0)
        return "symmetric_key or x509: attestation by TPM is not offered by this version";
    return one_of(text, methods, EDGE_ARRAY_LEN(methods)) ? NULL : "symmetric_key or x509";
}

const char *config_check_id(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr("-:.+%_#*?!(),=@;$'", *c))
            return "letters, digits and -:.+%_#*?!(),=@;$' only, at most 128";
    }
    return len > 0 && len <= 128 ? NULL : "1 to 128 characters long";
}

const char *config_check_key(const char *text)
{
    size_t len = strlen(text);
    size_t digits =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

    if (strncmp(text, "pkcs11:", 7) == 0)
        return config_check_text(text);
    digits += strspn(text + digits, "=");
    return len > 0 && len % 4 == 0 && digits == len ? NULL : "a key in base64 or a pkcs11: URI";
}

const char *config_check_token(const char *text)
{
    return strncmp(text, "pkcs11:", 7) == 0 && !config_check_text(text)
               ? NULL
               : "a pkcs11: URI that names a token";
}

const char *config_check_endpoint(const char *text)
{
    if (strncmp(text, "https://", 8) != 0 || !text[8] || strpbrk(text, "?#@ ") ||
        config_check_text(text))
        return "an https:// address";
    return NULL;
}

const char *config_check_upstream(const char *text)
{
    static const char *const protocols[] = {"Mqtt", "MqttWs", "Amqp", "AmqpWs"};

    return one_of(text, protocols, EDGE_ARRAY_LEN(protocols)) ? NULL
                                                              : "Mqtt, MqttWs, Amqp or AmqpWs";
}

const char *config_check_proxy(const char *text)
{
    return strncmp(text, "http://", 7) == 0 && text[7] && !config_check_text(text)
               ? NULL
               : "http://host:port of a proxy";
}

static int lacks(const struct config_reader *r, const char *what, const char *key)
{
    return edge_fail(r->err, EDGE_EINVALID, "%s: %s needs `%s`", r->file, what, key);
}

static int check_manual(const struct config_reader *r, const struct agent_provisioning *p)
{
    static const char what[] = "`provisioning.source: manual`";

    if (p->connection_string)
        return 0;
    if (!p->authentication.method)
        return lacks(r, what, "provisioning.device_connection_string");
    if (!p->authentication.iothub_hostname)
        return lacks(r, what, "provisioning.authentication.iothub_hostname");
    if (!p->authentication.device_id)
        return lacks(r, what, "provisioning.authentication.device_id");
    if (strcasecmp(p->authentication.method, "sas") == 0)
        return p->authentication.device_id_pk
                   ? 0
                   : lacks(r, "`method: sas`", "provisioning.authentication.device_id_pk");
    if (!p->authentication.identity_cert)
        return lacks(r, "`method: x509`", "provisioning.authentication.identity_cert");
    return p->authentication.identity_pk
               ? 0
               : lacks(r, "`method: x509`", "provisioning.authentication.identity_pk");
}

static int check_dps(const struct config_reader *r, const struct agent_provisioning *p)
{
    static const char what[] = "`provisioning.source: dps`";

    if (!p->scope_id)
        return lacks(r, what, "provisioning.scope_id");
    if (!p->attestation.method)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s: %s needs `provisioning.attestation` with `method: symmetric_key` or "
                         "`x509`; without it a TPM was meant, which is not offered by this version",
                         r->file, what);
    if (strcasecmp(p->attestation.method, "symmetric_key") == 0) {
        if (!p->attestation.registration_id)
            return lacks(r, what, "provisioning.attestation.registration_id");
        return p->attestation.symmetric_key
                   ? 0
                   : lacks(r, what, "provisioning.attestation.symmetric_key");
    }
    if (!p->attestation.identity_cert)
        return lacks(r, what, "provisioning.attestation.identity_cert");
    return p->attestation.identity_pk ? 0 : lacks(r, what, "provisioning.attestation.identity_pk");
}

static void lower(char *text)
{
    for (; text && *text; text++)
        *text = (char) tolower((unsigned char) *text);
}

static void strip_scheme(char *path)
{
    if (path && strncmp(path, "file://", 7) == 0)
        memmove(path, path + 7, strlen(path + 7) + 1);
}

static void normalise(struct agent_config *c)
{
    char *const paths[] = {
        c->provisioning.authentication.identity_cert,
        c->provisioning.authentication.identity_pk,
        c->provisioning.attestation.identity_cert,
        c->provisioning.attestation.identity_pk,
        c->certificates.device_ca_cert,
        c->certificates.device_ca_pk,
        c->certificates.trusted_ca_certs,
        c->cloud.trusted_ca,
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(paths); i++)
        strip_scheme(paths[i]);
    lower(c->provisioning.source);
    lower(c->provisioning.authentication.method);
    lower(c->provisioning.attestation.method);
}

/* The agent's own link is MQTT in each case; modules are told what was written. */
static void take_upstream(struct config_reader *r)
{
    struct agent_config *c = r->config;
    const char *protocol = c->agent.upstream_protocol;
    size_t len = protocol ? strlen(protocol) : 0;

    c->agent.upstream_websocket = len > 2 && strcasecmp(protocol + len - 2, "ws") == 0;
    if (protocol && strncasecmp(protocol, "amqp", 4) == 0)
        config_warn(r, 1, 1, "`agent.env.UpstreamProtocol: %s`: the agent itself speaks %s instead",
                    protocol, c->agent.upstream_websocket ? "MqttWs" : "Mqtt");
}

int config_provisioning_check(struct config_reader *r)
{
    struct agent_config *c = r->config;

    normalise(c);
    take_upstream(r);
    if (!c->certificates.device_ca_cert != !c->certificates.device_ca_pk)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s: `certificates` needs both `device_ca_cert` and `device_ca_pk`, or "
                         "neither",
                         r->file);
    if (strcmp(c->provisioning.source, "manual") == 0)
        return check_manual(r, &c->provisioning);
    if (strcmp(c->provisioning.source, "dps") == 0)
        return check_dps(r, &c->provisioning);
    return 0;
}
