#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/desired/reader.h"

/* A copy of the text without blanks around it. */
static char *trimmed(const char *text)
{
    size_t len;

    while (isspace((unsigned char) *text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char) text[len - 1]))
        len--;
    return strndup(text, len);
}

static bool has_odd_characters(const char *text)
{
    for (; *text; text++) {
        if (!isalnum((unsigned char) *text) && !strchr("._-:/@$+[]", *text))
            return true;
    }
    return false;
}

static int check_digest(const struct desired_reader *r, const char *path, const char *at)
{
    const char *hex = strchr(at, ':');

    if (!hex || hex == at + 1 || strlen(hex + 1) < 32 ||
        hex[1 + strspn(hex + 1, "0123456789abcdef")] != '\0')
        return desired_bad(r, path, "\"%.100s\" is no digest such as \"@sha256:<hex>\"", at);
    return 0;
}

/* What registries would refuse anyway, found before anything is stopped for it. */
static int check(const struct desired_reader *r, const char *path, const char *text)
{
    const char *last = strrchr(text, '/');
    const char *at = strchr(text, '@');
    const char *colon;

    last = last ? last + 1 : text;
    if (!*text)
        return desired_bad(r, path, "is blank");
    if (strlen(text) > 512 || has_odd_characters(text))
        return desired_bad(r, path, "\"%.100s\" is not an image's name", text);
    if (!*last || *last == ':' || *last == '@' || text[0] == '/')
        return desired_bad(r, path, "\"%.100s\" has no name before the tag", text);
    if (at && at < last)
        return desired_bad(r, path, "\"%.100s\" has a `/` behind its digest", text);
    colon = strchr(last, ':');
    if (colon && (!at || colon < at)) {
        const char *end = at ? at : text + strlen(text);

        if (colon + 1 == end || memchr(colon + 1, ':', (size_t) (end - colon - 1)))
            return desired_bad(r, path, "\"%.100s\" must have one tag behind one colon", text);
    }
    return at ? check_digest(r, path, at) : 0;
}

/* IoT Edge writes the default tag out, so that "a" and "a:latest" are the same wish. */
static char *with_tag(const char *text)
{
    const char *last = strrchr(text, '/');

    last = last ? last + 1 : text;
    return strpbrk(last, ":@") ? edge_strdup(text) : edge_format("%s:latest", text);
}

int desired_take_image(const struct desired_reader *r, const struct edge_json *settings,
                       const char *path, char **ret)
{
    EDGE_CLEANUP(edge_free) char *raw = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = desired_take_text(r, settings, "image", path, NULL, &raw);

    if (rc < 0)
        return rc;
    text = trimmed(raw);
    if (!text)
        return -ENOMEM;
    rc = check(r, path, text);
    if (rc == 0)
        rc = desired_check_upstream(r, path, text);
    if (rc < 0)
        return rc;
    *ret = with_tag(text);
    return *ret ? 0 : -ENOMEM;
}
