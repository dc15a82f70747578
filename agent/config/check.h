/* agent/config/check.h - is this value fit for its key? For this room only. Pure; any thread. */
#ifndef AGENT_CONFIG_CHECK_H
#define AGENT_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/** NULL when @p text is fit, else what it must be: "an absolute path". Static. */
typedef const char *config_check(const char *text);

config_check config_check_hostname; /* RFC 1123, at most 64 characters */
config_check config_check_path;
config_check config_check_tcp;    /* tcp://address:port */
config_check config_check_socket; /* unix:///path or /path, short enough for a socket address */
config_check config_check_subnet; /* the form of an IPv4 network */
config_check config_check_network;
config_check config_check_namespace;
config_check config_check_level;
config_check config_check_registry;
config_check config_check_mirror;
config_check config_check_text;     /* one printable line */
config_check config_check_file;     /* an absolute path, or file:///path */
config_check config_check_key_file; /* the same, or a pkcs11: URI */

/* In provisioning.c. */
config_check config_check_source;
config_check config_check_connection_string; /* the form; its fields are read by who uses it */
config_check config_check_authentication;
config_check config_check_attestation;
config_check config_check_id;  /* of a device, a registration, a scope */
config_check config_check_key; /* base64, or a pkcs11: URI */
config_check config_check_token;
config_check config_check_endpoint;
config_check config_check_upstream;
config_check config_check_proxy;

#endif
