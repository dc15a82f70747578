#include "tests/unit/test.h"

#include <errno.h>

#include "agent/security/provision/dps.h"
#include "agent/security/provision/provision.h"
#include "tests/unit/agent/security/fake_cloud.h"
#include "tests/unit/agent/security/temp.h"

#define ASSIGNED                                                                                   \
    "{\"operationId\":\"4.a\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":"     \
    "\"hub.test\",\"deviceId\":\"dev\"}}"
#define ASSIGNING "{\"operationId\":\"4.a\",\"status\":\"assigning\"}"

static int read_answer(int status, const char *body, struct sec_dps_result *ret,
                       struct edge_err *err)
{
    struct sec_cloud_answer answer = {.status = status};
    int rc;

    if (body)
        assert_int_equal(edge_json_parse(body, strlen(body), &answer.body, NULL), 0);
    rc = sec_dps_read(&answer, ret, err);
    sec_cloud_answer_fini(&answer);
    return rc;
}

static void test_each_answer_of_dps_has_its_meaning(void **state)
{
    static const struct {
        int status;
        const char *body;
        int rc;
    } answers[] = {
        {200, ASSIGNED, SEC_DPS_ASSIGNED},
        {202, ASSIGNING, SEC_DPS_ASSIGNING},
        {200, ASSIGNING, SEC_DPS_ASSIGNING},
        {200, "{\"operationId\":\"4.a\",\"status\":\"unassigned\"}", SEC_DPS_ASSIGNING},
        {200, "{\"status\":\"failed\",\"registrationState\":{\"errorMessage\":\"no hub\"}}",
         EDGE_EREMOTE},
        {200, "{\"status\":\"disabled\"}", EDGE_EREMOTE},
        {401, "{\"errorCode\":401002,\"message\":\"Unauthorized\"}", EDGE_EAUTH},
        {403, NULL, EDGE_EAUTH},
        {404, NULL, -ENOENT},
        {429, NULL, EDGE_EUNAVAILABLE},
        {500, NULL, EDGE_EUNAVAILABLE},
        {503, "{}", EDGE_EUNAVAILABLE},
        {400, "{\"message\":\"bad\"}", EDGE_EREMOTE},
        {200, NULL, EDGE_EPROTOCOL},
        {200, "[]", EDGE_EPROTOCOL},
        {200, "{\"status\":\"dancing\"}", EDGE_EPROTOCOL},
        {202, "{\"status\":\"assigning\"}", EDGE_EPROTOCOL},
        {202, "{\"status\":\"assigning\",\"operationId\":\"../x\"}", EDGE_EPROTOCOL},
        {202, "{\"status\":\"assigning\",\"operationId\":7}", EDGE_EPROTOCOL},
        {200, "{\"status\":\"assigned\"}", EDGE_EPROTOCOL},
        {200,
         "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"a/b\",\"deviceId\":"
         "\"d\"}}",
         EDGE_EPROTOCOL},
        {200,
         "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":\"\"}"
         "}",
         EDGE_EPROTOCOL},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(answers); i++) {
        struct sec_dps_result result = {0};
        struct edge_err err = {0};
        int rc = read_answer(answers[i].status, answers[i].body, &result, &err);

        if (rc != answers[i].rc)
            fail_msg("%d %s: %d instead of %d", answers[i].status, answers[i].body, rc,
                     answers[i].rc);
        assert_true(rc >= 0 || *err.text);
    }
}

static struct agent_provisioning dps(void)
{
    return (struct agent_provisioning){
        .source = (char *) (uintptr_t) "dps",
        .global_endpoint = (char *) (uintptr_t) "https://dps.test/",
        .scope_id = (char *) (uintptr_t) "0ne1",
        .attestation = {.method = (char *) (uintptr_t) "symmetric_key",
                        .registration_id = (char *) (uintptr_t) "reg 1",
                        .symmetric_key = (char *) (uintptr_t) "a2V5"},
    };
}

static int provision(const struct agent_provisioning *config, struct fake_cloud *cloud,
                     const char *cache, bool offline, struct sec_device *ret, struct edge_err *err)
{
    const struct sec_provision p = {config, cache, &cloud->base, offline};

    return sec_provision(&p, ret, err);
}

static void test_dps_is_asked_until_it_has_decided_and_then_not_again(void **state)
{
    static const struct fake_answer answers[] = {{202, ASSIGNING, 1}, {200, ASSIGNED, 0}};
    EDGE_CLEANUP(edge_free) char *cache = edge_format("%s/one.json", temp_folder);
    struct agent_provisioning config = dps();
    struct agent_provisioning other = dps();
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    struct sec_device device = {0};
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(provision(&config, &cloud, cache, true, &device, &err), -ENOENT);
    assert_int_equal(provision(&config, &cloud, cache, false, &device, &err), 0);
    assert_string_equal(device.hub, "hub.test");
    assert_string_equal(device.id, "dev");
    assert_non_null(device.key);
    assert_int_equal(cloud.calls, 2);
    assert_string_equal(cloud.asked[0], "PUT https://dps.test/0ne1/registrations/reg%201/register?"
                                        "api-version=2021-06-01 {\"registrationId\":\"reg 1\"}");
    assert_string_equal(cloud.asked[1], "GET https://dps.test/0ne1/registrations/reg%201/operations"
                                        "/4.a?api-version=2021-06-01");
    assert_string_equal(cloud.resource, "0ne1/registrations/reg 1");
    assert_true(cloud.by_key);
    sec_device_fini(&device);

    assert_int_equal(provision(&config, &cloud, cache, true, &device, &err), 0);
    assert_string_equal(device.id, "dev");
    assert_int_equal(cloud.calls, 2);
    sec_device_fini(&device);

    other.scope_id = (char *) (uintptr_t) "0ne2";
    assert_int_equal(provision(&other, &cloud, cache, true, &device, &err), -ENOENT);
}

static void test_a_refusal_leaves_what_is_remembered(void **state)
{
    static const struct fake_answer good[] = {{200, ASSIGNED, 0}};
    static const struct fake_answer none[] = {{0, NULL, 0}};
    static const struct fake_answer refusal[] = {{401, NULL, 0}};
    EDGE_CLEANUP(edge_free) char *cache = edge_format("%s/two.json", temp_folder);
    struct agent_provisioning config = dps();
    struct fake_cloud clouds[] = {FAKE_CLOUD(good), FAKE_CLOUD(none), FAKE_CLOUD(refusal)};
    struct sec_device device = {0};
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(provision(&config, &clouds[0], cache, false, &device, &err), 0);
    sec_device_fini(&device);
    assert_int_equal(provision(&config, &clouds[1], cache, false, &device, &err),
                     EDGE_EUNAVAILABLE);
    assert_int_equal(provision(&config, &clouds[2], cache, false, &device, &err), EDGE_EAUTH);
    assert_null(device.id);
    assert_int_equal(provision(&config, &clouds[1], cache, true, &device, &err), 0);
    assert_string_equal(device.hub, "hub.test");
    sec_device_fini(&device);
}

static void test_a_damaged_memory_is_as_good_as_none(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "{\"fingerprint\":1}"};
    static const struct fake_answer none[] = {{0, NULL, 0}};
    EDGE_CLEANUP(edge_free) char *cache = edge_format("%s/three.json", temp_folder);
    struct agent_provisioning config = dps();
    struct fake_cloud cloud = FAKE_CLOUD(none);
    struct sec_device device = {0};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        assert_int_equal(edge_file_write(cache, texts[i], strlen(texts[i]), 0600, NULL), 0);
        assert_int_equal(provision(&config, &cloud, cache, true, &device, NULL), -ENOENT);
    }
}

static void test_by_hand_no_cloud_is_needed(void **state)
{
    static const struct fake_answer none[] = {{0, NULL, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(none);
    struct agent_provisioning config = {.source = (char *) (uintptr_t) "manual"};
    struct sec_device device = {0};
    struct edge_err err = {0};
    (void) state;

    config.connection_string =
        (char *) (uintptr_t) "HostName=hub.test;DeviceId=gw;SharedAccessKey=a2V5";
    assert_int_equal(provision(&config, &cloud, "/none", false, &device, &err), 0);
    assert_string_equal(device.hub, "hub.test");
    assert_string_equal(device.id, "gw");
    assert_non_null(device.key);
    sec_device_fini(&device);

    config.connection_string = (char *) (uintptr_t) "HostName=h/x;DeviceId=gw;SharedAccessKey=a2V5";
    assert_int_equal(provision(&config, &cloud, "/none", false, &device, &err), EDGE_EINVALID);
    config.connection_string =
        (char *) (uintptr_t) "HostName=h;DeviceId=gw;ModuleId=m;SharedAccessKey=a2V5";
    assert_int_equal(provision(&config, &cloud, "/none", false, &device, &err), EDGE_EINVALID);
    assert_null(strstr(err.text, "a2V5"));

    config.connection_string = NULL;
    config.authentication.method = (char *) (uintptr_t) "x509";
    config.authentication.iothub_hostname = (char *) (uintptr_t) "hub.test";
    config.authentication.device_id = (char *) (uintptr_t) "gw";
    config.authentication.identity_cert = (char *) (uintptr_t) "/c.pem";
    config.authentication.identity_pk = (char *) (uintptr_t) "pkcs11:object=k";
    assert_int_equal(provision(&config, &cloud, "/none", false, &device, &err), 0);
    assert_null(device.key);
    assert_string_equal(device.cert_file, "/c.pem");
    assert_string_equal(device.pk, "pkcs11:object=k");
    sec_device_fini(&device);
    assert_int_equal(cloud.calls, 0);
}

static void test_a_device_of_files_has_no_identity(void **state)
{
    static const struct fake_answer none[] = {{0, NULL, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(none);
    const struct agent_provisioning config = {.source = (char *) (uintptr_t) "file"};
    struct sec_device device = {0};
    (void) state;

    assert_int_equal(provision(&config, &cloud, "/none", false, &device, NULL), EDGE_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_answer_of_dps_has_its_meaning),
        cmocka_unit_test(test_dps_is_asked_until_it_has_decided_and_then_not_again),
        cmocka_unit_test(test_a_refusal_leaves_what_is_remembered),
        cmocka_unit_test(test_a_damaged_memory_is_as_good_as_none),
        cmocka_unit_test(test_by_hand_no_cloud_is_needed),
        cmocka_unit_test(test_a_device_of_files_has_no_identity),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
