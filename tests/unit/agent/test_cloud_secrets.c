#include "tests/unit/agent/quotes.h"

#include "agent/cloud/secrets.h"

static void test_names_that_tell_of_a_secret(void **state)
{
    static const char *const secret[] = {"PASSWORD",
                                         "DbPassword",
                                         "MYSQL_ROOT_PASSWORD",
                                         "API_KEY",
                                         "apikey",
                                         "AccessToken",
                                         "client_secret",
                                         "PGPASSWD",
                                         "ConnectionString",
                                         "EdgeHubConnectionString",
                                         "STORAGE_ACCOUNT_KEY",
                                         "DockerRegistryAuth__1__password"};
    static const char *const open[] = {
        "",       "LEVEL",  "KEYBOARD", "MONKEY", "Interval", "UpstreamProtocol", "RuntimeLogLevel",
        "KEY_ID", "PASSAGE"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(secret); i++)
        if (!agent_secret_name(secret[i]))
            fail_msg("%s is shown", secret[i]);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(open); i++)
        if (agent_secret_name(open[i]))
            fail_msg("%s is hidden", open[i]);
}

static void test_values_that_are_a_secret(void **state)
{
    static const char *const secret[] = {
        "HostName=h;DeviceId=d;SharedAccessKey=abc=",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b==",
        "SharedAccessSignature sr=h&sig=x&se=1",
        "https://a.blob.core.windows.net/c?sv=1&sig=abc",
        "https://host/?sig=abc",
        "amqp://user:word@host:5672/",
        "Server=s;User Id=u;Password=p;",
        "-----BEGIN PRIVATE KEY-----\nMII",
    };
    static const char *const open[] = {"",
                                       "5",
                                       "https://host:443/path",
                                       "https://user@host/",
                                       "http://host/a:b@c",
                                       "mqtt://:@host",
                                       "tcp://0.0.0.0:80"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(secret); i++)
        if (!agent_secret_value(secret[i]))
            fail_msg("%s is shown", secret[i]);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(open); i++)
        if (agent_secret_value(open[i]))
            fail_msg("%s is hidden", open[i]);
}

static void test_create_options_keep_all_but_the_secrets(void **state)
{
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *options =
        json("{'Env':['A=1','DB_PASSWORD=x=y','URL=http://u:p@h/','PLAIN'],"
             "'Cmd':['run','--token=t','--level=3'],"
             "'HostConfig':{'LogConfig':{'Type':'splunk','Config':{'splunk-token':'t','n':null}},"
             "'Memory':1000,'Binds':['/a:/b']},'Labels':{'secret':{'deep':[{'apiKey':'k'}]}}}");
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *expected =
        json("{'Env':['A=1','DB_PASSWORD=***','URL=***','PLAIN'],"
             "'Cmd':['run','--token=***','--level=3'],"
             "'HostConfig':{'LogConfig':{'Type':'splunk','Config':{'splunk-token':'***','n':null}},"
             "'Memory':1000,'Binds':['/a:/b']},'Labels':{'secret':{'deep':[{'apiKey':'***'}]}}}");
    EDGE_CLEANUP(edge_json_free) struct edge_json *masked = agent_secrets_masked(options);
    EDGE_CLEANUP(edge_free) char *seen = edge_json_canonical(masked);
    EDGE_CLEANUP(edge_free) char *wanted = edge_json_canonical(expected);
    (void) state;

    assert_string_equal(seen, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_tell_of_a_secret),
        cmocka_unit_test(test_values_that_are_a_secret),
        cmocka_unit_test(test_create_options_keep_all_but_the_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
