"""A module of Node.js and azure-iot-device, unmodified, in a container under the agent: ModuleClient.fromEnvironment
through the workload socket, its twin and a method seen by the cloud."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import cloud  # noqa: E402
import cloud_case  # noqa: E402
from cloud_case import ADDRESS, DEVICE, HUB  # noqa: E402
from sandbox import Unmet, wait_for  # noqa: E402
import node  # noqa: E402

PACKAGES = ["azure-iot-device", "azure-iot-device-mqtt", "azure-iot-device-amqp"]
PATIENCE = 90


class Module(cloud_case.CloudCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(cloud.NODE, "module.js"), "rb") as file:
            made = node.image({"/app/main.js": file.read()}, PACKAGES, cloud.MODULES)
        cls.registry.client.push(made, "node", "1")

    def module(self, transport):
        return cloud_case.module(None, image=f"{cloud_case.HOST}/node:1", env={"TRANSPORT": transport}, options={
            "HostConfig": {"ExtraHosts": [f"{HUB}:{ADDRESS}"], "Binds": [f"{self.hub.ca}:/ca/ca.pem:ro"]}})

    def echo(self, name):
        """The module's answer; its subscription is under way when the SDK returns."""
        status, answer = self.hub.service.method(DEVICE, "echo", {"a": [1]}, module=name, seconds=5)
        if status != 200:
            raise Unmet((status, answer))
        return answer

    def test_a_client_from_the_environment(self):
        self.hub.set_modules(DEVICE, self.desired({"js": self.module("mqtt"), "qs": self.module("amqp")}),
                             js={"hello": "mqtt world"}, qs={"hello": "amqp world"})
        for name, word in (("js", "mqtt world"), ("qs", "amqp world")):
            with self.subTest(module=name):
                self.wait_output(name, "sent", PATIENCE)
                twin = wait_for(lambda: "hello" in self.hub.service.twin(DEVICE, name)["properties"]["reported"]
                                and self.hub.service.twin(DEVICE, name), PATIENCE, "the reported property")
                self.assertEqual(twin["properties"]["reported"]["hello"], word)
                answer = wait_for(lambda name=name: self.echo(name), PATIENCE, "the method to be there")
                self.assertEqual(answer, {"status": 200, "payload": {"a": [1]}})


if __name__ == "__main__":
    cloud_case.main()
