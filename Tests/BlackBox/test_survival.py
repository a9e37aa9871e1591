"""What is promised when processes die or are told to stop: no request is lost, nothing is left behind."""

import os
import signal
import socket
import threading
import time
import unittest

import server as kit
from server import Load, Server, alive, wait_until


@unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
class Deaths(unittest.TestCase):
    def worker_deaths(self, workers, kills, pause):
        with Server(workers=workers) as server:
            load = Load(server)
            time.sleep(0.3)
            for _ in range(kills):
                pids = server.workers
                if pids:
                    os.kill(pids[0], signal.SIGKILL)
                time.sleep(pause)
            time.sleep(0.5)
            failures = load.finish()
            self.assertEqual(failures, [], server.log[-3000:])
            self.assertGreater(load.answers, 100)
            self.assertTrue(wait_until(lambda: len(server.workers) == workers, 5))
            self.assertEqual(server.get("/ping")[0], 200)

    def test_killed_workers_lose_no_request(self):
        self.worker_deaths(2, 10, 0.5)

    def test_a_lone_killed_worker_loses_no_request(self):
        self.worker_deaths(1, 10, 0.5)

    def test_killed_nginx_is_replaced(self):
        with Server() as server:
            (old,) = server.wait_for_one(lambda: server.nginx_master)
            os.kill(old, signal.SIGKILL)
            self.assertTrue(wait_until(lambda: server.nginx_master not in ([], [old]), 5), server.log)
            for _ in range(20):
                self.assertEqual(server.predict()[0], 200)

    def test_killed_supervisor_takes_everything_along(self):
        server = Server()
        try:
            family = server.family()
            self.assertGreaterEqual(len(family), 4)
            server.process.kill()
            server.process.wait()
            self.assertTrue(wait_until(lambda: not any(alive(p) for p in family), 10))
        finally:
            server.close()

    def test_ping_tells_the_truth_while_no_worker_lives(self):
        with Server(workers=1) as server:
            (worker,) = server.workers
            os.kill(worker, signal.SIGSTOP)
            begin = time.monotonic()
            self.assertEqual(server.get("/ping")[0], 200)
            self.assertLess(time.monotonic() - begin, 0.5)
            os.kill(worker, signal.SIGCONT)
            self.assertEqual(server.predict()[0], 200)


class Stops(unittest.TestCase):
    def fronts(self):
        return ["direct"] + (["nginx"] if kit.HAS_NGINX else [])

    def test_sigterm_under_load_loses_no_accepted_request(self):
        for front in self.fronts():
            with self.subTest(front), Server(front=front) as server:
                load = Load(server)
                time.sleep(0.5)
                stopped = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                code = server.process.wait(30)
                load.finish()
                # Requests that were sent before the signal are answered; later ones may be refused.
                early = [f for f in load.failures if f[0] < stopped + 0.1]
                self.assertEqual((code, early), (0, []), server.log)

    def test_bytes_sent_before_sigterm_are_answered(self):
        for front in self.fronts():
            with self.subTest(front), Server(front=front) as server:
                sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
                head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n"
                for s in sockets:
                    s.sendall(head + b"Content-Length: %d\r\n\r\n" % len(kit.ROW) + kit.ROW)
                server.process.send_signal(signal.SIGTERM)
                for s in sockets:
                    s.settimeout(20)
                    self.assertTrue(s.recv(65536).startswith(b"HTTP/1.1 200"), server.log)
                    s.close()
                self.assertEqual(server.process.wait(30), 0)

    def test_idle_connections_do_not_hold_up_the_stop(self):
        for front in self.fronts():
            with self.subTest(front), Server(front=front) as server:
                connections = [server.connect() for _ in range(5)]
                for connection in connections:
                    connection.request("GET", "/ping")
                    connection.getresponse().read()
                begin = time.monotonic()
                server.process.send_signal(signal.SIGINT)
                self.assertEqual(server.process.wait(30), 0)
                self.assertLess(time.monotonic() - begin, 5)
                for connection in connections:
                    connection.close()

    def test_second_sigterm_stops_at_once(self):
        for front in self.fronts():
            with self.subTest(front), Server(front=front) as server:
                family = server.family()
                # A request whose body never comes holds the stop up.
                s = socket.create_connection(("127.0.0.1", server.port))
                s.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1")
                time.sleep(0.2)
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                self.assertIsNone(server.process.poll())
                begin = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(10), 143)
                self.assertLess(time.monotonic() - begin, 1)
                self.assertTrue(wait_until(lambda: not any(alive(p) for p in family), 3))
                s.close()

    def test_nothing_is_left_in_the_temporary_folder(self):
        for front in self.fronts():
            with self.subTest(front), Server(front=front) as server:
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(30), 0)
                self.assertEqual([n for n in os.listdir(server.folder) if n != "log"], [])


@unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
class Saturation(unittest.TestCase):
    def test_ping_is_on_time_while_every_worker_is_busy(self):
        with Server() as server:
            body = kit.ROW * 20000
            stop = threading.Event()

            def hammer():
                while not stop.is_set():
                    server.predict(body, timeout=60)

            threads = [threading.Thread(target=hammer, daemon=True) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(1)
            times = []
            for _ in range(40):
                begin = time.monotonic()
                self.assertEqual(server.get("/ping")[0], 200)
                times.append(time.monotonic() - begin)
                time.sleep(0.02)
            stop.set()
            for thread in threads:
                thread.join(60)
            times.sort()
            print(f"ping under saturation: median {times[20] * 1e3:.1f} ms, slowest {times[-1] * 1e3:.1f} ms")
            self.assertLess(times[len(times) * 9 // 10], 0.1)


if __name__ == "__main__":
    unittest.main()
