/* agent/config/check.h - is this value fit for its key? For this room only. Pure; any thread. */
#ifndef AGENT_CONFIG_CHECK_H
#define AGENT_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/** NULL when @p text is fit, else what it must be: "an absolute path". Static. */
typedef const char *config_check(const char *text);

config_check config_check_hostname; /* RFC 1123, at most 64 characters */
config_check config_check_path;
config_check config_check_socket; /* unix:///path or /path, short enough for a socket address */
config_check config_check_subnet; /* the form of an IPv4 network */
config_check config_check_network;
config_check config_check_namespace;
config_check config_check_level;
config_check config_check_registry;
config_check config_check_mirror;

#endif
