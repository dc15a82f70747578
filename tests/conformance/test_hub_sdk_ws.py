"""The cases of test_hub_sdk.py over WebSockets."""
import unittest

import test_hub_sdk
from test_hub_sdk import sandbox


class HubSdkWs(test_hub_sdk.HubSdk):
    transports = ("mqtt-ws", "amqp-ws")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
