/* agent/cloud/echo.h - the parts of the reported section that repeat the deployment: settings with
 * createOptions in pieces, env; secrets masked. Pure; any thread.
 * All return an owned value, NULL without memory. */
#ifndef AGENT_CLOUD_ECHO_H
#define AGENT_CLOUD_ECHO_H

#include "agent/desired/desired.h"
#include "common/json/json.h"

enum { AGENT_ECHO_PIECE = 512, AGENT_ECHO_PIECES = 100 };

/** {image, imageHash, createOptions…, digest?}. @param spec  NULL: no createOptions are known */
struct edge_json *agent_echo_settings(const char *image, const char *image_hash,
                                      const struct agent_module_spec *spec);
/** {NAME: {"value": text}} */
struct edge_json *agent_echo_env(const struct agent_module_spec *spec);

/** systemModules.edgeAgent's settings and env, from what the deployment says word for word.
 * @param image  replaces the one written, or NULL */
struct edge_json *agent_echo_own_settings(const struct edge_json *edge_agent, const char *image);
struct edge_json *agent_echo_own_env(const struct edge_json *edge_agent);

/** runtime.settings: {minDockerVersion, loggingOptions, registryCredentials without passwords} */
struct edge_json *agent_echo_runtime(const struct agent_desired *desired);

#endif
