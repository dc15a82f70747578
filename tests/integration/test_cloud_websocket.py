"""The agent reaches the cloud on port 443 alone, with MQTT over WebSocket."""
import subprocess

import cloud_case
from cloud_case import DEVICE, PATIENCE, module
from sandbox import wait_for


def connections(port):
    """To that port, as lines of `ss`."""
    done = subprocess.run(["ss", "-Htn", "state", "established", f"( dport = :{port} )"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


class OverWebSocket(cloud_case.CloudCase):
    agent_env = {"UpstreamProtocol": "MqttWs"}

    def test_deployments_and_methods_come_over_websocket(self):
        self.deploy({"m": module()})
        self.wait_running("m", timeout=90)
        self.assertTrue(connections(443))
        self.assertEqual(connections(8883), [])
        self.assertEqual(self.hub.service.method(DEVICE, "ping")[1]["status"], 200)
        self.hub.faults(drop=f"{DEVICE}/$edgeAgent")
        self.deploy({"m": module(), "n": module()})
        self.wait_running("m", "n", timeout=90)
        self.assertEqual(connections(8883), [])

    def test_a_cloud_that_goes_is_found_again(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        mark = self.security.size()
        self.hub.stop()
        wait_for(lambda: "not connected" in self.security.text(mark), PATIENCE, "the agent to see it")
        self.hub.start()
        self.deploy({"m": module(), "late": module()})
        self.wait_running("m", "late", timeout=90)
        self.assertEqual(self.pids("m")["m"], pid)


if __name__ == "__main__":
    cloud_case.main()
