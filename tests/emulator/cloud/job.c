#include "tests/emulator/cloud/internal.h"

void cloud_jobs_end(struct cloud *cloud)
{
    (void) cloud;
}

int cloud_jobs_resume(struct cloud *cloud)
{
    (void) cloud;
    return 0;
}
