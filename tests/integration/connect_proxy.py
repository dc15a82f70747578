"""An HTTP proxy on loopback for tunnels, as many sites have one: `asked` has what it was asked for."""
import socket
import socketserver
import threading


class Proxy(socketserver.ThreadingTCPServer):
    """HTTP CONNECT and nothing else."""

    daemon_threads = True
    allow_reuse_address = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            method, target, _ = self.rfile.readline().decode().split()
            headers = {}
            while (line := self.rfile.readline().decode().strip()):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            self.server.asked.append((method, target, headers.get("proxy-authorization")))
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as far:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self.pump, args=(far, self.connection), daemon=True)
                back.start()
                self.pump(self.connection, far)
                back.join()

        @staticmethod
        def pump(source, sink):
            try:
                while (data := source.recv(65536)):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def __init__(self):
        self.asked = []
        super().__init__(("127.0.0.1", 0), Proxy.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]

    def stop(self):
        self.shutdown()
        self.server_close()
