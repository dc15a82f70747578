/* tests/emulator/dps/dps_cloud.h - the local cloud as a registrar: what it decides is answered when
 * it is on disk. Loop thread. */
#ifndef TESTS_EMULATOR_DPS_DPS_CLOUD_H
#define TESTS_EMULATOR_DPS_DPS_CLOUD_H

#include "tests/emulator/cloud/cloud.h"
#include "tests/emulator/dps/registrar.h"

struct dps_cloud;

/** @param cloud  outlives it   @return NULL without memory */
struct dps_cloud *dps_cloud_create(struct cloud *cloud);
/** Valid until dps_cloud_destroy. */
struct dps_registrar *dps_cloud_registrar(struct dps_cloud *dps);
/** Who still waits is answered with 503: end the protocols first. Accepts NULL; returns NULL. */
struct dps_cloud *dps_cloud_destroy(struct dps_cloud *dps);

#endif
