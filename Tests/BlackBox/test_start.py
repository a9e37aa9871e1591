"""What a start promises: readiness, and failures that name the culprit."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest

import server as kit
from server import Server


class Starts(unittest.TestCase):
    def check(self, server):
        status, _, body = server.predict()
        self.assertEqual((status, kit.ANSWER in body), (200, True), body)
        self.assertEqual(server.get("/ping")[0], 200)
        status, _, body = server.get("/execution-parameters")
        self.assertEqual(status, 200)
        answer = json.loads(body)
        self.assertEqual(answer["BatchStrategy"], "MULTI_RECORD")
        self.assertLessEqual(answer["MaxConcurrentTransforms"] * answer["MaxPayloadInMB"], 100)

    @unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
    def test_nginx_front_with_two_workers(self):
        with Server(workers=2) as server:
            self.assertEqual(len(server.workers), 2)
            self.assertEqual(len(server.nginx_master), 1)
            self.check(server)

    @unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
    def test_nginx_front_with_one_worker(self):
        with Server(workers=1) as server:
            self.check(server)

    def test_direct(self):
        with Server(front="direct") as server:
            self.assertEqual(server.family(), [])
            self.check(server)

    def test_model_directory_of_sagemaker(self):
        with tempfile.TemporaryDirectory() as base:
            os.makedirs(f"{base}/model")
            pathlib.Path(base, "model/model.onnx").write_bytes(pathlib.Path(kit.MODEL).read_bytes())
            with Server(model=None, front="direct", env={"SAGEMAKER_BASE_DIR": base}) as server:
                self.check(server)

    def test_model_archive(self):
        with tempfile.TemporaryDirectory() as base:
            archive = f"{base}/model.tar.gz"
            folder = pathlib.Path(kit.MODEL).parent
            subprocess.run(["tar", "czf", archive, "-C", folder, pathlib.Path(kit.MODEL).name], check=True)
            for front in ["direct"] + (["nginx"] if kit.HAS_NGINX else []):
                with self.subTest(front), Server(model=archive, front=front) as server:
                    self.check(server)

    def test_a_model_that_refuses_made_up_inputs_is_served(self):
        model = str(kit.ROOT / "Tests/Fixtures/sklearn/one_hot_only/model.onnx")
        with Server(model=model, front="direct") as server:
            self.assertEqual(server.get("/ping")[0], 200)

    def test_header_lines_have_the_same_limit_with_and_without_nginx(self):
        for front in ["direct"] + (["nginx"] if kit.HAS_NGINX else []):
            with self.subTest(front), Server("--max-header-size", "4KiB", front=front) as server:
                for length, status in [(3000, 200), (5000, 431)]:
                    got, _, body = server.request("GET", "/ping", headers={"X-Long": "a" * length})
                    self.assertEqual(got, status, body)
                self.assertEqual(kit.error_of(body)["setting"], "max-header-size")

    def test_kernels_by_name(self):
        for front in ["direct"] + (["nginx"] if kit.HAS_NGINX else []):
            with self.subTest(front), Server("--kernels", "baseline", front=front) as server:
                self.check(server)

    def test_sagemakers_port_beats_the_flag(self):
        port = kit.free_port()
        with Server(front="direct", env={"SAGEMAKER_BIND_TO_PORT": str(port)}, ready=False) as server:
            server.port = port
            server.wait_ready()
            self.check(server)

    def test_json_log(self):
        with Server("--log-format", "json", front="direct") as server:
            server.process.terminate()
            self.assertEqual(server.process.wait(30), 0)
            lines = [json.loads(line) for line in server.log.splitlines()]
            self.assertIn("serving", [line["message"] for line in lines])
            for line in lines:
                self.assertLessEqual({"timestamp", "level", "message", "process"}, set(line))

    def test_config_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("# limits\nmax-body-size: 1KiB\n")
            file.flush()
            with Server("--config", file.name, front="direct") as server:
                status, _, body = server.predict(b"1,2,3,4\n" * 200)
                self.assertEqual(status, 413)
                self.assertEqual(kit.error_of(body)["setting"], "max-body-size")

    @unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
    def test_access_log_has_the_request_id(self):
        with Server("--access-log", "--log-format", "json") as server:
            server.predict(**{"X-Request-Id": "abc-1"})
            wanted = lambda: [json.loads(l) for l in server.log.splitlines() if "abc-1" in l]
            self.assertTrue(kit.wait_until(wanted, 5), server.log)
            (line,) = wanted()
            self.assertEqual((line["message"], line["status"], line["request_id"]), ("request", "200", "abc-1"))

    def test_nothing_is_logged_per_request(self):
        with Server(front="direct") as server:
            before = server.log
            for _ in range(20):
                server.predict()
            self.assertEqual(server.log, before)


class FailedStarts(unittest.TestCase):
    def fails(self, words, culprits, code, env=None):
        begin = time.monotonic()
        done = subprocess.run(
            [kit.program(), *words], capture_output=True, text=True, timeout=20, env=kit.clean_environment(**(env or {})))
        seconds = time.monotonic() - begin
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertLess(seconds, 5)
        self.assertLessEqual(len(done.stderr.splitlines()), 10, done.stderr)
        for culprit in culprits:
            self.assertTrue(any(culprit in line for line in done.stderr.splitlines()), (culprit, done.stderr))

    def fronts(self):
        return ["direct"] + (["nginx"] if kit.HAS_NGINX else [])

    def test_no_model(self):
        for front in self.fronts():
            with self.subTest(front):
                self.fails(["/nowhere/model.onnx", "--front", front], ["/nowhere/model.onnx"], 66)
        self.fails([], ["/nowhere/base/model"], 66, {"SAGEMAKER_BASE_DIR": "/nowhere/base"})

    def test_empty_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            self.fails([folder], [folder], 66)

    def test_pipe(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkfifo(f"{folder}/pipe")
            for front in self.fronts():
                with self.subTest(front):
                    self.fails([f"{folder}/pipe", "--front", front], [f"{folder}/pipe"], 65)

    def test_corrupt_model(self):
        good = pathlib.Path(kit.MODEL).read_bytes()
        for name, data in [("cut", good[: len(good) // 2]), ("noise", os.urandom(4096)), ("empty", b"")]:
            with tempfile.TemporaryDirectory() as folder:
                path = f"{folder}/model.onnx"
                pathlib.Path(path).write_bytes(data)
                for front in self.fronts():
                    with self.subTest(front=front, kind=name):
                        port = str(kit.free_port())
                        self.fails([path, "--host=127.0.0.1", "--port", port, "--front", front], [path], 65)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_no_permission(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/model.onnx"
            pathlib.Path(path).write_bytes(b"x")
            os.chmod(path, 0)
            self.fails([path], [path], 77)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            for front in self.fronts():
                with self.subTest(front):
                    self.fails(
                        [kit.MODEL, "--host=127.0.0.1", "--port", port, "--front", front], [f"port {port}"], 69)

    def test_flags(self):
        self.fails([kit.MODEL, "--prot", "80"], ["--prot", "--port"], 64)
        self.fails([kit.MODEL, "--port", "http"], ["--port", "1 to 65535"], 64)
        self.fails([kit.MODEL, "--host", "example.invalid", "--front=direct"], ["example.invalid"], 64)
        self.fails([kit.MODEL, "--front=direct", "--workers=2"], ["workers"], 64)
        self.fails([kit.MODEL, "extra"], ["extra"], 64)

    def test_environment(self):
        self.fails([kit.MODEL], ["SWIFTLET_PROT", "SWIFTLET_PORT"], 78, {"SWIFTLET_PROT": "1"})
        self.fails([kit.MODEL], ["SWIFTLET_WORKERS"], 78, {"SWIFTLET_WORKERS": "many"})
        self.fails([kit.MODEL], ["SWIFTLET_KERNELS", "baseline"], 78, {"SWIFTLET_KERNELS": "z80"})
        self.fails([kit.MODEL], ["SAGEMAKER_BIND_TO_PORT"], 78, {"SAGEMAKER_BIND_TO_PORT": "x"})

    def test_file(self):
        self.fails([kit.MODEL, "--config", "/nowhere/c.yaml"], ["/nowhere/c.yaml"], 78)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("port: 8080\nwrokers: 2\n")
            file.flush()
            self.fails([kit.MODEL, "--config", file.name], [f"{file.name}:2", "workers"], 78)

    def test_missing_nginx(self):
        self.fails([kit.MODEL, "--front=nginx", "--nginx=/nowhere/nginx"], ["/nowhere/nginx"], 69)

    @unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
    def test_broken_template(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("daemon off;\nnonsense on;\nevents {}\n")
            file.flush()
            port = str(kit.free_port())
            self.fails(
                [kit.MODEL, "--host=127.0.0.1", "--port", port, "--front=nginx", "--nginx-template", file.name],
                ["nonsense"], 69)

    def test_unsuitable_output_name(self):
        port = str(kit.free_port())
        self.fails(
            [kit.MODEL, "--host=127.0.0.1", "--port", port, "--front=direct", "--outputs=nope"], ["nope"], 78)

    def test_help_names_every_exit_code(self):
        done = subprocess.run([kit.program(), "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0)
        for word in ["--max-body-size", "exit codes", "64", "66", "69", "78", "143"]:
            self.assertIn(word, done.stdout)


if __name__ == "__main__":
    unittest.main()
