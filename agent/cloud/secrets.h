/* agent/cloud/secrets.h - what of a module's settings must not be shown to whoever reads the twin.
 * Pure; any thread. The rule is in the README: a name that says so, or a value that is one. */
#ifndef AGENT_CLOUD_SECRETS_H
#define AGENT_CLOUD_SECRETS_H

#include <stdbool.h>

#include "common/json/json.h"

#define AGENT_SECRET_MASK "***"

/** Is the variable @p name one whose value is hidden? */
bool agent_secret_name(const char *name);
/** Does @p value carry a credential: a connection string, a SAS token, a URL with a password? */
bool agent_secret_value(const char *value);
/** A copy in which texts under such names, such values, and the right side of "NAME=value" are
 * masked. The caller frees it; NULL without memory. */
struct edge_json *agent_secrets_masked(const struct edge_json *value);

#endif
