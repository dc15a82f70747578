/* tests/emulator/registrar.h - the cloud's provisioning for DPS over MQTT. Loop thread. */
#ifndef TESTS_EMULATOR_REGISTRAR_H
#define TESTS_EMULATOR_REGISTRAR_H

#include "tests/emulator/cloud/cloud.h"
#include "tests/emulator/dps/registrar.h"

/** @p cloud outlives what is returned. */
struct dps_registrar registrar_of(struct cloud *cloud);

#endif
