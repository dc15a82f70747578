#include "agent/config/check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/log.h"

static bool only(const char *text, const char *punctuation)
{
    for (; *text; text++) {
        if (!isalnum((unsigned char) *text) && !strchr(punctuation, *text))
            return false;
    }
    return true;
}

static bool printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

const char *config_check_hostname(const char *text)
{
    static const char what[] = "a host name of letters, digits, `-` and dots, at most 64 long";
    size_t label = 0;

    if (!*text || strlen(text) > 64)
        return what;
    for (const char *c = text;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > 63 || c[-1] == '-')
                return what;
            label = 0;
            if (!*c)
                return NULL;
        } else if (isalnum((unsigned char) *c) || (*c == '-' && label > 0)) {
            label++;
        } else {
            return what;
        }
    }
}

const char *config_check_path(const char *text)
{
    if (text[0] != '/' || !text[1] || !printable(text) || strlen(text) >= PATH_MAX / 2)
        return "an absolute path";
    return NULL;
}

const char *config_check_text(const char *text)
{
    return *text && printable(text) && strlen(text) < 1024 ? NULL : "a text of one line";
}

const char *config_check_file(const char *text)
{
    const char *path = strncmp(text, "file://", 7) == 0 ? text + 7 : text;

    return config_check_path(path) ? "an absolute path or file:///path" : NULL;
}

const char *config_check_key_file(const char *text)
{
    if (strncmp(text, "pkcs11:", 7) == 0)
        return config_check_text(text);
    return config_check_file(text) ? "an absolute path, file:///path or a pkcs11: URI" : NULL;
}

const char *config_check_tcp(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    unsigned long port;

    if (strncmp(text, "tcp://", 6) != 0 || !colon || colon <= text + 6 || strlen(text) > 64)
        return "tcp://address:port";
    port = strtoul(colon + 1, &end, 10);
    return *end || end == colon + 1 || port > UINT16_MAX ? "tcp://address:port" : NULL;
}

const char *config_check_socket(const char *text)
{
    const char *path = strncmp(text, "unix://", 7) == 0 ? text + 7 : text;

    if (config_check_path(path))
        return "unix:///path or an absolute path of a socket";
    if (strlen(path) >= sizeof((struct sockaddr_un *) 0)->sun_path)
        return "a socket path of at most 107 bytes";
    return NULL;
}

/* The form only; agent/network knows which networks will do. */
const char *config_check_subnet(const char *text)
{
    static const char what[] = "an IPv4 network such as 172.30.0.0/16";
    const char *slash = strchr(text, '/');
    char address[INET_ADDRSTRLEN];
    struct in_addr ignored;
    size_t len = slash ? (size_t) (slash - text) : sizeof address;
    size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;

    if (len >= sizeof address || digits < 1 || digits > 2 || slash[1 + digits])
        return what;
    memcpy(address, text, len);
    address[len] = '\0';
    return inet_pton(AF_INET, address, &ignored) == 1 && strtol(slash + 1, NULL, 10) <= 32 ? NULL
                                                                                           : what;
}

const char *config_check_network(const char *text)
{
    if (!isalnum((unsigned char) *text) || !only(text, "-_.") || strlen(text) > 64)
        return "a name of letters, digits, `-`, `_` and dots, at most 64 long";
    return NULL;
}

/* containerd's rule for identifiers. */
const char *config_check_namespace(const char *text)
{
    static const char what[] =
        "letters and digits with single `-`, `_` or dots between, at most 76 long";
    bool word = false; /* the character before was a letter or digit */

    if (strlen(text) > 76)
        return what;
    for (; *text; text++) {
        bool alnum = isalnum((unsigned char) *text) != 0;

        if (!alnum && (!word || !strchr("-_.", *text)))
            return what;
        word = alnum;
    }
    return word ? NULL : what;
}

const char *config_check_level(const char *text)
{
    enum edge_log_level level;

    return edge_log_parse_level(text, &level) == 0 ? NULL : "error, warning, info or debug";
}

const char *config_check_registry(const char *text)
{
    if (!isalnum((unsigned char) *text) && *text != '[')
        return "a registry's host, host:port";
    return only(text, ".:-[]") && strlen(text) <= 255 ? NULL : "a registry's host, host:port";
}

const char *config_check_mirror(const char *text)
{
    if (strstr(text, "://") || !only(text, ".:-[]/_") || strlen(text) > 512 || *text == '/')
        return "host:port or host:port/prefix, without https://";
    return *text ? NULL : "host:port or host:port/prefix";
}
