#include "tests/emulator/cloud/cloud.h"

static const struct {
    const char *name;
    int status;
    int device_code;
    enum hub_result result;
} refusals[CLOUD_REFUSALS] = {
    [0] = {"", 200, 0, HUB_OK},
    [CLOUD_INVALID] = {"ArgumentInvalid", 400, 400004, HUB_BAD},
    [CLOUD_BAD_VERSION] = {"InvalidProtocolVersion", 400, 400001, HUB_BAD},
    [CLOUD_BAD_QUERY] = {"ArgumentInvalid", 400, 400004, HUB_BAD},
    [CLOUD_UNAUTHORIZED] = {"IotHubUnauthorizedAccess", 401, 401003, HUB_REFUSED},
    [CLOUD_QUOTA] = {"IotHubQuotaExceeded", 403, 403002, HUB_QUOTA},
    [CLOUD_QUEUE_FULL] = {"DeviceMaximumQueueDepthExceeded", 403, 403004, HUB_QUOTA},
    [CLOUD_TOO_MANY_DEVICES] = {"TooManyDevices", 403, 403003, HUB_QUOTA},
    [CLOUD_TOO_MANY_MODULES] = {"TooManyModulesOnDevice", 403, 403006, HUB_QUOTA},
    [CLOUD_NO_DEVICE] = {"DeviceNotFound", 404, 404001, HUB_NOT_FOUND},
    [CLOUD_NO_MODULE] = {"ModuleNotFound", 404, 404010, HUB_NOT_FOUND},
    [CLOUD_NOT_FOUND] = {"NotFound", 404, 404000, HUB_NOT_FOUND},
    [CLOUD_NO_CONFIGURATION] = {"ConfigurationNotFound", 404, 404011, HUB_NOT_FOUND},
    [CLOUD_NO_JOB] = {"JobNotFound", 404, 404002, HUB_NOT_FOUND},
    [CLOUD_OFFLINE] = {"DeviceNotOnline", 404, 404103, HUB_NOT_FOUND},
    [CLOUD_NO_MESSAGE] = {"NotFound", 404, 404000, HUB_NOT_FOUND},
    [CLOUD_NO_METHOD] = {"MethodNotAllowed", 405, 405000, HUB_BAD},
    [CLOUD_DEVICE_EXISTS] = {"DeviceAlreadyExists", 409, 409001, HUB_CONFLICT},
    [CLOUD_MODULE_EXISTS] = {"ModuleAlreadyExistsOnDevice", 409, 409301, HUB_CONFLICT},
    [CLOUD_EXISTS] = {"ConfigurationAlreadyExists", 409, 409000, HUB_CONFLICT},
    [CLOUD_STALE] = {"PreconditionFailed", 412, 412001, HUB_CONFLICT},
    [CLOUD_LOCK_LOST] = {"DeviceMessageLockLost", 412, 412002, HUB_CONFLICT},
    [CLOUD_TOO_LARGE] = {"MessageTooLarge", 413, 413001, HUB_TOO_LARGE},
    [CLOUD_THROTTLED] = {"ThrottlingException", 429, 429001, HUB_THROTTLED},
    [CLOUD_TIMEOUT] = {"GatewayTimeout", 504, 504101, HUB_TIMEOUT},
};

int cloud_status(int rc, const char **ret_name)
{
    if (rc < 0 || rc >= CLOUD_REFUSALS) {
        *ret_name = "ServerError";
        return 500;
    }
    *ret_name = refusals[rc].name;
    return refusals[rc].status;
}

int cloud_device_code(int rc)
{
    return rc < 0 || rc >= CLOUD_REFUSALS ? 500001 : refusals[rc].device_code;
}

enum hub_result cloud_hub_result(int rc)
{
    return rc < 0 || rc >= CLOUD_REFUSALS ? HUB_FAILED : refusals[rc].result;
}
